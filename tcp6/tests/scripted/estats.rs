//! Statistics of connections: reading them with a table, and enabling their collection.

use std::time::Duration;

use tcp6::os::windows::{SenderStats, StatsExt};
use tcp6::{
    BasicRow, Buffer, ConnectionStats, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder,
    RecordingSource, Replay, Row, Stats, StatsCollection, StatsKinds, System, Table,
};
use tcp6_sys::*;

use crate::machine::Machine;
use crate::memory::allocations;
use crate::raw::look_up;
use crate::rows::end;

/// The rows of the script: one connection, and one row in each state without statistics.
const ROWS: &str = "
row 5 [fe80::1%7]:49152 [fe80::2%7]:443 pid=8 created=133500000000000001 OPTIONS
row 1 [::1]:1 [::2]:2
row 2 [::1]:80 -
row 11 [::1]:80 [::2]:5000
row 12 [::1]:80 [::2]:5001
row 100 [::]:81 -
";

const GET: &std::ffi::CStr = c"GetPerTcp6ConnectionEStats";
const SET: &std::ffi::CStr = c"SetPerTcp6ConnectionEStats";

/// Every type except SynOpts and Bandwidth, as bits.
const ALL: u32 = 0x17E;

/// A script with this first line and these options of the connection.
fn script(first: &str, options: &str) -> String {
    format!("{first}\n{}", ROWS.replace("OPTIONS", options))
}

/// A script in which another program collects these types of the connection.
fn collected(types: u32) -> String {
    script("", &format!("collected={types}"))
}

struct Reader {
    system: System,
    buffer: Buffer,
    stats: Stats,
}

impl Reader {
    fn of(kinds: StatsKinds) -> Reader {
        let stats = Stats::new().request(kinds);
        Reader { system: System::new().unwrap(), buffer: Buffer::new(), stats }
    }

    /// Reads the table. Returns the connection.
    fn read<R: Row>(&mut self) -> R {
        let Reader { system, buffer, stats } = self;
        let table = system.table_with_stats::<R>(&Query::all(), buffer, stats).unwrap();
        assert_eq!(table.len(), 6);
        let found: Vec<_> = table.find(end("[fe80::1%7]:49152"), Some(end("[fe80::2%7]:443"))).collect();
        assert_eq!(found.len(), 1);
        *found[0]
    }

    /// Reads the table. Returns the statistics of the connection.
    fn stats(&mut self) -> Option<ConnectionStats> {
        let row = self.read::<BasicRow>();
        self.stats.of(&row)
    }
}

/// The number in the little-endian pattern of the script at an offset: each byte is its offset plus 1 and the step.
fn pattern<const N: usize>(offset: usize, step: u8) -> u64 {
    (0..N).fold(0, |value, at| value | u64::from((offset + at + 1) as u8 + step) << (8 * at))
}

/// The values of all types in the pattern. The offsets are those of the C headers.
fn expected(step: u8) -> (ConnectionStats, SenderStats) {
    let long = |offset| pattern::<4>(offset, step);
    let quad = |offset| pattern::<8>(offset, step);
    let number = |offset| long(offset) as u32;
    let ms = |offset| Duration::from_millis(long(offset));
    let us = |offset| Duration::from_micros(long(offset));
    // A field of the size of a pointer, and the offset of a field, in 64 and 32 bits.
    let is_64 = cfg!(target_pointer_width = "64");
    let size = |on_64, on_32| if is_64 { quad(on_64) } else { long(on_32) };
    let at = |on_64, on_32| if is_64 { on_64 } else { on_32 };
    let mut stats = ConnectionStats::default();
    // Data.
    stats.bytes_acknowledged = Some(quad(72));
    stats.bytes_received = Some(quad(88));
    stats.bytes_sent = Some(quad(0));
    stats.segments_sent = Some(quad(32));
    stats.segments_received = Some(quad(40));
    // Path.
    stats.bytes_retransmitted = Some(long(24));
    stats.segments_retransmitted = Some(number(20));
    stats.retransmission_timeout = Some(ms(132));
    stats.max_segment_size = Some(number(144));
    // FineRtt.
    stats.rtt = Some(us(12));
    stats.rtt_variation = Some(us(0));
    stats.min_rtt = Some(us(8));
    // SndCong.
    stats.congestion_window = Some(long(at(60, 48)));
    stats.slow_start_threshold = Some(long(at(72, 60)));
    // ObsRec, Rec, SendBuff.
    stats.peer_window = Some(long(0));
    stats.own_window = Some(long(0));
    stats.unread_bytes = Some(size(48, 44));
    let (unacknowledged, unsent) = (size(0, 0), size(16, 8));
    stats.unacknowledged_bytes = Some(unacknowledged);
    stats.unsent_bytes = Some(unsent);
    stats.send_queue_bytes = Some(unacknowledged + unsent);
    let mut sender = SenderStats::default();
    sender.fast_retransmits = Some(number(0));
    sender.timeouts = Some(number(4));
    sender.duplicate_acks = Some(number(28));
    sender.sacks = Some(number(32));
    sender.sack_blocks = Some(number(36));
    sender.congestion_signals = Some(number(40));
    sender.reported_duplicates = Some(number(100));
    sender.limited_by_receiver = Some(ms(4));
    sender.limited_by_congestion = Some(ms(at(20, 16)));
    sender.limited_by_sender = Some(ms(at(36, 28)));
    (stats, sender)
}

