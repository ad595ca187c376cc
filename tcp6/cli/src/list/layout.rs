//! The text of `tcp6 list`: columns, their widths, and the counts by state.

use std::net::SocketAddrV6;

use tcp6::{ConnectionStats, StateCounts};

use super::detail::Detail;
use super::printed::Printed;
use crate::columns::{pad, shrink, shrink_both, truncate, truncate_endpoint, width};
use crate::escape::escape;

/// The number of spaces between two columns.
const GAP: usize = 2;

/// Minimum column widths: a truncated owner keeps its process ID, a truncated endpoint its port.
const MIN_OWNER: usize = 9;
const MIN_ENDPOINT: usize = 14;
const MIN_NETNS: usize = 8;

/// The indices of the columns.
const NETNS: usize = 0;
/// The state, and the statistics after it.
const STATE: usize = 1;
const LOCAL: usize = 2;
const REMOTE: usize = 3;
const OWNER: usize = 4;

const COLUMNS: usize = 5;

/// The columns that are not always shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub netns: bool,
    pub detail: Detail,
    pub owner: bool,
}

impl Shown {
    fn has(self, column: usize) -> bool {
        match column {
            NETNS => self.netns,
            OWNER => self.owner,
            _ => true,
        }
    }

    /// The width of all gaps.
    fn gaps(self) -> usize {
        GAP * ((0..COLUMNS).filter(|column| self.has(*column)).count() - 1)
    }
}

/// Formats a heading, the rows and the counts by state.
///
/// The heading and the rows take at most `max_width` columns, unless the state, the queues and the gaps alone take more.
pub fn text(rows: &[Printed<'_>], shown: Shown, max_width: Option<usize>) -> String {
    let heading = ["Netns", "State", "Local", "Remote", "Owner"].map(str::to_owned);
    let mut lines: Vec<[String; COLUMNS]> = std::iter::once(heading).chain(rows.iter().map(cells)).collect();
    let mut widths = widest(&lines, shown);
    if shown.detail != Detail::None {
        let stats: Vec<Option<ConnectionStats>> = rows.iter().map(|row| row.stats).collect();
        let room = max_width.map(|max_width| max_width.saturating_sub(min_width(&widths, shown)));
        for (line, block) in lines.iter_mut().zip(shown.detail.block(&stats, room)) {
            line[STATE] = pad(&line[STATE], widths[STATE]) + &block;
        }
        widths = widest(&lines, shown);
    }
    if let Some(max_width) = max_width {
        fit(&mut widths, shown, max_width);
    }

    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let is_heading = at == 0;
        let truncated = |column: usize| match column {
            LOCAL | REMOTE if !is_heading => truncate_endpoint(&line[column], widths[column]),
            STATE => line[column].clone(),
            _ => truncate(&line[column], widths[column]),
        };
        let shown = (0..COLUMNS).filter(|column| widths[*column] > 0);
        let cells: Vec<String> = shown.map(|column| pad(&truncated(column), widths[column])).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    let counts: StateCounts = rows.iter().map(|row| row.state).collect();
    let colon = if rows.is_empty() { "" } else { ": " };
    text.push_str(&format!("{} in all{colon}{counts}\n", rows.len()));
    text
}

/// The texts of the columns of a row.
fn cells(row: &Printed<'_>) -> [String; COLUMNS] {
    let netns = row.netns.map(escape).unwrap_or_default();
    let local = endpoint(row, row.local, true);
    let remote = row.remote.map_or_else(|| "-".to_owned(), |remote| endpoint(row, remote, false));
    let owner = row.owner.as_ref().map(ToString::to_string).unwrap_or_default();
    [netns, row.state.to_string(), local, remote, owner]
}

/// An endpoint with the name of the interface if that is known: `[fe80::1%eth0]:80`.
///
/// A local end has it also if the socket is bound to the interface.
fn endpoint(row: &Printed<'_>, end: SocketAddrV6, is_local: bool) -> String {
    match &row.interface {
        Some(name) if is_local || end.scope_id() != 0 => format!("[{}%{}]:{}", end.ip(), escape(name), end.port()),
        _ => end.to_string(),
    }
}

/// The widths of the columns that fit their content. Columns that are not shown have the width 0.
fn widest(lines: &[[String; COLUMNS]], shown: Shown) -> [usize; COLUMNS] {
    let widest = |column: usize| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0);
    [NETNS, STATE, LOCAL, REMOTE, OWNER].map(|column| if shown.has(column) { widest(column) } else { 0 })
}

/// The width of a line whose columns are truncated to their minimum widths.
fn min_width(widths: &[usize; COLUMNS], shown: Shown) -> usize {
    let [netns, state, local, remote, owner] = *widths;
    let endpoints = local.min(MIN_ENDPOINT) + remote.min(MIN_ENDPOINT);
    netns.min(MIN_NETNS) + state + endpoints + owner.min(MIN_OWNER) + shown.gaps()
}

/// Shrinks the columns to `max_width` in total: the owner, then the namespace, then the endpoints.
fn fit(widths: &mut [usize; COLUMNS], shown: Shown, max_width: usize) {
    let mut excess = (widths.iter().sum::<usize>() + shown.gaps()).saturating_sub(max_width);
    let [netns, _, local, remote, owner] = widths;
    shrink(owner, MIN_OWNER, &mut excess);
    shrink(netns, MIN_NETNS, &mut excess);
    shrink_both(local, remote, MIN_ENDPOINT, &mut excess);
    shrink(owner, 0, &mut excess);
    shrink(netns, 0, &mut excess);
    shrink_both(local, remote, 0, &mut excess);
}

