//! The IPv6 TCP table of this machine, for people and for programs.
//!
//! What the C example on the page of GetTcp6Table prints, grown up: one program for every system.

mod owned;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, StateSet, System};

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

    /// Say whose sockets they are: process id and name
    #[arg(long)]
    owner: bool,
}

impl Options {
    fn query(&self) -> Query {
        let mut query = if self.listening { Query::listeners() } else { Query::all() };
        if let Some(states) = self.state {
            query = query.states(states);
        }
        if let Some(port) = self.port {
            query = query.port(port);
        }
        if self.unsorted { query.unsorted() } else { query }
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
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = if options.owner {
        let table = system.table::<OwnerPidRow>(&options.query(), &mut buffer)?;
        let owned = owned::Document::new(table);
        if options.json { print_json(&mut out, &owned) } else { owned.print(&mut out) }
    } else {
        let table = system.table::<BasicRow>(&options.query(), &mut buffer)?;
        if options.json { print_json(&mut out, &table) } else { writeln!(out, "{table}") }
    };
    match printed.and_then(|()| out.flush()) {
        // Who reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn print_json(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    writeln!(out)
}
