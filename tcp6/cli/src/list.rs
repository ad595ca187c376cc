//! `tcp6 list`: prints the table once.
//!
//! `detail` has the columns of `--queues` and `--stats`.

mod detail;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::net::SocketAddrV6;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tcp6::{
    BasicRow, Buffer, ConnectionStats, OwnerModuleRow, Processes, Query, Row, SocketStats, State, StateCounts, Stats,
    System, Table,
};

pub use self::detail::Detail;

use crate::args::List;
use crate::columns::{pad, shrink, shrink_both, truncate, truncate_endpoint, width};
use crate::message::{Failure, report};
use crate::owner::{Named, Owned, names};
use crate::{counters, json, terminal};

/// The number of spaces between two columns.
const GAP: usize = 2;

/// Minimum column widths: a truncated owner keeps its process ID, a truncated endpoint its port.
const MIN_OWNER: usize = 9;
const MIN_ENDPOINT: usize = 14;

pub fn run(options: &List) -> Result<(), Failure> {
    let (mut system, mut buffer) = (System::new()?, Buffer::new());
    let mut out = BufWriter::new(io::stdout().lock());
    let query = query(options);
    if options.detail != Detail::None {
        let mut stats = Stats::new().request(options.detail.kinds());
        if options.processes {
            // On Linux, this class identifies the sockets of several processes on one end.
            let table = system.table_with_stats::<OwnerModuleRow>(&query, &mut buffer, &mut stats)?;
            write(&mut out, &Document::new(table, options, Some(&stats)), options)?;
        } else {
            let table = system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats)?;
            write(&mut out, &Document::new(table, options, Some(&stats)), options)?;
        }
    } else if options.processes {
        let table = system.table::<Owned>(&query, &mut buffer)?;
        write(&mut out, &Document::new(table, options, None), options)?;
    } else {
        let table = system.table::<BasicRow>(&query, &mut buffer)?;
        if options.json {
            json::write_line(&mut out, &table)?;
        } else {
            write(&mut out, &Document::new(table, options, None), options)?;
        }
    }
    Ok(out.flush()?)
}

fn write(out: &mut impl Write, document: &Document<'_>, options: &List) -> Result<(), Failure> {
    if options.json {
        json::write_line(&mut *out, document)?;
    } else {
        print(out, &document.rows, options)?;
    }
    if options.detail == Detail::None {
        return Ok(());
    }
    let rows = document.rows.iter().map(|row| (row.state, row.stats));
    if let Some(reason) = counters::why_unknown(rows, |stats| options.detail.is_known(stats)) {
        out.flush()?;
        report(&format_args!("no statistics: {reason}"));
    }
    Ok(())
}

fn query(options: &List) -> Query {
    let query = options.select.query();
    if options.unsorted { query.unsorted() } else { query }
}

/// A table with the names of the owners or with statistics, as written with `--json`.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(with = "tcp6::serde::time::seconds")]
    taken_at: SystemTime,
    rows: Vec<Printed<'a>>,
}

impl<'a> Document<'a> {
    fn new<R: Row>(table: Table<'_, R>, options: &List, stats: Option<&'a Stats>) -> Document<'a> {
        let mut processes = Processes::new();
        let mut names = names(&mut processes);
        let mut owner = |row: &R| options.processes.then(|| Named::new(row.owner(), |_| names(&row.to_class())));
        let sockets = stats.map(|stats| detail::of_rows(&table, stats)).unwrap_or_default();
        let sockets = sockets.into_iter().chain(std::iter::repeat(None));
        let rows = table.iter().zip(sockets).map(|(row, socket)| {
            let stats = socket.and_then(|socket| socket.connection());
            let socket = socket.filter(|_| options.detail == Detail::All);
            Printed { stats, socket, ..Printed::new(row, owner(row)) }
        });
        Document { taken_at: table.taken_at(), rows: rows.collect() }
    }
}

/// A row as it is printed.
struct Printed<'a> {
    local: SocketAddrV6,
    remote: Option<SocketAddrV6>,
    state: State,
    owner: Option<Named>,
    stats: Option<ConnectionStats>,
    /// All that is known of the socket, if it is written as JSON.
    socket: Option<SocketStats<'a>>,
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            local: SocketAddrV6,
            remote: Option<SocketAddrV6>,
            state: State,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<&'a Named>,
            #[serde(skip_serializing_if = "Option::is_none")]
            stats: Option<ConnectionStats>,
        }

        /// The fields of the socket contain those of the row.
        #[derive(Serialize)]
        struct WithSocket<'a> {
            #[serde(flatten)]
            socket: SocketStats<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<&'a Named>,
        }

        let Printed { local, remote, state, ref owner, stats, socket } = *self;
        let owner = owner.as_ref();
        match socket {
            Some(socket) => WithSocket { socket, owner }.serialize(serializer),
            None => Text { local, remote, state, owner, stats }.serialize(serializer),
        }
    }
}

