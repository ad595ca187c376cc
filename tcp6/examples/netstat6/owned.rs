//! The table with whose sockets they are.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddrV6;
use std::time::SystemTime;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use tcp6::{Owner, OwnerPidRow, Processes, Row, State, StateCounts, Table};

/// A table whose owners have names.
#[derive(Serialize)]
pub struct Document {
    #[serde(with = "tcp6::serde::time::seconds")]
    taken_at: SystemTime,
    rows: Vec<OwnedRow>,
}

/// A row with the name of its owner.
#[derive(Serialize)]
struct OwnedRow {
    local: SocketAddrV6,
    remote: Option<SocketAddrV6>,
    state: State,
    owner: Named,
}

/// An owner, by name if there is one to be had.
enum Named {
    Process { pid: u32, name: Option<String> },
    Other(Owner),
}

impl Serialize for Named {
    /// `{"pid": 1234, "name": "nginx"}`, `"nobody"`, `"kernel"` or `"unresolved"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Named::Process { pid, name } => {
                let mut owner = serializer.serialize_struct("Owner", 2)?;
                owner.serialize_field("pid", pid)?;
                owner.serialize_field("name", name)?;
                owner.end()
            }
            Named::Other(owner) => owner.serialize(serializer),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Named::Process { pid, name: Some(name) } => write!(f, "{pid} {}", name.escape_debug()),
            Named::Process { pid, name: None } => write!(f, "{pid}"),
            Named::Other(owner) => write!(f, "{owner}"),
        }
    }
}

impl Document {
    /// The table with its owners' names, each process looked up once.
    pub fn new(table: Table<'_, OwnerPidRow>) -> Document {
        let mut processes = Processes::new();
        let mut round = processes.round();
        let mut name = |pid| Some(round.get(pid)?.name().to_string_lossy().into_owned());
        let owned = |row: &OwnerPidRow| OwnedRow {
            local: row.local(),
            remote: row.remote(),
            state: row.state(),
            owner: match row.owner() {
                Owner::Process(pid) => Named::Process { pid, name: name(pid) },
                other => Named::Other(other),
            },
        };
        Document { taken_at: table.taken_at(), rows: table.iter().map(owned).collect() }
    }

    /// Prints it as a table for people.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let heading = ["State", "Local", "Remote", "Owner"].map(str::to_owned);
        let line = |row: &OwnedRow| {
            let remote = row.remote.map_or_else(|| "-".to_owned(), |remote| remote.to_string());
            [row.state.to_string(), row.local.to_string(), remote, row.owner.to_string()]
        };
        let lines: Vec<[String; 4]> = std::iter::once(heading).chain(self.rows.iter().map(line)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let (state_width, local_width, remote_width) = (width(0), width(1), width(2));
        for [state, local, remote, owner] in &lines {
            writeln!(out, "{state:state_width$}  {local:local_width$}  {remote:remote_width$}  {owner}")?;
        }
        let counts: StateCounts = self.rows.iter().map(|row| row.state).collect();
        let colon = if self.rows.is_empty() { "" } else { ": " };
        writeln!(out, "{} in all{colon}{counts}", self.rows.len())
    }
}
