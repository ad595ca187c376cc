//! User-defined sources, and tables from user-supplied bytes.

use std::time::SystemTime;

use tcp6::{
    BasicRow, Buffer, Class, Error, Malformed, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Result, Row,
};
use tcp6::{ConnectionStats, Source, State, StateSet, Stats, Table};

/// A source that ignores the query: it returns its rows in their original order.
struct Fixed(Vec<OwnerModuleRow>);

impl Source for Fixed {
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        buffer.write_rows(class, &self.0)
    }
}

fn row(state: State, local: &str, remote: Option<&str>) -> OwnerModuleRow {
    OwnerModuleRow::new(state, local.parse().unwrap(), remote.map(|remote| remote.parse().unwrap()))
}

fn some_rows() -> Fixed {
    Fixed(vec![
        row(State::Established, "[::1]:443", Some("[::1]:50000")),
        row(State::Listen, "[::1]:443", None),
        row(State::Listen, "[::1]:80", None),
        row(State::Other(77), "[::]:9", Some("[::1]:9")),
        row(State::TimeWait, "[::1]:443", Some("[::1]:256")),
        row(State::Listen, "[fe80::1%10]:80", None),
        row(State::Listen, "[fe80::1%9]:80", None),
    ])
}

#[test]
fn sorts_and_filters_the_rows_of_a_source() {
    let mut buffer = Buffer::new();
    let mut text = |query: Query| -> Vec<String> {
        let table = Table::<BasicRow>::read(&mut some_rows(), &query, &mut buffer).unwrap();
        table.iter().map(|row| format!("{} {}", row.local(), row.state())).collect()
    };
    assert_eq!(
        text(Query::all()),
        [
            "[::]:9 77",
            "[::1]:80 LISTEN",
            "[::1]:443 LISTEN",
            "[::1]:443 TIME-WAIT",
            "[::1]:443 ESTABLISHED",
            "[fe80::1%9]:80 LISTEN",
            "[fe80::1%10]:80 LISTEN",
        ]
    );
    assert_eq!(
        text(Query::listeners().unsorted()),
        ["[::1]:443 LISTEN", "[::1]:80 LISTEN", "[fe80::1%10]:80 LISTEN", "[fe80::1%9]:80 LISTEN"]
    );
    assert_eq!(text(Query::all().states(StateSet::OTHER)), ["[::]:9 77"]);
    assert!(text(Query::all().states(StateSet::empty())).is_empty());
    // A port matches the local or the remote port, in all requested states.
    assert_eq!(text(Query::all().port(9)), ["[::]:9 77"]);
    assert_eq!(text(Query::all().port(256)), ["[::1]:443 TIME-WAIT"]);
    assert_eq!(text(Query::listeners().port(443)), ["[::1]:443 LISTEN"]);
}

#[test]
fn a_source_that_fills_the_wrong_class_is_an_error() {
    struct Wrong;
    impl Source for Wrong {
        fn fill(&mut self, _: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
            buffer.writer::<OffloadRow>().finish()
        }
    }
    let mut buffer = Buffer::new();
    let result = Table::<BasicRow>::read(&mut Wrong, &Query::all(), &mut buffer).map(|_| ());
    assert!(matches!(result, Err(Error::WrongClass { wanted: Class::Basic, held: Some(Class::Offload), .. })));
    assert_eq!(buffer.class(), None);
}

#[test]
fn a_failed_source_leaves_no_table_in_the_buffer() {
    struct Fails;
    impl Source for Fails {
        fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
            buffer.write_rows(class, &some_rows().0)?;
            Err(Error::NotSupported)
        }
    }
    let mut buffer = Buffer::new();
    assert!(matches!(
        Table::<BasicRow>::read(&mut Fails, &Query::all(), &mut buffer).map(|_| ()),
        Err(Error::NotSupported)
    ));
    assert!(buffer.table::<BasicRow>().is_err());
}

#[test]
fn a_source_that_fills_nothing_is_an_error() {
    struct Idle;
    impl Source for Idle {
        fn fill(&mut self, _: Class, _: &Query, _: &mut Buffer) -> Result<()> {
            Ok(())
        }
    }
    let mut buffer = Buffer::new();
    assert_eq!(Table::<BasicRow>::read(&mut some_rows(), &Query::all(), &mut buffer).unwrap().len(), 7);
    let result = Table::<BasicRow>::read(&mut Idle, &Query::all(), &mut buffer).map(|_| ());
    assert!(matches!(result, Err(Error::WrongClass { wanted: Class::Basic, held: None, .. })));
}