impl Printed<'_> {
    fn new(row: &impl Row, owner: Option<Named>) -> Printed<'static> {
        let (local, remote, state) = (row.local(), row.remote(), row.state());
        Printed { local, remote, state, owner, stats: None, socket: None }
    }

    /// The texts of the columns: state, local endpoint, remote endpoint, owner.
    fn cells(&self) -> [String; 4] {
        let remote = self.remote.map_or_else(|| "-".to_owned(), |remote| remote.to_string());
        let owner = self.owner.as_ref().map(ToString::to_string).unwrap_or_default();
        [self.state.to_string(), self.local.to_string(), remote, owner]
    }
}

/// Prints the table. If it has no rows, a hint on standard error explains that IPv4 is not listed.
fn print(out: &mut impl Write, rows: &[Printed<'_>], options: &List) -> io::Result<()> {
    let max_width = io::stdout().is_terminal().then(|| terminal::size().0.into());
    out.write_all(text(rows, options.detail, options.processes, max_width).as_bytes())?;
    out.flush()?;
    if rows.is_empty() {
        report(&"no matching sockets (IPv4 sockets are not listed)");
    }
    Ok(())
}

/// Formats a heading, the rows and the counts by state.
///
/// The heading and the rows take at most `max_width` columns, unless the state, the queues and the gaps alone take more.
fn text(rows: &[Printed<'_>], detail: Detail, with_owners: bool, max_width: Option<usize>) -> String {
    let shown_columns = if with_owners { 4 } else { 3 };
    let heading = ["State", "Local", "Remote", "Owner"].map(str::to_owned);
    let mut lines: Vec<[String; 4]> = std::iter::once(heading).chain(rows.iter().map(Printed::cells)).collect();
    let widest =
        |lines: &[[String; 4]]| [0, 1, 2, 3].map(|at| lines.iter().map(|line| width(&line[at])).max().unwrap_or(0));
    let mut widths = widest(&lines);
    if detail != Detail::None {
        let stats: Vec<Option<ConnectionStats>> = rows.iter().map(|row| row.stats).collect();
        let room = max_width.map(|max_width| max_width.saturating_sub(min_width(&widths[..shown_columns])));
        for (line, block) in lines.iter_mut().zip(detail.block(&stats, room)) {
            line[0] = pad(&line[0], widths[0]) + &block;
        }
        widths = widest(&lines);
    }
    if let Some(max_width) = max_width {
        fit(&mut widths[..shown_columns], max_width);
    }

    let mut text = String::new();
    for [state, local, remote, owner] in &lines {
        let cells = [
            pad(state, widths[0]),
            pad(&truncate_endpoint(local, widths[1]), widths[1]),
            truncate_endpoint(remote, widths[2]),
            truncate(owner, widths[3]),
        ];
        let cells = if with_owners {
            let [state, local, remote, owner] = cells;
            [state, local, pad(&remote, widths[2]), owner]
        } else {
            cells
        };
        text.push_str(cells[..shown_columns].join("  ").trim_end());
        text.push('\n');
    }
    let counts: StateCounts = rows.iter().map(|row| row.state).collect();
    let colon = if rows.is_empty() { "" } else { ": " };
    text.push_str(&format!("{} in all{colon}{counts}\n", rows.len()));
    text
}

/// The width of a line whose owner and endpoints are truncated to their minimum widths.
fn min_width(widths: &[usize]) -> usize {
    let min = |(at, width): (usize, &usize)| match at {
        0 => *width,
        1 | 2 => (*width).min(MIN_ENDPOINT),
        _ => (*width).min(MIN_OWNER),
    };
    widths.iter().enumerate().map(min).sum::<usize>() + GAP * (widths.len() - 1)
}

/// Shrinks the columns to `max_width` in total: first the owner, then the endpoints.
fn fit(widths: &mut [usize], max_width: usize) {
    let mut excess = (widths.iter().sum::<usize>() + GAP * (widths.len() - 1)).saturating_sub(max_width);
    let (endpoints, owner) = widths.split_at_mut(3);
    if let [owner] = owner {
        shrink(owner, MIN_OWNER, &mut excess);
    }
    let [_, local, remote] = endpoints else { return };
    shrink_both(local, remote, MIN_ENDPOINT, &mut excess);
    if let [owner] = owner {
        shrink(owner, 0, &mut excess);
    }
    shrink_both(local, remote, 0, &mut excess);
}

#[cfg(test)]
mod tests {
    use tcp6::Owner;

    use super::*;

    fn text(rows: &[Printed<'_>], with_owners: bool, max_width: Option<usize>) -> String {
        super::text(rows, Detail::None, with_owners, max_width)
    }

    fn printed(local: &str, remote: Option<&str>, owner: Option<(Owner, &str)>) -> Printed<'static> {
        let state = if remote.is_some() { State::Established } else { State::Listen };
        Printed {
            local: local.parse().unwrap(),
            remote: remote.map(|remote| remote.parse().unwrap()),
            state,
            owner: owner.map(|(owner, name)| Named::new(owner, |_| Some(name.into()))),
            stats: None,
            socket: None,
        }
    }

    fn long_rows() -> [Printed<'static>; 2] {
        let (local, remote) =
            ("[2001:db8:1234:5678:9abc:def0:1234:5678]:50123", "[2001:db8:1234:5678:9abc:def0:1234:9999]:443");
        [
            printed("[::]:22", None, Some((Owner::Process(1234567), "a-process-with-a-very-long-name"))),
            printed(local, Some(remote), Some((Owner::Nobody, ""))),
        ]
    }

    #[test]
    fn columns_fit_their_content() {
        let rows = [printed("[::]:22", None, None), printed("[::1]:22", Some("[::1]:50000"), None)];
        assert_eq!(
            text(&rows, false, Some(80)),
            "State        Local     Remote\n\
             LISTEN       [::]:22   -\n\
             ESTABLISHED  [::1]:22  [::1]:50000\n\
             2 in all: 1 LISTEN, 1 ESTABLISHED\n"
        );
        assert_eq!(text(&[], false, None), "State  Local  Remote\n0 in all\n");
    }

    #[test]
    fn owners_are_truncated_before_endpoints_and_ports_are_kept() {
        let rows = long_rows();
        let full = text(&rows, true, None);
        assert!(full.contains("1234567 a-process-with-a-very-long-name") && !full.contains('…'), "{full}");
        for max_width in [125, 80, 60, 40, 20, 1] {
            let text = text(&rows, true, Some(max_width));
            let table: Vec<&str> = text.lines().take(3).collect();
            assert!(max_width < 20 || table.iter().all(|line| width(line) <= max_width), "{max_width}: {text}");
            assert_eq!(max_width >= 125, text.contains("[2001:db8:1234:5678:9abc:def0:1234:9999]:443"), "{text}");
            if max_width >= 40 {
                assert!(table[2].contains(":50123 ") && table[2].contains("]:443"), "{text}");
            }
            if max_width >= 60 {
                assert!(table[1].contains("1234567 "), "{text}");
            }
        }
    }

    #[test]
    fn statistics_follow_the_state_and_keep_the_line_within_the_width() {
        let mut rows = long_rows();
        let mut stats = ConnectionStats::default();
        (stats.unread_bytes, stats.send_queue_bytes) = (Some(10), Some(0));
        (stats.bytes_received, stats.bytes_sent) = (Some(1_500), Some(0));
        rows[1].stats = Some(stats);
        let queues = super::text(&rows[1..], Detail::Queues, false, None);
        assert!(queues.starts_with("State       Recv-Q Send-Q  Local "), "{queues}");
        assert!(queues.contains("\nESTABLISHED     10      0  [2001:"), "{queues}");
        for (max_width, with_owners) in [(200, true), (120, true), (80, true), (80, false), (60, false)] {
            let text = super::text(&rows, Detail::All, with_owners, Some(max_width));
            let table: Vec<&str> = text.lines().take(3).collect();
            assert!(table.iter().all(|line| width(line) <= max_width), "{max_width}: {text}");
            assert!(table[2].contains(" 1.5 kB ") && table[2].contains("]:50123 "), "{max_width}: {text}");
            assert!(table[1].contains(" - ") && (!with_owners || table[1].contains("1234567 ")), "{max_width}: {text}");
        }
    }

    #[test]
    fn names_are_escaped_in_text_and_json() {
        let rows = vec![printed("[::]:22", None, Some((Owner::Process(1), "Bob's \x1b[31m \u{202e}\"\\")))];
        assert!(text(&rows, true, None).contains("1 Bob's \\u{1b}[31m \\u{202e}\"\\\n"));
        let mut out = Vec::new();
        let document = Document { taken_at: SystemTime::UNIX_EPOCH, rows };
        json::write_line(&mut out, &document).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(line.contains(r#""name":"Bob's \u001b[31m \u202e\"\\""#), "{line}");
    }
}
