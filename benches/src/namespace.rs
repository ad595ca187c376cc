//! Another network namespace, with no sockets.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How long a process may take to enter its namespace.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A process in a network namespace of its own. It ends when it is dropped, or when this process ends.
pub struct OtherNamespace {
    child: Child,
    /// The namespace.
    pub file: File,
}

impl OtherNamespace {
    /// Creates the namespace.
    ///
    /// `None`, after a message, if this takes more privileges.
    pub fn create() -> Option<OtherNamespace> {
        // `cat` ends when its input is closed.
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child =
            command.spawn().inspect_err(|error| eprintln!("skipped two namespaces: unshare: {error}")).ok()?;
        let path = format!("/proc/{}/ns/net", child.id());
        let own = fs::read_link("/proc/self/ns/net").ok()?;
        let start = Instant::now();
        while fs::read_link(&path).is_ok_and(|namespace| namespace == own) {
            if start.elapsed() > TIMEOUT || child.try_wait().is_ok_and(|status| status.is_some()) {
                eprintln!("skipped two namespaces: a network namespace cannot be created");
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let file = File::open(path).expect("open the namespace of a child");
        Some(OtherNamespace { child, file })
    }
}

impl Drop for OtherNamespace {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
