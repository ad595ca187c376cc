use core::time::Duration;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::row::class::BasicRow;
use crate::row::state::State;
use crate::serde::integer::INEXACT;
use crate::stats::connection::{ConnectionStats, FIELDS};
use crate::stats::connection_delta::ConnectionDelta;
use crate::stats::linux::{BaseValues, Reported};
use crate::stats::memory::SocketMemory;
use crate::stats::table::Stats;
use crate::stats::tcp_info::{self, TcpInfo};
use crate::stats::timer::{self, Timer};

/// The positions of times and of 32-bit numbers in the values of a connection.
const TIMES: [usize; 4] = [7, 8, 9, 10];
const NARROW: [usize; 4] = [4, 13, 20, 21];

/// Statistics with these values. Times are whole microseconds.
fn stats(values: &[Option<u64>]) -> ConnectionStats {
    let mut fields = [None; FIELDS];
    for (at, (field, value)) in fields.iter_mut().zip(values).enumerate() {
        *field = value.map(|value| match at {
            at if TIMES.contains(&at) => value % (u64::MAX / 1_000) % INEXACT * 1_000,
            at if NARROW.contains(&at) => value % (1 << 32),
            _ => value,
        });
    }
    ConnectionStats::from_values(&fields)
}

fn delta(elapsed: Duration, values: &[Option<u64>]) -> ConnectionDelta {
    ConnectionDelta {
        elapsed,
        bytes_acknowledged: values[0],
        bytes_received: values[1],
        bytes_sent: values[2],
        bytes_retransmitted: values[3],
        segments_retransmitted: values[4],
        segments_sent: values[5],
        segments_received: values[6],
    }
}

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// All numbers as 64-bit floats, as in programs that know no other numbers.
fn through_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => (number.as_f64().unwrap() as i64).into(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, through_floats(value))).collect(),
        other => other,
    }
}

proptest! {
    #[test]
    fn statistics_round_trip(values in vec(option::of(any::<u64>()), FIELDS)) {
        let stats = stats(&values);
        let value = json_of(&stats);
        prop_assert_eq!(value.as_object().unwrap().len(), values.iter().flatten().count(), "unknown values are omitted");
        prop_assert_eq!(serde_json::from_value::<ConnectionStats>(through_floats(value)).unwrap(), stats);
        prop_assert_eq!(postcard::from_bytes::<ConnectionStats>(&postcard::to_allocvec(&stats).unwrap()).unwrap(), stats);
    }

    #[test]
    fn differences_round_trip(nanos in 0..INEXACT, values in vec(option::of(any::<u64>()), 7)) {
        let exact = delta(Duration::from_nanos(nanos), &values);
        let rounded = delta(Duration::from_micros(nanos / 1_000), &values);
        let value = json_of(&exact);
        prop_assert_eq!(value.as_object().unwrap().len(), 1 + values.iter().flatten().count());
        prop_assert_eq!(serde_json::from_value::<ConnectionDelta>(through_floats(value)).unwrap(), rounded);
        prop_assert_eq!(postcard::from_bytes::<ConnectionDelta>(&postcard::to_allocvec(&exact).unwrap()).unwrap(), exact);
    }
}

#[test]
fn json_has_the_documented_form() {
    let values: Vec<Option<u64>> = (1..=22).map(Some).collect();
    let expected = json!({
        "bytes_acknowledged": "1", "bytes_received": "2", "bytes_sent": "3", "bytes_retransmitted": "4",
        "segments_retransmitted": 5, "segments_sent": "6", "segments_received": "7",
        "rtt_us": 8, "rtt_variation_us": 9, "min_rtt_us": 10, "retransmission_timeout_us": 11,
        "congestion_window_bytes": "12", "slow_start_threshold_bytes": "13", "max_segment_size_bytes": 14,
        "peer_window_bytes": "15", "own_window_bytes": "16", "unread_bytes": "17", "send_queue_bytes": "18",
        "unacknowledged_bytes": "19", "unsent_bytes": "20", "accept_queue": 21, "backlog": 22,
    });
    assert_eq!(json_of(&stats(&values)), expected);
    assert_eq!(json_of(&ConnectionStats::default()), json!({}));
    let expected = json!({
        "elapsed_us": 1_000_000, "bytes_acknowledged": "1", "bytes_received": "2", "bytes_sent": "3",
        "bytes_retransmitted": "4", "segments_retransmitted": "5", "segments_sent": "6", "segments_received": "7",
    });
    assert_eq!(json_of(&delta(Duration::from_nanos(1_000_000_999), &values)), expected);
    assert_eq!(json_of(&delta(Duration::ZERO, &[None; 7])), json!({ "elapsed_us": 0 }));
}

