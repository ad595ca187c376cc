//! What goes to standard error, and the exit status.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::args::Usage;
use crate::escape::escape;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    Usage(Usage),
    Table(tcp6::Error),
    /// `tcp6 watch` without `--json`, into a pipe or a file.
    NoTerminal,
    Output(io::Error),
}

impl Failure {
    /// Reports the failure. A reader that has closed the pipe has seen enough, which is a success.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Failure::Usage(_) => {
                report(self);
                ExitCode::from(2)
            }
            _ => {
                report(self);
                ExitCode::FAILURE
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(usage) => write!(f, "{usage}"),
            Failure::Table(error) => write!(f, "{error}"),
            Failure::NoTerminal => {
                f.write_str("standard output is not a terminal; use `tcp6 watch --json` for one change a line")
            }
            Failure::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl From<tcp6::Error> for Failure {
    fn from(error: tcp6::Error) -> Failure {
        Failure::Table(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Writes a message to standard error. If that is closed or full the message is lost, and nothing else happens.
pub fn report(message: &impl fmt::Display) {
    let lines: Vec<String> = message.to_string().lines().map(escape).collect();
    let _ = writeln!(io::stderr().lock(), "tcp6: {}", lines.join("\n"));
}
