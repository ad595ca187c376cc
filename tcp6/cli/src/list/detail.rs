//! The statistics of `tcp6 list`: what is requested, and the columns.

use std::collections::HashMap;
use std::net::SocketAddrV6;

use tcp6::{Class, ConnectionStats, Row, SocketStats, State, Stats, StatsKinds};

use crate::columns::width;
use crate::units::{bytes, time};

/// What to print of a socket besides its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    #[default]
    None,
    Queues,
    /// All statistics.
    All,
}

impl Detail {
    pub fn kinds(self) -> StatsKinds {
        if self == Detail::All { StatsKinds::all() } else { StatsKinds::QUEUES }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Detail::None => &[],
            Detail::Queues => &QUEUES,
            Detail::All => &ALL,
        }
    }

    /// Whether a value that is known of every connection, if the system provides statistics, is known.
    pub fn is_known(self, stats: &ConnectionStats) -> bool {
        match self {
            Detail::None | Detail::Queues => stats.unread_bytes.is_some(),
            Detail::All => stats.bytes_received.is_some(),
        }
    }

    /// The columns as one text for each line, of equal width: first the headings, then the statistics of each row. Each
    /// column begins with a space.
    ///
    /// If they exceed `max_width`, columns are omitted, the least important first. The queues are kept if they are all.
    pub fn block(self, stats: &[Option<ConnectionStats>], max_width: Option<usize>) -> Vec<String> {
        let cell = |column: &Column, stats: &Option<ConnectionStats>| {
            stats.as_ref().and_then(column.cell).unwrap_or_else(|| "-".to_owned())
        };
        let mut columns: Vec<(u8, Vec<String>)> = self
            .columns()
            .iter()
            .map(|column| {
                let heading = std::iter::once(column.heading.to_owned());
                (column.rank, heading.chain(stats.iter().map(|stats| cell(column, stats))).collect())
            })
            .collect();
        let widest = |cells: &[String]| cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
        let total = |columns: &[(u8, Vec<String>)]| columns.iter().map(|(_, cells)| 1 + widest(cells)).sum::<usize>();
        for rank in 1..=LAST_RANK {
            if max_width.is_some_and(|max_width| self == Detail::All && total(&columns) > max_width) {
                columns.retain(|(column, _)| *column != rank);
            }
        }
        let mut lines = vec![String::new(); 1 + stats.len()];
        for (_, cells) in columns {
            let width = widest(&cells);
            for (line, cell) in lines.iter_mut().zip(cells) {
                line.push_str(&format!(" {cell:>width$}"));
            }
        }
        lines
    }
}

/// A column, aligned to the right.
struct Column {
    heading: &'static str,
    cell: fn(&ConnectionStats) -> Option<String>,
    /// Columns of a lower rank are omitted first if the line is too short.
    rank: u8,
}

const LAST_RANK: u8 = 5;

const fn column(heading: &'static str, rank: u8, cell: fn(&ConnectionStats) -> Option<String>) -> Column {
    Column { heading, cell, rank }
}

// A socket has bytes in its queues, or connections if it listens, as in `ss`.
const RECV_Q: Column = column("Recv-Q", 2, |stats| {
    stats.unread_bytes.or(stats.accept_queue.map(u64::from)).map(|queue| queue.to_string())
});
const SEND_Q: Column =
    column("Send-Q", 2, |stats| stats.send_queue_bytes.or(stats.backlog.map(u64::from)).map(|queue| queue.to_string()));

const QUEUES: [Column; 2] = [RECV_Q, SEND_Q];

const ALL: [Column; 7] = [
    RECV_Q,
    SEND_Q,
    column("RTT", 4, |stats| stats.rtt.map(time)),
    column("Cwnd", 1, |stats| stats.congestion_window.map(bytes)),
    column("Retr", 3, |stats| stats.segments_retransmitted.map(|segments| segments.to_string())),
    column("In", 5, |stats| stats.bytes_received.map(bytes)),
    column("Out", 5, |stats| stats.bytes_sent.or(stats.bytes_acknowledged).map(bytes)),
];

