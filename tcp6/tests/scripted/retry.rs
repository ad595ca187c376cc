//! Return codes, the number of attempts, and the waits between them.

use std::time::{Duration, Instant};

use tcp6::{BasicRow, Buffer, Error, Query, System};
use tcp6_sys::{ERROR_INSUFFICIENT_BUFFER, STATUS_UNSUCCESSFUL};

use crate::machine::Machine;

const ROW: &str = "row 2 [::1]:80 -\n";

/// The sum of the waits before attempts 5 to 16: 1, 2, 4, 8, 16 and seven times 32 ms.
const ALL_WAITS: Duration = Duration::from_millis(31 + 7 * 32);

struct Outcome {
    rows: Result<usize, Error>,
    calls: u64,
    time: Duration,
    capacity: usize,
}

fn read(machine: &Machine, script: &str) -> Outcome {
    machine.play(&format!("{script}\n{ROW}"));
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let start = Instant::now();
    let rows = system.table::<BasicRow>(&Query::all(), &mut buffer).map(|table| table.len());
    assert_eq!(u64::try_from(machine.calls(c"GetTcp6Table")), Ok(system.calls()), "calls are miscounted");
    Outcome { rows, calls: system.calls(), time: start.elapsed(), capacity: buffer.capacity() }
}

#[test]
fn retryable_codes_are_retried_until_the_table_is_read() {
    let Some(machine) = Machine::new("") else { return };
    for (script, calls, waits) in [
        ("", 1, 0),
        ("code GetTcp6Table 0xC0000001", 2, 0),
        ("code GetTcp6Table 122 122 0xC0000001", 4, 0),
        ("code GetTcp6Table 122:0 122:0", 3, 0),
        ("code * 122:+1 122:+1 0xC0000001 0xC0000001 122:+4096", 6, 1 + 2),
        ("code GetTcp6Table 122:1000000000", 2, 0),
        (
            "code GetTcp6Table 0xC0000001 0xC0000001 0xC0000001 0xC0000001 0xC0000001 122 122 122 122 122 122 122 122 122 122",
            16,
            ALL_WAITS.as_millis() as u64,
        ),
    ] {
        let outcome = read(&machine, script);
        assert_eq!((outcome.rows.unwrap(), outcome.calls), (1, calls), "{script}");
        assert!(outcome.time >= Duration::from_millis(waits), "{script}: {:?}", outcome.time);
    }
}

#[test]
fn retries_end_after_sixteen_attempts_and_all_waits() {
    let Some(machine) = Machine::new("") else { return };
    for code in [ERROR_INSUFFICIENT_BUFFER, STATUS_UNSUCCESSFUL] {
        let outcome = read(&machine, &format!("code GetTcp6Table{}", format!(" {code}").repeat(20)));
        let error = outcome.rows.unwrap_err();
        assert!(matches!(error, Error::Unstable { call: "GetTcp6Table", attempts: 16, .. }), "{error}");
        assert_eq!(error.raw_os_error(), Some(code as i32));
        assert_eq!(outcome.calls, 16);
        assert!(outcome.time >= ALL_WAITS, "{:?}", outcome.time);
        assert_eq!(outcome.capacity, 0, "the buffer is freed");
    }
}

#[test]
fn other_codes_are_not_retried() {
    let Some(machine) = Machine::new("") else { return };
    for code in [5, 8, 14, 31, 87, 120, 126, 127, 234, 299, 1168, 1784, 0x8000_4005_u32] {
        let outcome = read(&machine, &format!("code GetTcp6Table {code}"));
        let error = outcome.rows.unwrap_err();
        assert!(matches!(error, Error::Os { call: "GetTcp6Table", .. }), "{code}: {error}");
        assert_eq!((error.raw_os_error(), outcome.calls), (Some(code as i32), 1));
    }
    assert!(matches!(read(&machine, "code GetTcp6Table 50").rows, Err(Error::NotSupported)));
    assert_eq!(read(&machine, "code GetTcp6Table 232").rows.unwrap(), 0, "ERROR_NO_DATA is an empty table");
}

#[test]
fn success_without_written_data_is_malformed() {
    let Some(machine) = Machine::new("") else { return };
    for size in ["0:0", "0:4", "0:56", "0:60000", "0:+0", "0:+1", "0:0xFFFFFFFF"] {
        let outcome = read(&machine, &format!("code GetTcp6Table {size}"));
        assert!(matches!(outcome.rows, Err(Error::Malformed(_))), "{size}: {:?}", outcome.rows);
    }
}

#[test]
fn table_that_grows_with_each_call_is_read() {
    let Some(machine) = Machine::new("") else { return };
    machine.play("grow 500\nrow 5 [::1]:1 [::1]:1 times=5000");
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let rows = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap().len();
    assert_eq!(rows as u64, 5000 + 500 * (system.calls() - 1));
    assert!((2..8).contains(&system.calls()), "{} calls", system.calls());
}

#[test]
fn refresh_after_an_error_reads_the_table() {
    let Some(machine) = Machine::new(ROW) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    assert_eq!(system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap().len(), 1);
    machine.play(&format!("code GetTcp6Table 5\n{ROW}{ROW}"));
    assert!(system.table::<BasicRow>(&Query::all(), &mut buffer).is_err());
    assert_eq!(buffer.class(), None, "an error clears the previous table");
    assert_eq!(system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap().len(), 2);
}