#[cfg(test)]
mod tests {
    use tcp6::Owner;

    use super::super::printed::tests::printed;
    use super::*;

    const PLAIN: Shown = Shown { netns: false, detail: Detail::None, owner: false };
    const OWNERS: Shown = Shown { owner: true, ..PLAIN };

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
            text(&rows, PLAIN, Some(80)),
            "State        Local     Remote\n\
             LISTEN       [::]:22   -\n\
             ESTABLISHED  [::1]:22  [::1]:50000\n\
             2 in all: 1 LISTEN, 1 ESTABLISHED\n"
        );
        assert_eq!(text(&[], PLAIN, None), "State  Local  Remote\n0 in all\n");
    }

    #[test]
    fn owners_are_truncated_before_endpoints_and_ports_are_kept() {
        let rows = long_rows();
        let full = text(&rows, OWNERS, None);
        assert!(full.contains("1234567 a-process-with-a-very-long-name") && !full.contains('…'), "{full}");
        for max_width in [125, 80, 60, 40, 20, 1] {
            let text = text(&rows, OWNERS, Some(max_width));
            let table: Vec<&str> = text.lines().take(3).collect();
            assert!(max_width < 20 || table.iter().all(|line| width(line) <= max_width), "{max_width}: {text}");
            assert_eq!(max_width >= 125, text.contains("[2001:db8:1234:5678:9abc:def0:1234:9999]:443"), "{text}");
            if max_width >= 40 {
                assert!(table[2].contains(":50123 ") && table[2].contains("]:443"), "{text}");
                // A heading is no endpoint, whose end would be kept.
                assert!(table[0].contains("  Rem"), "{text}");
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
        rows[1].netns = Some("a-namespace-with-a-long-name");
        let queues = text(&rows[1..], Shown { detail: Detail::Queues, ..PLAIN }, None);
        assert!(queues.starts_with("State       Recv-Q Send-Q  Local "), "{queues}");
        assert!(queues.contains("\nESTABLISHED     10      0  [2001:"), "{queues}");
        for (max_width, netns, owner) in [
            (200, true, true),
            (120, true, true),
            (80, true, true),
            (120, false, true),
            (80, false, true),
            (80, true, false),
            (60, false, false),
        ] {
            let shown = Shown { netns, detail: Detail::All, owner };
            let text = text(&rows, shown, Some(max_width));
            let table: Vec<&str> = text.lines().take(3).collect();
            assert!(table.iter().all(|line| width(line) <= max_width), "{max_width}: {text}");
            assert!(table[2].contains(" 1.5 kB ") && table[2].contains("]:50123 "), "{max_width}: {text}");
            assert!(table[1].contains(" - ") && (!owner || table[1].contains("1234567 ")), "{max_width}: {text}");
            assert!(!netns || table[2].starts_with("a-names"), "{max_width}: {text}");
        }
    }

    #[test]
    fn namespaces_are_the_first_column_and_keep_8_columns() {
        let mut rows = long_rows();
        rows[0].netns = Some("a-namespace-with-a-very-long-name");
        rows[1].netns = Some("blue\x1b");
        let all = Shown { netns: true, owner: true, ..PLAIN };
        let full = text(&rows, all, None);
        assert!(full.starts_with("Netns                              State "), "{full}");
        assert!(full.contains("\na-namespace-with-a-very-long-name  LISTEN "), "{full}");
        assert!(full.contains("\nblue\\u{1b}  "), "{full}");
        for max_width in [200, 80, 70, 40, 30, 1] {
            let text = text(&rows, all, Some(max_width));
            let table: Vec<&str> = text.lines().take(3).collect();
            assert!(max_width < 30 || table.iter().all(|line| width(line) <= max_width), "{max_width}: {text}");
            assert!(
                max_width == 1 || table[1].starts_with(if max_width >= 70 { "a-names" } else { "LISTEN " }),
                "{text}"
            );
            if max_width >= 70 {
                assert!(table[1].starts_with("a-names") && table[1].contains("1234567"), "{text}");
                assert!(table[2].contains(":50123 ") && table[2].contains("]:443"), "{text}");
            }
        }
    }

    #[test]
    fn interfaces_are_part_of_the_endpoints() {
        let ends = |local: &str, remote: Option<&str>| {
            let row = Printed { interface: Some("eth0\n".to_owned()), ..printed(local, remote, None) };
            let [_, _, local, remote, _] = cells(&row);
            (local, remote)
        };
        let both = ends("[fe80::1%2]:80", Some("[fe80::2%2]:81"));
        assert_eq!(both, (r"[fe80::1%eth0\n]:80".to_owned(), r"[fe80::2%eth0\n]:81".to_owned()));
        let bound = ends("[::1]:80", Some("[::1]:81"));
        assert_eq!(bound, (r"[::1%eth0\n]:80".to_owned(), "[::1]:81".to_owned()));
        assert_eq!(ends("[::]:80", None).1, "-");
    }

    #[test]
    fn names_are_escaped() {
        let rows = [printed("[::]:22", None, Some((Owner::Process(1), "Bob's \x1b[31m \u{202e}\"\\")))];
        assert!(text(&rows, OWNERS, None).contains("1 Bob's \\u{1b}[31m \\u{202e}\"\\\n"));
    }
}