#[test]
fn every_value_is_that_of_its_bytes_in_every_class() {
    let Some(machine) = Machine::new(&collected(ALL)) else { return };
    fn check<R: Row>(machine: &Machine) {
        for first in ["", "garbage 1", "slack 8", "step 3"] {
            machine.play(&script(first, &format!("collected={ALL}")));
            let mut reader = Reader::of(StatsKinds::all());
            let row = reader.read::<R>();
            let (stats, sender) = expected(if first == "step 3" { 3 } else { 0 });
            assert_eq!(reader.stats.of(&row), Some(stats), "{first}");
            assert_eq!(reader.stats.sender(&row), Some(sender), "{first}");
            assert_eq!((reader.stats.len(), reader.stats.failures()), (1, None));
        }
    }
    check::<BasicRow>(&machine);
    check::<OwnerPidRow>(&machine);
    check::<OffloadRow>(&machine);
    check::<OwnerModuleRow>(&machine);
}

#[test]
fn values_of_disabled_types_are_unknown() {
    let Some(machine) = Machine::new(&collected(0)) else { return };
    let mut reader = Reader::of(StatsKinds::all());
    assert_eq!(reader.stats(), Some(ConnectionStats::default()), "the values are garbage");
    assert_eq!(machine.calls(SET), 0);
    let (all, _) = expected(0);
    // Each type alone: the number of known values, one of them.
    let mut counts = Vec::new();
    for number in [1, 2, 3, 4, 5, 6, 8] {
        machine.play(&collected(1 << number));
        let stats = reader.stats().unwrap();
        counts.push(format!("{stats:?}").matches("Some(").count());
        match number {
            1 => assert_eq!(stats.bytes_received, all.bytes_received),
            2 => assert_eq!(stats.congestion_window, all.congestion_window),
            // Without FineRtt, round-trip times are those of Path in milliseconds.
            3 => assert_eq!(stats.rtt, Some(Duration::from_millis(pattern::<4>(108, 0)))),
            4 => assert_eq!(stats.unsent_bytes, all.unsent_bytes),
            5 => assert_eq!(stats.unread_bytes, all.unread_bytes),
            6 => assert_eq!(stats.peer_window, all.peer_window),
            _ => assert_eq!(stats.min_rtt, all.min_rtt),
        }
    }
    assert_eq!(counts, [5, 2, 7, 3, 2, 1, 3]);
}

#[test]
fn a_success_that_writes_nothing_has_no_values() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&script("code GetPerTcp6ConnectionEStats 0:0 0:0", &format!("collected={ALL}")));
    assert_eq!(Reader::of(StatsKinds::QUEUES).stats(), Some(ConnectionStats::default()));
}

