//! `tcp6 list`: prints the table once.
//!
//! This file chooses which tables are read. `printed` has a row as it is printed, and its JSON. `layout` formats the
//! text, and `detail` has the columns of `--queues` and `--stats`.

mod detail;
mod layout;
mod printed;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::SystemTime;

#[cfg(target_os = "linux")]
use tcp6::os::linux::SystemExt;
use tcp6::{BasicRow, Buffer, OwnerModuleRow, Processes, Query, Row, Stats, System};

pub use self::detail::Detail;
use self::layout::Shown;
use self::printed::{Document, Printed};
use crate::args::List;
use crate::message::{Failure, report};
use crate::netns::{self, Space, Spaces};
use crate::owner::{Named, Owned, names};
use crate::{counters, json, terminal};

pub fn run(options: &List) -> Result<(), Failure> {
    let Spaces { mut list, mut is_incomplete } = Spaces::open(options.select.netns.as_ref())?;
    let mut out = BufWriter::new(io::stdout().lock());
    if let ([Space { system, label: None }], true) = (&mut list[..], is_plain_json(options)) {
        let query = query(options, system)?;
        json::write_line(&mut out, &system.table::<BasicRow>(&query, &mut Buffer::new())?)?;
        return Ok(out.flush()?);
    }
    let mut stats: Vec<Stats> = list.iter().map(|_| Stats::new().request(options.detail.kinds())).collect();
    let document = read(options, &mut list, &mut stats, &mut is_incomplete)?;
    if options.json {
        json::write_line(&mut out, &document)?;
    } else {
        print(&mut out, &document.rows, options)?;
    }
    out.flush()?;
    if options.detail != Detail::None {
        report_unknown(&document.rows, options.detail);
    }
    if is_incomplete { Err(Failure::Incomplete) } else { Ok(()) }
}

/// Whether the document is the table itself, without fields that the command adds.
fn is_plain_json(options: &List) -> bool {
    options.json && !options.processes && !options.names && options.detail == Detail::None
}

fn query(options: &List, system: &System) -> Result<Query, Failure> {
    let query = netns::query(&options.select, system)?;
    Ok(if options.unsorted { query.unsorted() } else { query })
}

/// Reads the tables of all namespaces. Each fills its own statistics.
///
/// A namespace that cannot be read is reported if there are others.
fn read<'a>(
    options: &List,
    spaces: &'a mut [Space],
    stats: &'a mut [Stats],
    is_incomplete: &mut bool,
) -> Result<Document<'a>, Failure> {
    let mut document = Document { taken_at: SystemTime::now(), rows: Vec::new() };
    let mut reader = Reader { options, buffer: Buffer::new(), processes: Processes::new() };
    let is_only = spaces.len() == 1;
    let (mut unknown_zone, mut is_known) = (None, false);
    for (Space { system, label }, stats) in spaces.iter_mut().zip(stats) {
        match reader.read(system, stats) {
            Ok(rows) => {
                is_known = true;
                let labelled = |row| Printed { netns: label.as_deref(), ..row };
                document.rows.extend(rows.into_iter().map(labelled));
            }
            // Interfaces have their names in one namespace.
            Err(Failure::Zone(zone)) => unknown_zone = Some(zone),
            Err(error) if is_only => return Err(error),
            Err(error) => {
                *is_incomplete = true;
                report(&format_args!("{}{error}", netns::prefix(label.as_deref())));
            }
        }
    }
    match unknown_zone {
        Some(zone) if !is_known => Err(Failure::Zone(zone)),
        _ => Ok(document),
    }
}

/// Reads tables with storage that is reused.
struct Reader<'o> {
    options: &'o List,
    buffer: Buffer,
    processes: Processes,
}

impl Reader<'_> {
    /// Reads the table of one namespace, with the fields that the options request.
    fn read<'a>(&mut self, system: &mut System, stats: &'a mut Stats) -> Result<Vec<Printed<'a>>, Failure> {
        let List { processes, detail, .. } = *self.options;
        #[cfg(target_os = "linux")]
        if self.options.names {
            let mut interfaces = system.interface_names()?;
            let interface = |row: &OwnerModuleRow| printed::interface(row, &mut interfaces);
            return self.read_as(system, stats, interface);
        }
        match (processes, detail) {
            (false, _) => self.read_as::<BasicRow>(system, stats, |_| None),
            (true, Detail::None) => self.read_as::<Owned>(system, stats, |_| None),
            // On Linux, this class identifies the sockets of several processes on one end.
            (true, _) => self.read_as::<OwnerModuleRow>(system, stats, |_| None),
        }
    }

    /// Reads a table of one class. `interface` returns the name of the interface of a row.
    fn read_as<'a, R: Row>(
        &mut self,
        system: &mut System,
        stats: &'a mut Stats,
        mut interface: impl FnMut(&R) -> Option<String>,
    ) -> Result<Vec<Printed<'a>>, Failure> {
        let query = query(self.options, system)?;
        let Reader { options: List { processes: has_owners, detail, .. }, buffer, processes } = self;
        let (table, sockets) = if *detail == Detail::None {
            (system.table::<R>(&query, buffer)?, Vec::new())
        } else {
            let table = system.table_with_stats::<R>(&query, buffer, stats)?;
            (table, detail::of_rows(&table, stats))
        };
        let mut sockets = sockets.into_iter();
        let mut names = names(processes);
        let printed = |row: &R| {
            let socket = sockets.next().flatten();
            Printed {
                owner: has_owners.then(|| Named::new(row.owner(), |_| names(&row.to_class()))),
                interface: interface(row),
                stats: socket.and_then(|socket| socket.connection()),
                socket: socket.filter(|_| *detail == Detail::All),
                ..Printed::of_row(row)
            }
        };
        Ok(table.iter().map(printed).collect())
    }
}

/// Prints the table. If it has no rows, a hint on standard error explains that IPv4 is not listed.
fn print(out: &mut impl Write, rows: &[Printed<'_>], options: &List) -> io::Result<()> {
    let max_width = io::stdout().is_terminal().then(|| terminal::size().0.into());
    let shown = Shown { netns: options.select.netns.is_some(), detail: options.detail, owner: options.processes };
    out.write_all(layout::text(rows, shown, max_width).as_bytes())?;
    out.flush()?;
    if rows.is_empty() {
        report(&"no matching sockets (IPv4 sockets are not listed)");
    }
    Ok(())
}

/// Reports why statistics are unknown, for each namespace of which they are.
fn report_unknown(rows: &[Printed<'_>], detail: Detail) {
    for rows in rows.chunk_by(|a, b| a.netns == b.netns) {
        let values = rows.iter().map(|row| (row.state, row.stats));
        if let Some(reason) = counters::why_unknown(values, |stats| detail.is_known(stats)) {
            report(&format_args!("{}no statistics: {reason}", netns::prefix(rows[0].netns)));
        }
    }
}