#[test]
fn a_table_from_bytes_is_validated() {
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::OwnerPid, &some_rows().0).unwrap();
    let bytes = buffer.as_bytes();
    let now = SystemTime::UNIX_EPOCH;

    let table = Table::<OwnerPidRow>::from_bytes(bytes, now).unwrap();
    assert_eq!(table.len(), 7);
    assert_eq!(table.taken_at(), now);
    for cut in 0..bytes.len() {
        let short = Table::<OwnerPidRow>::from_bytes(&bytes[..cut], now);
        assert!(matches!(short, Err(Error::Malformed(_))), "{cut}");
    }
    // The same table at four addresses in a row: only one of them is a multiple of 4.
    let mut storage = vec![0; bytes.len() + 3];
    for skip in 0..4 {
        storage[skip..skip + bytes.len()].copy_from_slice(bytes);
        let table = &storage[skip..skip + bytes.len()];
        let is_aligned = table.as_ptr().addr() % 4 == 0;
        match Table::<OwnerPidRow>::from_bytes(table, now) {
            Ok(table) => assert!(is_aligned && table.len() == 7, "{skip}"),
            Err(error) => {
                assert!(matches!(error, Error::Malformed(Malformed::Misaligned { alignment: 4, .. })), "{error}");
                assert!(!is_aligned, "{skip}");
            }
        }
    }
    let short = Table::<OwnerModuleRow>::from_bytes(&[1; 7], now);
    assert!(matches!(short, Err(Error::Malformed(Malformed::CountBeyondBytes { .. }))));
}

#[test]
fn accessors_ignore_bits_without_a_meaning() {
    let raw = tcp6_sys::MIB_TCP6ROW_OWNER_PID {
        ucLocalAddr: std::net::Ipv6Addr::LOCALHOST.octets(),
        dwLocalScopeId: 0,
        dwLocalPort: 0xABCD_0000 | u32::from(8080u16.to_be()),
        ucRemoteAddr: [0xEE; 16],
        dwRemoteScopeId: 0xEEEE_EEEE,
        dwRemotePort: 0xEEEE_EEEE,
        dwState: 2,
        dwOwningPid: 17,
    };
    let row = OwnerPidRow::from_raw(raw);
    assert_eq!(row.local(), "[::1]:8080".parse().unwrap());
    assert_eq!(row.remote(), None);
    assert_eq!(row.owner(), Owner::Process(17));
    assert_eq!(row.as_raw().dwRemoteScopeId, 0xEEEE_EEEE, "as_raw returns the original bits");
    let text = format!("{row:?}");
    assert!(text.contains("Listen") && text.contains("[::1]:8080") && text.contains("Process(17)"), "{text}");
}

/// Statistics of a row, for sources that have some.
fn some_stats() -> ConnectionStats {
    let mut stats = ConnectionStats::default();
    stats.bytes_received = Some(77);
    stats
}

/// A source with statistics of its first row, which then fails, or fills the buffer with a class that was not requested.
struct WithStats {
    rows: Fixed,
    fails: bool,
    class: Option<Class>,
}

impl Source for WithStats {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.rows.fill(self.class.unwrap_or(class), query, buffer)
    }

    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        stats.clear();
        stats.insert(&self.rows.0[0], some_stats())?;
        self.fill(class, query, buffer)?;
        if self.fails { Err(Error::EndOfReplay) } else { Ok(()) }
    }
}

#[test]
fn a_source_can_have_statistics() {
    let mut source = WithStats { rows: some_rows(), fails: false, class: None };
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
    let table = Table::<BasicRow>::read_with_stats(&mut source, &Query::all(), &mut buffer, &mut stats).unwrap();
    let found: Vec<_> = table.iter().filter_map(|row| Some((row.state(), stats.of(row)?))).collect();
    assert_eq!(found, [(State::Established, some_stats())]);
    assert_eq!((stats.len(), stats.taken_at()), (1, Some(table.taken_at())));
    assert!(stats.instant().is_some());
}

#[test]
fn a_failed_read_leaves_no_statistics() {
    for (fails, class) in [(true, None), (false, Some(Class::OwnerPid))] {
        let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
        let mut good = WithStats { rows: some_rows(), fails: false, class: None };
        Table::<BasicRow>::read_with_stats(&mut good, &Query::all(), &mut buffer, &mut stats).unwrap();
        let mut bad = WithStats { rows: some_rows(), fails, class };
        Table::<BasicRow>::read_with_stats(&mut bad, &Query::all(), &mut buffer, &mut stats).unwrap_err();
        assert!(stats.is_empty() && stats.taken_at().is_none() && stats.instant().is_none(), "{class:?}");
        assert_eq!(buffer.class(), None);
    }
}

#[test]
fn a_source_without_statistics_clears_them() {
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
    stats.insert(&some_rows().0[0], some_stats()).unwrap();
    let table = Table::<BasicRow>::read_with_stats(&mut some_rows(), &Query::all(), &mut buffer, &mut stats).unwrap();
    assert_eq!((table.len(), stats.len()), (7, 0));
    assert!(stats.of(&table[0]).is_none());
}
