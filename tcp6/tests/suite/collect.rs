//! Collecting the statistics of a connection, on every system.

use tcp6::{BasicRow, Buffer, ConnectionStats, Error, Query, State, Stats, StatsKinds, System};

use crate::support::Loopback;

#[test]
fn statistics_are_collected_or_refused_with_a_typed_error() {
    let own = Loopback::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let mut stats = Stats::new().request(StatsKinds::DATA);
    let query = Query::all().local_port(own.listening().port());
    let mut read = |system: &mut System| {
        let table = system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats).unwrap();
        let row = *table.iter().find(|row| row.state() == State::Established).unwrap();
        assert_eq!(stats.failures(), None);
        (row, stats.of(&row))
    };
    let (row, before) = read(&mut system);
    match system.collect(&row, StatsKinds::DATA) {
        Ok(guard) => {
            let guard = guard.expect("the connection is open");
            assert!(read(&mut system).1.unwrap().bytes_received.is_some());
            drop(guard);
            assert_eq!(read(&mut system).1.unwrap().bytes_received.is_some(), cfg!(target_os = "linux"));
        }
        Err(Error::NotSupported) => assert!(cfg!(windows) && before.is_none(), "Wine"),
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(5), "{error}");
            assert!(cfg!(windows) && before == Some(ConnectionStats::default()), "not an administrator");
        }
    }
}

#[test]
fn a_guard_for_a_listener_is_empty_on_windows_and_does_nothing_on_linux() {
    let own = Loopback::open();
    let listener = BasicRow::new(State::Listen, own.listening(), None);
    let guard = System::new().unwrap().collect(&listener, StatsKinds::all()).unwrap();
    assert_eq!(guard.is_some(), cfg!(target_os = "linux"));
    guard.into_iter().for_each(|guard| guard.leave());
}
