//! JSON read and written by other programs: `jq`, and programs that store numbers as 64-bit floats.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tcp6::{OffloadRow, OwnerModuleRow, Row, Snapshot, State};

/// A time with a fraction in units of 100 ns, the resolution of Windows.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100)
}

/// Rows from Linux and Windows with extreme numbers, of which 64-bit floats cannot represent all.
fn snapshot() -> Snapshot<OwnerModuleRow> {
    let row = |port, ticks, module| {
        let local = format!("[::1]:{port}").parse().unwrap();
        let mut raw = *OwnerModuleRow::new(State::Listen, local, None).as_raw();
        (raw.dwOwningPid, raw.liCreateTimestamp, raw.OwningModuleInfo) = (u32::MAX - 1, ticks, module);
        OwnerModuleRow::from_raw(raw)
    };
    let mark = u64::from_be_bytes(*b"tcp6:lnx");
    let mut socket = [0; 16];
    (socket[1], socket[2], socket[3], socket[15]) = (u64::MAX - 1, u32::MAX.into(), u32::MAX.into(), mark);
    // Has the Linux marker, but also sets a word that the crate does not use on Linux.
    let mut odd = socket;
    odd[0] = (1 << 53) + 1;
    let rows = [
        row(1, 0, socket),
        row(2, 134_000_000_012_345_679, [u64::MAX; 16]),
        row(3, i64::MAX, [(1 << 53) + 1; 16]),
        row(4, i64::MIN, odd),
    ];
    Snapshot::from_rows(rows, time())
}

/// Parses and rewrites JSON as a program does that stores each number as a 64-bit float.
fn through_floats(json: &str) -> String {
    fn walk(value: &mut Value) {
        match value {
            Value::Number(number) => {
                let float = number.as_f64().unwrap();
                assert!(float.fract() == 0.0 && float.abs() < 2f64.powi(63));
                *value = (float as i64).into();
            }
            Value::Array(values) => values.iter_mut().for_each(walk),
            Value::Object(fields) => fields.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    walk(&mut value);
    value.to_string()
}

#[test]
fn json_survives_a_program_that_stores_numbers_as_floats() {
    let json = serde_json::to_string(&snapshot()).unwrap();
    let again: Snapshot<OwnerModuleRow> = serde_json::from_str(&through_floats(&json)).unwrap();
    assert_eq!(again, snapshot());
    assert_eq!(again.taken_at(), Some(time()));
    let rounded = through_floats(r#"{"number":9007199254740993}"#);
    assert_eq!(rounded, r#"{"number":9007199254740992}"#, "the program rounds large numbers");
}

/// Runs `jq` with a filter and returns its output.
///
/// Returns `None` if `jq` cannot be started, so that the test is skipped. In CI it panics instead.
#[cfg(not(windows))]
fn jq(filter: &str, input: &str) -> Option<String> {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut command = Command::new("jq");
    command.args(["-c", filter]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "jq: {error}");
            eprintln!("skipped: jq: {error}");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "jq {filter}");
    Some(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

#[cfg(not(windows))]
#[test]
fn json_survives_jq() {
    let json = serde_json::to_string(&snapshot()).unwrap();
    // The second filter adds 0 to each number: newer versions of jq keep unmodified numbers as text.
    for filter in [".", r#"walk(if type == "number" then . + 0 else . end)"#] {
        let Some(text) = jq(filter, &json) else { return };
        let again: Snapshot<OwnerModuleRow> = serde_json::from_str(&text).unwrap();
        assert_eq!(again, snapshot(), "{filter}");
        assert_eq!(again.taken_at(), Some(time()), "{filter}");
    }
}

#[cfg(not(windows))]
#[test]
fn jq_reads_the_fields() {
    let json = serde_json::to_string(&snapshot()).unwrap();
    for (filter, expected) in [
        (".taken_at | fromdate", "1795430559"),
        (".taken_at_nanos", "99338100"),
        (".rows[0].socket", r#"{"inode":4294967295,"uid":4294967295,"cookie":"18446744073709551614"}"#),
        (".rows[0] | has(\"module\"), has(\"created\")", "false\nfalse"),
        (".rows[1].created | fromdate", "1755526401"),
        (".rows[1].created_ticks", r#""134000000012345679""#),
        (".rows[1].module[15]", r#""18446744073709551615""#),
        (".rows[1] | has(\"socket\")", "false"),
    ] {
        let Some(text) = jq(filter, &json) else { return };
        assert_eq!(text, expected, "{filter}");
    }
}

#[test]
fn omits_an_unknown_offload_state() {
    let row = OffloadRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    let json = serde_json::to_string(&row).unwrap();
    assert_eq!(json, r#"{"local":"[::1]:80","remote":null,"state":"LISTEN","owner":"unresolved"}"#);
    let again: OffloadRow = serde_json::from_str(&json).unwrap();
    assert_eq!(again.offload_state(), None);
}

#[cfg(not(windows))]
#[test]
fn statistics_survive_jq() {
    use tcp6::{ConnectionDelta, ConnectionStats};

    let mut stats = ConnectionStats::default();
    (stats.bytes_received, stats.bytes_sent) = (Some(u64::MAX), Some((1 << 53) + 1));
    (stats.rtt, stats.segments_retransmitted) = (Some(Duration::from_micros(1_500)), Some(u32::MAX));
    // The longest time that can be written.
    stats.retransmission_timeout = Some(Duration::from_micros((1 << 53) - 1));
    let json = serde_json::to_string(&stats).unwrap();
    let add_zero = r#"walk(if type == "number" then . + 0 else . end)"#;
    for filter in [".", add_zero] {
        let Some(text) = jq(filter, &json) else { return };
        assert_eq!(serde_json::from_str::<ConnectionStats>(&text).unwrap(), stats, "{filter}");
    }
    assert_eq!(
        jq("[.rtt_us, .bytes_received, .bytes_acknowledged]", &json).unwrap(),
        r#"[1500,"18446744073709551615",null]"#
    );

    let json = r#"{"elapsed_us":1000000,"bytes_received":"9007199254740993"}"#;
    let text = jq(add_zero, json).unwrap();
    let delta: ConnectionDelta = serde_json::from_str(&text).unwrap();
    assert_eq!((delta.elapsed, delta.bytes_received), (Duration::from_secs(1), Some((1 << 53) + 1)));
    assert_eq!(jq(r#"(.bytes_received | tonumber) / .elapsed_us * 1e6 > 9e15"#, json).unwrap(), "true");
}