/// The statistics of each row.
///
/// [`BasicRow`](tcp6::BasicRow) cannot distinguish sockets with the same ends, such as listeners with SO_REUSEPORT. Their
/// rows are equal if their states are, so that each row gets the statistics of another one of them.
pub fn of_rows<'a, R: Row>(rows: &[R], stats: &'a Stats) -> Vec<Option<SocketStats<'a>>> {
    let mut found: Vec<Option<SocketStats<'a>>> = rows.iter().map(|row| stats.get(row)).collect();
    if R::CLASS != Class::Basic || found.iter().all(Option::is_some) {
        return found;
    }
    type Key = (SocketAddrV6, Option<SocketAddrV6>, State);
    let mut unpaired: HashMap<Key, Vec<SocketStats<'a>>> = HashMap::new();
    for socket in stats.iter() {
        unpaired.entry((socket.local(), socket.remote(), socket.state())).or_default().push(socket);
    }
    for (row, found) in rows.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
        *found = unpaired.get_mut(&(row.local(), row.remote(), row.state())).and_then(Vec::pop);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tcp6::{BasicRow, OwnerModuleRow};

    use super::*;

    fn connection() -> ConnectionStats {
        let mut stats = ConnectionStats::default();
        (stats.unread_bytes, stats.send_queue_bytes) = (Some(0), Some(2_304));
        (stats.rtt, stats.congestion_window) = (Some(Duration::from_micros(1_260)), Some(14_280));
        (stats.bytes_received, stats.bytes_sent) = (Some(1_234_567), Some(999));
        stats.segments_retransmitted = Some(3);
        stats
    }

    fn listener(accept_queue: u32) -> ConnectionStats {
        let mut stats = ConnectionStats::default();
        (stats.accept_queue, stats.backlog) = (Some(accept_queue), Some(4_096));
        stats
    }

    #[test]
    fn columns_are_aligned_to_the_right_and_unknown_values_are_dashes() {
        let stats = [Some(connection()), Some(listener(1)), None];
        assert_eq!(
            Detail::All.block(&stats, None),
            [
                " Recv-Q Send-Q    RTT  Cwnd Retr     In   Out",
                "      0   2304 1.3 ms 14 kB    3 1.2 MB 999 B",
                "      1   4096      -     -    -      -     -",
                "      -      -      -     -    -      -     -",
            ]
        );
        let queues = [" Recv-Q Send-Q", "      0   2304", "      1   4096", "      -      -"];
        assert_eq!(Detail::Queues.block(&stats, None), queues);
        assert_eq!(Detail::Queues.block(&stats, Some(3)), queues, "they were asked for");
        assert_eq!(Detail::None.block(&stats, None), [""; 4]);
    }

    #[test]
    fn acknowledged_bytes_replace_those_sent_before_linux_4_19() {
        let mut old = connection();
        (old.bytes_sent, old.bytes_acknowledged) = (None, Some(7));
        assert!(Detail::All.block(&[Some(old)], None)[1].ends_with(" 7 B"));
    }

    #[test]
    fn the_least_important_columns_are_omitted_first() {
        let headings = |max_width| {
            let lines = Detail::All.block(&[Some(connection())], Some(max_width));
            assert!(lines.iter().all(|line| line.len() <= max_width), "{lines:?}");
            lines[0].split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(headings(45), "Recv-Q Send-Q RTT Cwnd Retr In Out");
        assert_eq!(headings(44), "Recv-Q Send-Q RTT Retr In Out");
        assert_eq!(headings(38), "RTT Retr In Out");
        assert_eq!(headings(20), "RTT In Out");
        assert_eq!(headings(19), "In Out");
        assert_eq!(headings(5), "");
    }

    #[test]
    fn listeners_on_one_end_have_each_the_statistics_of_another_socket() {
        let row = BasicRow::new(State::Listen, "[::]:80".parse().unwrap(), None);
        let other = BasicRow::new(State::Listen, "[::]:81".parse().unwrap(), None);
        let mut stats = Stats::new();
        for (row, queue) in [(row, 1), (other, 5), (row, 2)] {
            stats.insert(&row, listener(queue)).unwrap();
        }
        let queues = |rows: &[BasicRow]| -> Vec<_> {
            of_rows(rows, &stats)
                .iter()
                .map(|socket| socket.and_then(|socket| socket.connection()?.accept_queue))
                .collect()
        };
        let mut found = queues(&[row, row, other]);
        found.sort_unstable();
        assert_eq!(found, [Some(1), Some(2), Some(5)]);
        assert_eq!(queues(&[row, row, row]).iter().flatten().count(), 2, "a third one has none");
        let row = row.to_class::<OwnerModuleRow>();
        assert!(of_rows(&[row], &stats)[0].is_none(), "its owner would not be that of the statistics");
    }
}