#[test]
fn only_connections_are_read_with_one_call_for_each_type() {
    let Some(machine) = Machine::new("") else { return };
    let rows = ["row 3 [::1]:9 [::2]:9", "row 4 [::1]:10 [::2]:9", "row 8 [::1]:11 [::2]:9 gone=1"].join("\n");
    let kinds = [
        (StatsKinds::QUEUES, 2),
        (StatsKinds::DATA, 4),
        (StatsKinds::PATH, 4),
        (StatsKinds::CONGESTION, 3),
        (StatsKinds::WINDOW, 3),
        (StatsKinds::ALGORITHM | StatsKinds::MEMORY, 2),
        (StatsKinds::all(), 7),
    ];
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for (kinds, types) in kinds {
        machine.play(&script("", "").replace("row 1 ", &format!("{rows}\nrow 1 ")));
        let mut stats = Stats::new().request(kinds);
        let table = system.table_with_stats::<OwnerPidRow>(&Query::all(), &mut buffer, &mut stats).unwrap();
        assert_eq!((table.len(), stats.len()), (9, 3), "{kinds:?}");
        // The first call for a connection that is gone is the last one.
        assert_eq!((machine.calls(GET), machine.calls(SET)), (3 * types + 1, 0), "{kinds:?}");
        machine.play(&script("", ""));
        for query in [Query::listeners(), Query::all().local_port(80)] {
            let table = system.table_with_stats::<OwnerPidRow>(&query, &mut buffer, &mut stats).unwrap();
            assert!(!table.is_empty() && stats.is_empty());
        }
        assert_eq!(machine.calls(GET), 0, "{kinds:?}");
        system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
        assert_eq!(machine.calls(GET), 0, "a table without statistics");
    }
}

#[test]
fn connections_that_are_gone_or_unsupported_have_no_statistics() {
    let Some(machine) = Machine::new("") else { return };
    let mut reader = Reader::of(StatsKinds::DATA);
    for (first, options) in [
        ("", "collected=0x17E gone=1"),
        // Gone after the first type.
        ("code GetPerTcp6ConnectionEStats 0 1168", "collected=0x17E"),
        ("code GetPerTcp6ConnectionEStats 120 120 120 120", "collected=0x17E"),
        ("code GetPerTcp6ConnectionEStats 50 50 50 50", "collected=0x17E"),
    ] {
        machine.play(&script(first, options));
        assert_eq!((reader.stats(), reader.stats.failures()), (None, None), "{first} {options}");
        assert!(reader.stats.is_empty());
    }
}

#[test]
fn refusals_are_reported_once_with_the_table() {
    let Some(machine) = Machine::new("") else { return };
    let mut reader = Reader::of(StatsKinds::DATA);
    machine.play(&script("code GetPerTcp6ConnectionEStats 5", &format!("collected={ALL}")));
    assert_eq!(reader.stats(), None);
    let failures = reader.stats.failures().unwrap();
    assert_eq!((failures.connections, failures.code, machine.calls(GET)), (1, 5, 1));
    assert!(matches!(failures.error(), Error::Os { call: "GetPerTcp6ConnectionEStats", .. }));
    assert_eq!(failures.error().raw_os_error(), Some(5));
    // The next table starts anew.
    assert_eq!(reader.stats().unwrap().bytes_sent, expected(0).0.bytes_sent);
    assert_eq!(reader.stats.failures(), None);
    // A table that cannot be read has neither rows nor statistics.
    machine.play(&script("code GetTcp6Table 5", &format!("collected={ALL}")));
    let Reader { system, buffer, stats } = &mut reader;
    assert!(system.table_with_stats::<BasicRow>(&Query::all(), buffer, stats).is_err());
    assert!(stats.is_empty() && machine.calls(GET) == 0);
}

/// Collects statistics of the connection.
fn collect(kinds: StatsKinds) -> tcp6::Result<Option<StatsCollection>> {
    let row = Reader::of(StatsKinds::QUEUES).read::<OwnerPidRow>();
    System::new().unwrap().collect(&row, kinds)
}

/// The types that are enabled for the connection, as bits, from the function itself.
fn enabled() -> u32 {
    let row = *Reader::of(StatsKinds::QUEUES).read::<BasicRow>().as_raw();
    let get: PFN_GetPerTcp6ConnectionEStats = look_up(GET);
    let is_enabled = |kind: &TCP_ESTATS_TYPE| {
        let (mut rw, none) = (0, std::ptr::null_mut());
        // SAFETY: the row is valid for a read, `rw` for a write of one byte, and the other buffers are null.
        let code = unsafe { get(&row, *kind, &mut rw, 0, 1, none, 0, 0, none, 0, 0) };
        assert_eq!(code, NO_ERROR);
        rw != 0
    };
    [1, 2, 3, 4, 5, 6, 8].iter().filter(|kind| is_enabled(kind)).fold(0, |bits, kind| bits | 1 << kind)
}

