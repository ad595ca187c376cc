//! Peers that are no crates.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Runs `ss` and counts the lines that it prints; `None` if it fails or is not installed.
pub fn ss(args: &[&str]) -> Option<usize> {
    let output = Command::new("ss").args(args).output().ok()?;
    output.status.success().then(|| output.stdout.iter().filter(|byte| **byte == b'\n').count())
}

/// A Python that has loaded psutil, and asks it for the table whenever it is sent a line.
pub struct Psutil {
    python: Child,
    answers: BufReader<ChildStdout>,
    version: String,
}

const PROGRAM: &str = "
import sys, psutil
print(psutil.__version__, flush=True)
for _ in sys.stdin:
    print(len(psutil.net_connections('tcp6')), flush=True)
";

impl Psutil {
    /// `None` if it is not installed.
    pub fn start() -> Option<Psutil> {
        let mut python = Command::new("python3");
        python.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = python.spawn().ok().and_then(|mut python| {
            let mut answers = BufReader::new(python.stdout.take()?);
            let mut version = String::new();
            // Nothing, if it could not load it.
            answers.read_line(&mut version).ok().filter(|bytes| *bytes > 0)?;
            Some(Psutil { python, answers, version: version.trim().to_owned() })
        });
        if started.is_none() {
            eprintln!("left out, psutil: it is not installed");
        }
        started
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Asks for the table: how many rows it has.
    pub fn rows(&mut self) -> Option<usize> {
        self.python.stdin.as_mut()?.write_all(b"\n").ok()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).ok()?;
        answer.trim().parse().ok()
    }
}

impl Drop for Psutil {
    fn drop(&mut self) {
        drop(self.python.stdin.take());
        // It ends with its input. One that cannot be waited for is gone.
        let _ = self.python.wait();
    }
}
