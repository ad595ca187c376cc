//! Keeps accepted sockets out of child processes.
//!
//! On Windows, `accept` returns an inheritable handle, and [`Command`] passes every inheritable handle to the child. The
//! socket then stays open until the child exits, and Wine 10 lists it once for each handle, with the process of the
//! handle as the owner. All other sockets of std are created without inheritance. On Unix, no socket is inherited.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Accepts a connection, and makes its handle not inheritable.
pub fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let _guard = lock();
    let (server, _) = listener.accept()?;
    #[cfg(windows)]
    socket2::SockRef::from(&server).set_no_inherit(true)?;
    Ok(server)
}

/// Starts a child. Waits until no other thread is between accepting a handle and making it not inheritable.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let _guard = lock();
    command.spawn()
}

/// Runs a child as [`Command::output`] does.
pub fn output(command: &mut Command) -> io::Result<Output> {
    spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?.wait_with_output()
}

/// Prevents other threads from accepting and spawning with the functions of this module.
///
/// `None` on systems where a new handle is not inheritable at any moment.
pub fn lock() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    cfg!(windows).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}
