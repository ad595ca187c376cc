//! Peers that are programs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Runs `ss` and counts the lines that it prints. `None` if it fails or is not installed.
pub fn ss(args: &[&str]) -> Option<usize> {
    let output = Command::new("ss").args(args).output().ok()?;
    output.status.success().then(|| output.stdout.iter().filter(|byte| **byte == b'\n').count())
}

/// A Python process that reads the table with psutil for each line on its standard input.
pub struct Psutil {
    python: Child,
    output: BufReader<ChildStdout>,
    version: String,
}

const PROGRAM: &str = "
import sys, psutil
print(psutil.__version__, flush=True)
for _ in sys.stdin:
    print(len(psutil.net_connections('tcp6')), flush=True)
";

impl Psutil {
    /// Starts the process. `None` if Python or psutil is not installed.
    pub fn start() -> Option<Psutil> {
        let mut python = Command::new("python3");
        python.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = python.spawn().ok().and_then(|mut python| {
            let mut output = BufReader::new(python.stdout.take()?);
            let mut version = String::new();
            // End of file if the import failed.
            output.read_line(&mut version).ok().filter(|bytes| *bytes > 0)?;
            Some(Psutil { python, output, version: version.trim().to_owned() })
        });
        if started.is_none() {
            eprintln!("skipped psutil: it is not installed");
        }
        started
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Reads the table once. Returns the number of rows.
    pub fn rows(&mut self) -> Option<usize> {
        self.python.stdin.as_mut()?.write_all(b"\n").ok()?;
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        line.trim().parse().ok()
    }
}

impl Drop for Psutil {
    fn drop(&mut self) {
        drop(self.python.stdin.take());
        // The process exits when its standard input is closed. If wait fails, it no longer exists.
        let _ = self.python.wait();
    }
}
