//! Passes descriptors between processes: in SCM_RIGHTS messages and by inheritance.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketAddrUnix, recvmsg, sendmsg_addr,
};

/// Returns the abstract Unix socket address of an actor of this history.
pub fn address(history: &str, actor: u32) -> SocketAddr {
    SocketAddr::from_abstract_name(format!("{history}-{actor}")).expect("history name is too long")
}

/// Sends a copy of a descriptor to an actor. The original stays open.
pub fn send(mailbox: &UnixDatagram, history: &str, actor: u32, fd: impl AsFd) -> rustix::io::Result<()> {
    let fds = [fd.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let to = SocketAddrUnix::new_abstract_name(format!("{history}-{actor}").as_bytes())?;
    sendmsg_addr(mailbox, &to, &[IoSlice::new(b"!")], &mut control, SendFlags::DONTWAIT)?;
    Ok(())
}

/// Receives the descriptor of the oldest message, or `None` if there is no message.
pub fn receive(mailbox: &UnixDatagram) -> rustix::io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    match recvmsg(
        mailbox,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC,
    ) {
        Err(Errno::AGAIN) => return Ok(None),
        result => result?,
    };
    let fds = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok(fds)
}

/// Sets or clears FD_CLOEXEC, which decides whether new programs inherit the descriptor.
pub fn set_inheritable(fd: impl AsFd, inheritable: bool) -> rustix::io::Result<()> {
    fcntl_setfd(fd, if inheritable { FdFlags::empty() } else { FdFlags::CLOEXEC })
}

/// Returns the descriptor's number, which is the same in a process that inherits it.
pub fn raw_fd(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}

/// Takes ownership of an inherited descriptor.
///
/// Call this once per number, before any other file is opened.
pub fn inherited(number: i32) -> OwnedFd {
    #[allow(unsafe_code)]
    // SAFETY: the parent left this number open for this process. The process takes it once, before it opens other
    // files, so nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    set_inheritable(&fd, false).expect("inherited descriptor is not open");
    fd
}
