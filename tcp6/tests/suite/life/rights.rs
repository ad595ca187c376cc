//! Sockets that are handed from process to process: in a message of a unix socket, and by inheritance.

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

/// Where messages for this actor go, of the history with this name. Nothing of it is in the file system.
pub fn address(history: &str, actor: u32) -> SocketAddr {
    SocketAddr::from_abstract_name(format!("{history}-{actor}")).expect("a short name")
}

/// Sends a descriptor to this actor. It stays open here.
pub fn send(mail: &UnixDatagram, history: &str, actor: u32, what: impl AsFd) -> rustix::io::Result<()> {
    let fds = [what.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let to = SocketAddrUnix::new_abstract_name(format!("{history}-{actor}").as_bytes())?;
    sendmsg_addr(mail, &to, &[IoSlice::new(b"!")], &mut control, SendFlags::DONTWAIT)?;
    Ok(())
}

/// Takes the descriptor of the oldest message, if there is any.
pub fn take(mail: &UnixDatagram) -> rustix::io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    match recvmsg(mail, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC)
    {
        Err(Errno::AGAIN) => return Ok(None),
        done => done?,
    };
    let fds = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok(fds)
}

/// Whether the programs that this process runs from now on inherit the descriptor.
pub fn inherit(what: impl AsFd, inherited: bool) -> rustix::io::Result<()> {
    fcntl_setfd(what, if inherited { FdFlags::empty() } else { FdFlags::CLOEXEC })
}

/// The number by which an heir knows the descriptor.
pub fn number(what: impl AsFd) -> i32 {
    what.as_fd().as_raw_fd()
}

/// The descriptor that this process was started with under this number. To be asked for once.
pub fn inherited(number: i32) -> OwnedFd {
    #[allow(unsafe_code)]
    // SAFETY: the parent has left the number open for this process, which asks for it once, before it opens anything.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    inherit(&fd, false).expect("the parent has left it open");
    fd
}