#[test]
fn a_guard_enables_types_and_disables_them_when_dropped() {
    let Some(machine) = Machine::new("") else { return };
    let kinds = [
        (StatsKinds::QUEUES, 0b11_0000),
        (StatsKinds::DATA, 0b1010),
        (StatsKinds::PATH, 0b1_0000_1000),
        (StatsKinds::CONGESTION, 0b100),
        (StatsKinds::WINDOW, 0b110_0000),
        (StatsKinds::all(), ALL),
        (StatsKinds::ALGORITHM, 0),
    ];
    for (kinds, types) in kinds {
        machine.play(&script("administrator", ""));
        let guard = collect(kinds).unwrap().unwrap();
        assert_eq!(enabled(), types, "{kinds:?}");
        assert_eq!(machine.calls(SET), types.count_ones() as i32);
        let known = Reader::of(StatsKinds::all()).stats().unwrap() != ConnectionStats::default();
        assert_eq!(known, types != 0, "{kinds:?}");
        drop(guard);
        assert_eq!(enabled(), 0, "{kinds:?}");
        assert_eq!(machine.calls(SET), 2 * types.count_ones() as i32);

        collect(kinds).unwrap().unwrap().leave();
        assert_eq!(enabled(), types, "{kinds:?}");
    }
}

#[test]
fn a_guard_leaves_alone_what_others_enabled() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&script("administrator", "collected=0x108"));
    let guard = collect(StatsKinds::DATA | StatsKinds::PATH).unwrap().unwrap();
    assert_eq!((enabled(), machine.calls(SET)), (0b1_0000_1010, 1), "only Data was disabled");
    drop(guard);
    assert_eq!((enabled(), machine.calls(SET)), (0x108, 2));
}

#[test]
fn without_the_right_a_guard_is_refused_unless_others_collect() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&script("", "collected=0x10"));
    let error = collect(StatsKinds::QUEUES).unwrap_err();
    assert!(matches!(error, Error::Os { call: "SetPerTcp6ConnectionEStats", .. }), "{error}");
    assert_eq!((error.raw_os_error(), enabled()), (Some(5), 0x10));
    machine.play(&script("", "collected=0x30"));
    drop(collect(StatsKinds::QUEUES).unwrap().unwrap());
    assert_eq!((machine.calls(SET), enabled()), (0, 0x30));
}

#[test]
fn errors_of_a_guard_are_typed_and_leave_nothing_enabled() {
    let Some(machine) = Machine::new("") else { return };
    let collect_with = |codes: &str| {
        machine.play(&script("administrator", ""));
        let row = Reader::of(StatsKinds::QUEUES).read::<OwnerPidRow>();
        machine.play(&script(&format!("administrator\n{codes}"), ""));
        let result = System::new().unwrap().collect(&row, StatsKinds::DATA);
        let calls = machine.calls(SET);
        assert_eq!(enabled(), if matches!(result, Ok(Some(_))) { 0b1010 } else { 0 }, "{codes}");
        (result, calls)
    };
    let (result, calls) = collect_with("code SetPerTcp6ConnectionEStats 0 50");
    assert!(matches!(result, Err(Error::NotSupported)) && calls == 3, "{result:?}");
    let (result, calls) = collect_with("code GetPerTcp6ConnectionEStats 120");
    assert!(matches!(result, Err(Error::NotSupported)) && calls == 0, "{result:?}");
    let (result, calls) = collect_with("code SetPerTcp6ConnectionEStats 0 1168");
    assert!(matches!(result, Ok(None)) && calls == 3, "gone between: {result:?}");
    let (result, calls) = collect_with("code GetPerTcp6ConnectionEStats 1168");
    assert!(matches!(result, Ok(None)) && calls == 0, "{result:?}");
    let (result, _) = collect_with("code SetPerTcp6ConnectionEStats 8");
    assert_eq!(result.unwrap_err().raw_os_error(), Some(8));
    let (result, _) = collect_with("");
    assert!(matches!(result, Ok(Some(_))));
}

