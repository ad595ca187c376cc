//! JSON as other programs read it: `jq`, and whatever keeps numbers as 64-bit floats.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tcp6::{OffloadRow, OwnerModuleRow, Row, Snapshot, State};

/// A time with a fraction in the steps of Windows.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100)
}

/// Rows with the greatest numbers that there may be, of Linux and of Windows.
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
    // Marked as Linux', and not all of it is.
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

/// The text as a reader writes it again that keeps each number as a 64-bit float.
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
fn nothing_is_lost_where_numbers_are_floats() {
    let json = serde_json::to_string(&snapshot()).unwrap();
    let again: Snapshot<OwnerModuleRow> = serde_json::from_str(&through_floats(&json)).unwrap();
    assert_eq!(again, snapshot());
    assert_eq!(again.taken_at(), Some(time()));
    let before = through_floats(r#"{"number":9007199254740993}"#);
    assert_eq!(before, r#"{"number":9007199254740992}"#, "what such a reader does to numbers");
}

/// The output of `jq` with this filter. Without `jq`, the test is skipped; in CI it fails.
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
fn jq_loses_nothing() {
    let json = serde_json::to_string(&snapshot()).unwrap();
    // The second has it compute with each number, as later versions keep untouched ones as they are.
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
fn an_offload_state_that_is_unknown_is_left_out() {
    let row = OffloadRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    let json = serde_json::to_string(&row).unwrap();
    assert_eq!(json, r#"{"local":"[::1]:80","remote":null,"state":"LISTEN","owner":"unresolved"}"#);
    let again: OffloadRow = serde_json::from_str(&json).unwrap();
    assert_eq!(again.offload_state(), None);
}
