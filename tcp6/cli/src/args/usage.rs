//! The error for an invalid command line.

use std::fmt;

use lexopt::Arg;
use lexopt::prelude::Value;

#[derive(Debug, PartialEq, Eq)]
pub struct Usage(pub(super) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nTry `tcp6 --help` for more information.", self.0)
    }
}

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Usage {
        Usage(error.to_string())
    }
}

/// The error for an argument that the command does not have.
pub(super) fn unexpected(arg: Arg<'_>) -> Usage {
    match arg {
        Value(value) => Usage(format!("unexpected argument {value:?}")),
        other => other.unexpected().into(),
    }
}
