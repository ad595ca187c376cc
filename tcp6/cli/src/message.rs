//! Error messages on standard error, and the exit status.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::args::Usage;
use crate::escape::escape;
use crate::netns::UnknownZone;

/// The reason why a command failed.
#[derive(Debug)]
pub enum Failure {
    Usage(Usage),
    /// The table or the counters cannot be read.
    System(tcp6::Error),
    /// `--netns` names no network namespace.
    NoNamespace(String),
    /// `--local` or `--remote` names no interface.
    Zone(UnknownZone),
    /// Network namespaces are missing. They have been reported.
    Incomplete,
    /// A live view without `--json`, with standard output redirected to a pipe or a file.
    NoTerminal {
        /// The name of the command.
        command: &'static str,
    },
    Output(io::Error),
}

impl Failure {
    /// Reports the failure and returns the exit status.
    ///
    /// A pipe closed by its reader is not an error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Failure::Incomplete => ExitCode::FAILURE,
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
            Failure::System(error) => write!(f, "{error}"),
            Failure::NoNamespace(name) => {
                write!(f, "no network namespace is named {name:?}, and it is not the ID of a process")
            }
            Failure::Zone(zone) => write!(f, "{zone}"),
            Failure::Incomplete => f.write_str("network namespaces are missing"),
            Failure::NoTerminal { command } => {
                write!(f, "standard output is not a terminal; use `tcp6 {command} --json` instead")
            }
            Failure::Output(error) => write!(f, "output error: {error}"),
        }
    }
}

impl From<tcp6::Error> for Failure {
    fn from(error: tcp6::Error) -> Failure {
        Failure::System(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Writes a message to standard error. Ignores write errors: standard error may be closed or full.
pub fn report(message: &impl fmt::Display) {
    let lines: Vec<String> = message.to_string().lines().map(escape).collect();
    let _ = writeln!(io::stderr().lock(), "tcp6: {}", lines.join("\n"));
}