#[test]
fn reads_null_unknown_fields_and_exact_numbers() {
    let read = |text: &str| serde_json::from_str::<ConnectionStats>(text).unwrap();
    let text = r#"{"bytes_sent":9007199254740991,"new":{"a":[1]},"rtt_us":null,"new":1,"min_rtt_us":7}"#;
    let expected = ConnectionStats {
        bytes_sent: Some((1 << 53) - 1),
        min_rtt: Some(Duration::from_micros(7)),
        ..ConnectionStats::default()
    };
    assert_eq!(read(text), expected);
    assert_eq!(read("{}"), ConnectionStats::default());
    let delta: ConnectionDelta = serde_json::from_str(r#"{"elapsed_us":3,"bytes_sent":null,"new":1}"#).unwrap();
    assert_eq!(delta, self::delta(Duration::from_micros(3), &[None; 7]));
}

#[test]
fn rejects_duplicates_missing_fields_and_invalid_values() {
    let error = |text: &str| serde_json::from_str::<ConnectionStats>(text).unwrap_err().to_string();
    for (text, expected) in [
        (r#"{"bytes_sent":"1","bytes_sent":"1"}"#, "duplicate field `bytes_sent`"),
        (r#"{"rtt_us":null,"rtt_us":1}"#, "duplicate field `rtt_us`"),
        (r#"{"bytes_sent":9007199254740992}"#, "may have lost bits"),
        (r#"{"bytes_sent":"-1"}"#, "string of digits"),
        (r#"{"rtt_us":9007199254740992}"#, "microseconds below 2^53"),
        (r#"{"rtt_us":-1}"#, "invalid value"),
        (r#"{"rtt_us":1.5}"#, "invalid type"),
        (r#"{"segments_retransmitted":4294967296}"#, "invalid value"),
    ] {
        assert!(error(text).contains(expected), "{text}: {}", error(text));
    }
    let error = serde_json::from_str::<ConnectionDelta>(r#"{"bytes_sent":"1"}"#).unwrap_err().to_string();
    assert!(error.contains("missing field `elapsed_us`"), "{error}");
    let mut wide = [None; FIELDS];
    wide[NARROW[0]] = Some(1u64 << 32);
    assert!(postcard::from_bytes::<ConnectionStats>(&postcard::to_allocvec(&wide).unwrap()).is_err());
    let long = ConnectionStats { rtt: Some(Duration::MAX), ..ConnectionStats::default() };
    assert!(serde_json::to_string(&long).unwrap_err().to_string().contains("2^53"));
}

#[test]
fn timers_have_a_kind_and_their_counters() {
    let timer = |number| json_of(&Timer::new(number, 250, 3).unwrap());
    assert_eq!(timer(1), json!({ "kind": "retransmission", "expires_in_us": 250_000, "retransmissions": 3 }));
    assert_eq!(timer(2), json!({ "kind": "keep-alive", "expires_in_us": 250_000, "probes": 3 }));
    assert_eq!(timer(3), json!({ "kind": "time-wait", "expires_in_us": 250_000 }));
    assert_eq!(timer(4), json!({ "kind": "zero-window-probe", "expires_in_us": 250_000, "probes": 3 }));
    assert_eq!(timer(9), json!({ "kind": "other", "expires_in_us": 250_000, "number": 9 }));
}

#[test]
fn memory_has_the_fields_that_the_kernel_sends() {
    let words: Vec<u8> = (1..=9u32).flat_map(u32::to_ne_bytes).collect();
    let all = json!({
        "receive_allocated_bytes": 1, "receive_buffer_bytes": 2, "send_allocated_bytes": 3, "send_buffer_bytes": 4,
        "forward_allocated_bytes": 5, "send_queued_bytes": 6, "options_bytes": 7, "backlog_bytes": 8, "drops": 9,
    });
    assert_eq!(json_of(&SocketMemory::from_bytes(&words)), all);
    let old = json!({ "receive_allocated_bytes": 1, "receive_buffer_bytes": 2 });
    assert_eq!(json_of(&SocketMemory::from_bytes(&words[..8])), old);
}

/// The name in the C struct, where it may end with a unit already.
fn c_name(field: &str) -> &str {
    if tcp_info::FIELDS.iter().any(|(name, ..)| *name == field) {
        return field;
    }
    // The unit of the longest name that ends with it.
    let units = ["_bytes_per_second", "_us", "_segments", "_bytes"];
    units.iter().find_map(|unit| field.strip_suffix(unit)).unwrap_or(field)
}

#[test]
fn tcp_info_has_every_field_with_its_value() {
    let mut bytes = [0; 280];
    // A value for each field that differs from the others and that no field reserves for an unknown value.
    for (value, (_, at, size)) in (1u64..).zip(tcp_info::FIELDS) {
        let at = *at;
        match size {
            1 => bytes[at] = value as u8,
            2 => bytes[at..at + 2].copy_from_slice(&(value as u16).to_ne_bytes()),
            4 => bytes[at..at + 4].copy_from_slice(&(value as u32).to_ne_bytes()),
            8 => bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes()),
            size => panic!("{size}"),
        }
    }
    let value = json_of(&TcpInfo::from_bytes(&bytes));
    let fields = value.as_object().unwrap();
    let milliseconds = ["last_data_sent", "last_data_recv", "last_ack_recv", "total_rto_time"];
    for (value, (name, _, size)) in (1u64..).zip(tcp_info::FIELDS) {
        let (field, written) = fields.iter().find(|(field, _)| c_name(field) == *name).expect(name);
        let scale = if milliseconds.contains(name) { 1_000 } else { 1 };
        let expected: Value = match size {
            8 if !field.ends_with("_us") => value.to_string().into(),
            _ => (value * scale).into(),
        };
        assert_eq!(*written, expected, "{field}");
    }
    let bit_fields = ["snd_wscale", "rcv_wscale", "delivery_rate_app_limited", "fastopen_client_fail"];
    let late = ["ecn_mode", "accecn_opt_seen", "accecn_fail_mode"];
    assert!(bit_fields.iter().chain(&late).all(|name| fields.contains_key(*name)), "{fields:?}");
    assert_eq!(fields.len(), tcp_info::FIELDS.len() + bit_fields.len() + late.len());
}

#[test]
fn unknown_fields_of_tcp_info_are_omitted_in_text_and_none_in_binary_formats() {
    assert_eq!(json_of(&TcpInfo::from_bytes(&[])), json!({}));
    let mut old = [0; 104];
    old[68..72].copy_from_slice(&900u32.to_ne_bytes());
    let value = json_of(&TcpInfo::from_bytes(&old));
    assert_eq!(value["rtt_us"], 900);
    assert!(value.get("bytes_sent").is_none() && value.get("ato_us").is_none(), "{value}");
    assert_eq!(value["fackets_segments"], 0, "before Linux 4.18");
    // One byte for each unknown value.
    let none = postcard::to_allocvec(&TcpInfo::from_bytes(&[])).unwrap();
    assert_eq!(none, vec![0; tcp_info::FIELDS.len() + 8]);
}

#[test]
fn a_socket_has_all_that_is_known() {
    let mut stats = Stats::new();
    let (local, remote) = ("[::1]:80".parse().unwrap(), "[fe80::1%7]:443".parse().unwrap());
    let connection = BasicRow::new(State::Established, local, Some(remote));
    let listener = BasicRow::new(State::Listen, local, None);
    let values =
        BaseValues { timer: timer::RETRANSMISSION, expires_in: 5, send_queue: Some(9), ..BaseValues::default() };
    let mut info = [0; 104];
    info[68..72].copy_from_slice(&900u32.to_ne_bytes());
    let reported = Reported {
        values,
        uid: Some(1_000),
        cookie: u64::MAX,
        info: Some(&info),
        algorithm: Some(b"cubic\0"),
        memory: Some(&[7, 0, 0, 0]),
    };
    stats.push_reported(&connection, &reported).unwrap();
    stats.push_reported(&listener, &Reported { algorithm: Some(b"\xff"), ..Reported::default() }).unwrap();
    let sockets: BTreeMap<String, Value> =
        stats.iter().map(|socket| (socket.state().to_string(), json_of(&socket))).collect();
    let value = &sockets["ESTABLISHED"];
    assert_eq!((&value["local"], &value["remote"]), (&json!("[::1]:80"), &json!("[fe80::1%7]:443")));
    assert_eq!((&value["uid"], &value["cookie"]), (&json!(1_000), &json!("18446744073709551615")));
    assert_eq!((&value["timer"]["kind"], &value["algorithm"]), (&json!("retransmission"), &json!("cubic")));
    assert_eq!((&value["stats"]["send_queue_bytes"], &value["stats"]["rtt_us"]), (&json!("9"), &json!(900)));
    assert_eq!(value["tcp_info"]["rtt_us"], 900);
    let word = u32::from_ne_bytes([7, 0, 0, 0]);
    assert_eq!(value["memory"], json!({ "receive_allocated_bytes": word }));
    let expected = json!({ "local": "[::1]:80", "remote": null, "state": "LISTEN", "stats": { "accept_queue": 0 } });
    assert_eq!(sockets["LISTEN"], expected, "unknown values and a name that is not UTF-8 are omitted");
}
