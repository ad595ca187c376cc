//! `System::statistics`: GetTcpStatisticsEx2, GetTcpStatisticsEx, their errors, and 64-bit counters of segments.

use std::ffi::CStr;
use std::time::Duration;

use tcp6::{Error, Malformed, RtoAlgorithm, Statistics, StatisticsScope, System};

use crate::machine::Machine;
use crate::rows::ROWS;

const EX2: &CStr = c"GetTcpStatisticsEx2";
const EX: &CStr = c"GetTcpStatisticsEx";

fn read() -> Result<Statistics, Error> {
    System::new().unwrap().statistics()
}

fn counters(statistics: &Statistics) -> Vec<u64> {
    statistics.counters().map(|(_, value)| value).collect()
}

#[test]
fn ex2_has_64_bit_counters_of_segments() {
    let Some(machine) = Machine::new(&format!("segments 4294967303 8589934601\n{ROWS}")) else { return };
    let statistics = read().unwrap();
    assert_eq!(counters(&statistics), [101, 102, 103, 104, (1 << 32) + 7, (1 << 33) + 9, 105, 106, 107]);
    assert_eq!((statistics.scope, statistics.rto_algorithm), (StatisticsScope::Ipv6, RtoAlgorithm::VanJacobson));
    assert_eq!(statistics.rto_min, Duration::from_millis(10));
    assert_eq!(statistics.rto_max, Duration::from_millis(u32::MAX.into()));
    assert_eq!((statistics.max_connections, statistics.established, statistics.connections), (None, 1, Some(5)));
    assert_eq!((machine.calls(EX2), machine.calls(EX)), (1, 0), "one call per reading");
}

#[test]
fn ex_is_called_if_ex2_is_not_implemented() {
    let script = format!("segments 4294967303 8589934601\ncode GetTcpStatisticsEx2 120\n{ROWS}");
    let Some(machine) = Machine::new(&script) else { return };
    let narrow = read().unwrap();
    assert_eq!(counters(&narrow), [101, 102, 103, 104, 7, 9, 105, 106, 107]);
    assert_eq!((narrow.established, narrow.connections), (1, Some(5)));
    assert_eq!((machine.calls(EX2), machine.calls(EX)), (1, 1));
    let wide = read().unwrap();
    assert_eq!(wide.since(&narrow).counters().count(), 0, "counters of different widths have no increase");
}

#[test]
fn counters_of_segments_wrap_only_with_32_bits() {
    let Some(machine) = Machine::new("") else { return };
    let since = |code: &str| {
        machine.play(&format!("{code}\nsegments 4294967295 4294967290"));
        let before = read().unwrap();
        machine.play(&format!("{code}\nsegments 4294967296 4294967301"));
        let delta = read().unwrap().since(&before);
        assert_eq!((delta.active_opens, delta.resets_out), (Some(0), Some(0)));
        (delta.segments_in, delta.segments_out)
    };
    assert_eq!(since(""), (Some(1), Some(11)));
    assert_eq!(since("code GetTcpStatisticsEx2 120"), (Some(1), Some(11)));
    machine.play("segments 4294967296 4294967296");
    let before = read().unwrap();
    machine.play("segments 5 4294967297");
    let delta = read().unwrap().since(&before);
    assert_eq!((delta.segments_in, delta.segments_out), (None, Some(1)), "a counter of 64 bits was reset");
}

#[test]
fn errors_are_typed() {
    let Some(machine) = Machine::new("code GetTcpStatisticsEx2 50") else { return };
    assert!(read().unwrap_err().is_not_supported());
    machine.play("code GetTcpStatisticsEx2 120\ncode GetTcpStatisticsEx 50");
    assert!(read().unwrap_err().is_not_supported());
    machine.play("code GetTcpStatisticsEx2 5");
    let error = read().unwrap_err();
    assert!(
        matches!(error, Error::Os { call: "GetTcpStatisticsEx2", .. }) && error.raw_os_error() == Some(5),
        "{error}"
    );
    assert!(read().is_ok(), "the next reading starts anew");
    // A success that writes nothing.
    for (script, name) in [
        ("code GetTcpStatisticsEx2 0:0", "GetTcpStatisticsEx2"),
        ("code GetTcpStatisticsEx2 120\ncode GetTcpStatisticsEx 0:0", "GetTcpStatisticsEx"),
    ] {
        machine.play(script);
        let error = read().unwrap_err();
        assert!(matches!(error, Error::Malformed(Malformed::NotWritten { call, .. }) if call == name), "{error}");
    }
}
