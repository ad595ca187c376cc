//! The IPv6 TCP table of this machine, for people and for programs.
//!
//! What the C example on the page of GetTcp6Table prints, grown up: one program for every system.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use clap::Parser;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use tcp6::{BasicRow, Buffer, Query, Row, State, StateSet, System, Table};

/// Show the IPv6 TCP listeners and connections of this machine
#[derive(Parser)]
struct Options {
    /// Print one JSON document
    #[arg(long)]
    json: bool,

    /// Only these states, by the names that are printed, with commas
    #[arg(long, value_name = "STATE,...")]
    state: Option<StateSet>,

    /// Only listeners
    #[arg(long, conflicts_with = "state")]
    listening: bool,

    /// Only rows with this port at either end
    #[arg(long, value_name = "N")]
    port: Option<u16>,

    /// In the order of the kernel
    #[arg(long)]
    unsorted: bool,
}

impl Options {
    fn query(&self) -> Query {
        let states = if self.listening { StateSet::LISTEN } else { self.state.unwrap_or(StateSet::all()) };
        let query = Query::all().states(states);
        if self.unsorted { query.unsorted() } else { query }
    }

    fn shows(&self, row: &BasicRow) -> bool {
        self.port
            .is_none_or(|port| row.local().port() == port || row.remote().is_some_and(|remote| remote.port() == port))
    }
}

fn main() -> ExitCode {
    // Bad usage ends here, with status 2.
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netstat6: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut system = System::new()?;
    let mut buffer = Buffer::new();
    let table = system.table::<BasicRow>(&options.query(), &mut buffer)?;

    let mut out = BufWriter::new(io::stdout().lock());
    let printed =
        if options.json { print_json(&mut out, table, options) } else { print_text(&mut out, table, options) };
    match printed.and_then(|()| out.flush()) {
        // Who reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn print_text(out: &mut impl Write, table: Table<'_, BasicRow>, options: &Options) -> io::Result<()> {
    let mut counts = BTreeMap::<State, usize>::new();
    let mut lines = vec![["State".to_owned(), "Local".to_owned(), "Remote".to_owned()]];
    for row in table.iter().filter(|row| options.shows(row)) {
        *counts.entry(row.state()).or_default() += 1;
        let remote = row.remote().map_or("-".to_owned(), |remote| remote.to_string());
        lines.push([row.state().to_string(), row.local().to_string(), remote]);
    }

    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let (state_width, local_width) = (width(0), width(1));
    for [state, local, remote] in &lines {
        writeln!(out, "{state:state_width$}  {local:local_width$}  {remote}")?;
    }
    write!(out, "{} in all", lines.len() - 1)?;
    for (i, (state, count)) in counts.iter().enumerate() {
        write!(out, "{} {count} {state}", if i == 0 { ":" } else { "," })?;
    }
    writeln!(out)
}

fn print_json(out: &mut impl Write, table: Table<'_, BasicRow>, options: &Options) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Document { table, options })?;
    writeln!(out)
}

/// `{"taken_at": 1700000000.25, "rows": [...]}`, written as it goes: no tree of values is built.
struct Document<'a> {
    table: Table<'a, BasicRow>,
    options: &'a Options,
}

#[derive(Serialize)]
struct Entry {
    local: String,
    remote: Option<String>,
    state: String,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let taken_at = self.table.taken_at().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut document = serializer.serialize_struct("Document", 2)?;
        document.serialize_field("taken_at", &taken_at.as_secs_f64())?;
        document.serialize_field("rows", &Rows(self))?;
        document.end()
    }
}

struct Rows<'a>(&'a Document<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { table, options } = self.0;
        serializer.collect_seq(table.iter().filter(|row| options.shows(row)).map(|row| Entry {
            local: row.local().to_string(),
            remote: row.remote().map(|remote| remote.to_string()),
            state: row.state().to_string(),
        }))
    }
}