#[test]
fn rows_without_statistics_have_nothing_to_collect() {
    let Some(machine) = Machine::new(&script("administrator", "")) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
    let guards: Vec<_> = table.iter().map(|row| system.collect(row, StatsKinds::all()).unwrap()).collect();
    assert_eq!(guards.iter().filter(|guard| guard.is_some()).count(), 1);
    assert_eq!((machine.calls(GET), machine.calls(SET)), (7, 7));
}

#[test]
fn a_delta_is_the_growth_between_two_tables() {
    let Some(machine) = Machine::new(&collected(ALL)) else { return };
    let [mut earlier, mut later] = [(); 2].map(|()| Reader::of(StatsKinds::DATA));
    earlier.read::<OwnerModuleRow>();
    machine.play(&script("step 2", &format!("collected={ALL}")));
    let row = later.read::<OwnerModuleRow>();
    let delta = later.stats.delta(&earlier.stats, &row).unwrap();
    let growth = Some(0x0202_0202_0202_0202);
    assert_eq!((delta.bytes_acknowledged, delta.bytes_received, delta.bytes_sent), (growth, growth, growth));
    assert_eq!((delta.segments_sent, delta.segments_received), (growth, growth));
    let growth = Some(0x0202_0202);
    assert_eq!((delta.bytes_retransmitted, delta.segments_retransmitted), (growth, growth), "32 bits");
    assert_eq!(earlier.stats.delta(&later.stats, &row), None);
    // Another connection with the same ends, created later.
    machine.play(&script("step 2", &format!("collected={ALL}")).replace("0000001 ", "0000002 "));
    let row = later.read::<OwnerModuleRow>();
    assert_eq!(later.stats.delta(&earlier.stats, &row), None);
    // Not collected at the first reading.
    machine.play(&collected(0));
    earlier.read::<OwnerModuleRow>();
    machine.play(&collected(ALL));
    let row = later.read::<OwnerModuleRow>();
    assert_eq!(later.stats.delta(&earlier.stats, &row), None);
}

#[test]
fn statistics_are_recorded_and_replayed() {
    let Some(machine) = Machine::new("") else { return };
    let recorder = Recorder::new(Vec::new()).unwrap();
    let mut source = RecordingSource::new(System::new().unwrap(), recorder);
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new().request(StatsKinds::all()));
    for types in [ALL, 0b10, 0] {
        machine.play(&collected(types));
        Table::<OwnerModuleRow>::read_with_stats(&mut source, &Query::all(), &mut buffer, &mut stats).unwrap();
    }
    let capture = source.into_parts().1.into_inner();
    let mut replay = Replay::from_reader(&capture[..]).unwrap();
    assert_eq!((replay.remaining(), replay.damage()), (3, None));
    let mut next = || {
        let table =
            Table::<OwnerModuleRow>::read_with_stats(&mut replay, &Query::all(), &mut buffer, &mut stats).unwrap();
        let row = table.find(end("[fe80::1%7]:49152"), Some(end("[fe80::2%7]:443"))).next().unwrap();
        assert_eq!(stats.len(), 1);
        (stats.of(row).unwrap(), stats.sender(row))
    };
    let (all, sender) = expected(0);
    assert_eq!(next(), (all, Some(sender)));
    let (data, none) = next();
    assert_eq!((data.bytes_sent, data.rtt, none), (all.bytes_sent, None, None));
    assert_eq!(next(), (ConnectionStats::default(), None));
}

#[test]
fn the_steady_state_allocates_nothing() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&format!("administrator\nrow 5 [::1]:1 [::2]:1000 collected={ALL} times=200\nrow 5 [::1]:1 [::2]:1"));
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let mut stats = Stats::new().request(StatsKinds::all());
    let mut read = || {
        let table = system.table_with_stats::<OwnerPidRow>(&Query::all(), &mut buffer, &mut stats).unwrap();
        assert_eq!(table.iter().filter(|row| stats.of(*row).is_some_and(|stats| stats.rtt.is_some())).count(), 200);
        // The first row is disabled.
        let guard = system.collect(&table[0], StatsKinds::all()).unwrap();
        assert!(guard.is_some());
    };
    read();
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    assert_eq!(allocations(&mut read), 0);
    assert_eq!(machine.calls(SET), 2 * 2 * 7);
}
