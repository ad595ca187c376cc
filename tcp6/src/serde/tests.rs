use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::row::Row;
use crate::row::class::{BasicRow, Class, OffloadRow, OwnerModuleRow, OwnerPidRow};
use crate::row::layout::{Parts, RawRow};
use crate::row::offload_state::OffloadState;
use crate::row::owner::Owner;
use crate::row::socket_info;
use crate::row::state::{State, StateSet};
use crate::row::state_counts::StateCounts;
use crate::snapshot::Snapshot;
use crate::snapshot::change::{Change, ChangedFields};
use crate::system::owner_counts::OwnerCounts;

/// Rows that cover every field, with named and unnamed states and extreme numbers.
fn rows<R: Row>() -> Vec<R> {
    let mut rows = Vec::new();
    for state in [State::Listen, State::Established, State::Bound, State::Other(77), State::Other(u32::MAX)] {
        for (local, remote) in [("[::]:0", "[::]:0"), ("[fe80::1%7]:443", "[::ffff:127.0.0.1]:65535")] {
            for owner in [0, 1, u32::MAX - 1, u32::MAX] {
                let remote = (state != State::Listen).then(|| remote.parse().unwrap());
                let mut module = [0; 16];
                (module[0], module[15]) = (u64::MAX, owner.into());
                rows.push(R::build(&Parts {
                    owner,
                    offload: owner as i32,
                    created: i64::MAX - i64::from(owner),
                    module,
                    ..Parts::new(state, local.parse().unwrap(), remote)
                }));
            }
        }
    }
    rows
}

/// The value after a round trip through a human-readable and through a binary format.
fn round_trips<T: Serialize + DeserializeOwned>(value: &T) -> [T; 2] {
    let text = serde_json::to_string(value).unwrap();
    let bytes = postcard::to_allocvec(value).unwrap();
    [serde_json::from_str(&text).expect(&text), postcard::from_bytes(&bytes).unwrap()]
}

fn assert_round_trips<R: Row + Serialize + DeserializeOwned>() {
    let taken_at = SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_000);
    let snapshot = Snapshot::<R>::from_rows(rows(), taken_at);
    for read in round_trips(&snapshot) {
        assert_eq!(read, snapshot);
        assert_eq!(read.taken_at(), Some(taken_at));
    }
    for row in rows::<R>() {
        assert_eq!(round_trips(&row), [row, row]);
        for change in [Change::Added(row), Change::Removed(row), Change::Changed { before: row, after: row }] {
            assert_eq!(round_trips(&change), [change, change]);
        }
    }
}

#[test]
fn every_class_round_trips_in_both_kinds_of_formats() {
    assert_round_trips::<BasicRow>();
    assert_round_trips::<OwnerPidRow>();
    assert_round_trips::<OffloadRow>();
    assert_round_trips::<OwnerModuleRow>();
}

#[test]
fn sets_classes_and_offload_states_round_trip() {
    for bits in 0..=(StateSet::all() | StateSet::BOUND).bits() {
        let set = StateSet::from_bits_retain(bits);
        assert_eq!(round_trips(&set), [set, set]);
    }
    for bits in 0..=ChangedFields::all().bits() {
        let fields = ChangedFields::from_bits_truncate(bits);
        assert_eq!(round_trips(&fields), [fields, fields]);
    }
    for class in Class::ALL {
        assert_eq!(round_trips(&class), [class, class]);
    }
    for raw in -1..6 {
        let state = OffloadState::from_raw(raw);
        assert_eq!(round_trips(&state), [state, state]);
    }
}

#[test]
fn json_has_the_documented_form() {
    let listener = OwnerPidRow::new(State::Listen, "[fe80::1%7]:80".parse().unwrap(), None);
    let json = |value: &dyn erased::Json| value.json();
    assert_eq!(json(&listener), r#"{"local":"[fe80::1%7]:80","remote":null,"state":"LISTEN","owner":"unresolved"}"#);
    let snapshot = Snapshot::from_rows([listener.to_class::<BasicRow>()], SystemTime::UNIX_EPOCH);
    assert_eq!(
        json(&snapshot),
        r#"{"taken_at":"1970-01-01T00:00:00Z","taken_at_nanos":0,"class":"basic","rows":[{"local":"[fe80::1%7]:80","remote":null,"state":"LISTEN"}]}"#
    );
    let connection = BasicRow::new(State::Other(77), "[::1]:1".parse().unwrap(), Some("[::1]:2".parse().unwrap()));
    assert_eq!(
        json(&Change::Removed(&connection)),
        r#"{"change":"removed","row":{"local":"[::1]:1","remote":"[::1]:2","state":77}}"#
    );
    assert_eq!(json(&Owner::Process(1234)), r#"{"pid":1234}"#);
    assert_eq!(json(&(StateSet::LISTEN | StateSet::OTHER)), r#"["OTHER","LISTEN"]"#);
    assert_eq!(json(&(ChangedFields::STATE | ChangedFields::OWNER)), r#"["state","owner"]"#);
}

/// A dyn-compatible trait of values that can be written as JSON.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap()
        }
    }
}

#[test]
fn errors_name_the_fault_and_its_position() {
    let error = |json: &str| serde_json::from_str::<Snapshot<OwnerPidRow>>(json).unwrap_err().to_string();
    let with = |row: &str| {
        let taken_at = r#""taken_at":"1970-01-01T00:00:00Z""#;
        format!(r#"{{{taken_at},"class":"owner-pid","rows":[{row}]}}"#)
    };
    let good = r#"{"local":"[::1]:80","remote":"[::1]:81","state":"ESTABLISHED","owner":{"pid":7}}"#;
    assert_eq!(serde_json::from_str::<Snapshot<OwnerPidRow>>(&with(good)).unwrap().len(), 1);
    for (from, to, expected) in [
        ("[::1]:80", "127.0.0.1:80", "socket address"),
        ("ESTABLISHED", "OPEN", "the name of a TCP state"),
        (r#""ESTABLISHED""#, "-1", "the name of a TCP state"),
        (r#""ESTABLISHED""#, "4294967296", "the name of a TCP state"),
        ("ESTABLISHED", "LISTEN", "a listener with a remote end"),
        (r#"{"pid":7}"#, r#"{"pid":0}"#, "a pid that no process has"),
        (r#","owner":{"pid":7}"#, "", "missing field `owner`"),
        (r#"{"pid":7}"#, r#"{"pid":7},"owner":{"pid":7}"#, "duplicate field `owner`"),
        (r#"{"pid":7}"#, r#"{"pid":7},"state":"LISTEN""#, "duplicate field `state`"),
    ] {
        let text = error(&with(&good.replace(from, to)));
        assert!(text.contains(expected) && text.contains("line 1 column"), "{to}: {text}");
    }
    // A bound socket has no remote end and is not a listener.
    let bound = good.replace(r#""[::1]:81""#, "null").replace("ESTABLISHED", "BOUND");
    let read: Snapshot<OwnerPidRow> = serde_json::from_str(&with(&bound)).unwrap();
    assert_eq!((read[0].state(), read[0].remote()), (crate::State::Bound, None));
    assert_eq!(serde_json::to_value(read[0]).unwrap()["remote"], serde_json::Value::Null);
    // The kernel of Windows and a process 4 of Linux are accepted on every system.
    for owner in [r#""kernel""#, r#"{"pid":4}"#] {
        let read: Snapshot<OwnerPidRow> = serde_json::from_str(&with(&good.replace(r#"{"pid":7}"#, owner))).unwrap();
        assert_eq!(read[0].owner().pid(), Some(4));
    }
    let other = with("").replace("owner-pid", "basic");
    assert!(error(&other).contains("a snapshot of class basic, not owner-pid"), "{}", error(&other));
    assert!(error(&with("").replace("1970-01-01T", "yesterday ")).contains("a time like"));
    assert!(postcard::from_bytes::<Snapshot<BasicRow>>(&[1, 2, 3]).is_err());
}

#[test]
fn rejects_unknown_bits_names_and_numbers() {
    // The bit after the last one of each set, and the number after the last class.
    assert!(postcard::from_bytes::<StateSet>(&postcard::to_allocvec(&(1u16 << 14)).unwrap()).is_err());
    assert!(postcard::from_bytes::<ChangedFields>(&postcard::to_allocvec(&(1u8 << 5)).unwrap()).is_err());
    assert!(postcard::from_bytes::<Class>(&[4]).is_err());
    assert!(serde_json::from_str::<StateSet>(r#"["LISTEN","OPEN"]"#).is_err());
    assert!(serde_json::from_str::<ChangedFields>(r#"["state","color"]"#).is_err());
    assert!(serde_json::from_str::<Class>(r#""rich""#).is_err());
    // These numbers would wrap to -1 and 0.
    for number in [u64::MAX.to_string(), (1u64 << 32).to_string(), i64::MIN.to_string()] {
        assert!(serde_json::from_str::<OffloadState>(&number).is_err(), "{number}");
        assert!(serde_json::from_str::<State>(&number).is_err(), "{number}");
    }
    // A binary row: a listener with a remote end.
    let end = ([0u8; 16], 0u32, 80u16);
    let row = (2u32, end, Some(end));
    assert!(postcard::from_bytes::<BasicRow>(&postcard::to_allocvec(&row).unwrap()).is_err());
}

/// A later version may add fields to every object.
#[test]
fn unknown_fields_are_ignored() {
    let row =
        r#"{"local":"[::1]:80","new":{"a":[1]},"remote":null,"state":"LISTEN","owner":{"pid":7},"rtt":5,"rtt":6}"#;
    let json = format!(r#"{{"host":"a","taken_at":null,"class":"owner-pid","rows":[{row}],"new":null}}"#);
    let snapshot: Snapshot<OwnerPidRow> = serde_json::from_str(&json).unwrap();
    assert_eq!((snapshot.len(), snapshot[0].owner(), snapshot.taken_at()), (1, Owner::Process(7), None));
    let json = format!(r#"{{"at":1,"change":"changed","before":{row},"after":{row},"why":"?"}}"#);
    let row = snapshot[0];
    assert_eq!(
        serde_json::from_str::<Change<OwnerPidRow>>(&json).unwrap(),
        Change::Changed { before: row, after: row }
    );
    let socket = r#"{"inode":1,"uid":2,"cookie":"3","interface":4,"netns":5}"#;
    let json = format!(r#"{{"local":"[::1]:80","remote":null,"state":"LISTEN","owner":"nobody","socket":{socket}}}"#);
    let row: OwnerModuleRow = serde_json::from_str(&json).unwrap();
    assert_eq!(row.as_raw().OwningModuleInfo, socket_info::pack(1, 2, 3, 4));
    // Fields that the class lacks are ignored too.
    let basic: BasicRow = serde_json::from_str(&json).unwrap();
    assert_eq!(basic, row.to_class());
}

#[test]
fn rejects_duplicate_fields_in_every_object() {
    let row = r#"{"local":"[::1]:80","remote":null,"state":"LISTEN"}"#;
    let assert_rejected = |result: Result<(), serde_json::Error>, field: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(&format!("duplicate field `{field}`")), "{field}: {error}");
    };
    for field in ["taken_at", "taken_at_nanos", "class", "rows"] {
        let fields = r#""taken_at":null,"taken_at_nanos":null,"class":"basic","rows":[]"#;
        let value = if field == "rows" { "[]" } else { "null" };
        let value = if field == "class" { r#""basic""# } else { value };
        let json = format!(r#"{{{fields},"{field}":{value}}}"#);
        assert_rejected(serde_json::from_str::<Snapshot<BasicRow>>(&json).map(drop), field);
    }
    for (json, field) in [
        (format!(r#"{{"change":"added","row":{row},"row":{row}}}"#), "row"),
        (format!(r#"{{"change":"added","change":"removed","row":{row}}}"#), "change"),
        (format!(r#"{{"change":"changed","before":{row},"after":{row},"before":{row}}}"#), "before"),
        (format!(r#"{{"change":"added","row":{}}}"#, row.replace("}", r#","state":"LISTEN"}"#)), "state"),
    ] {
        assert_rejected(serde_json::from_str::<Change<BasicRow>>(&json).map(drop), field);
    }
    let socket = r#"{"local":"[::1]:80","remote":null,"state":"LISTEN","owner":"nobody","socket":{"uid":1,"uid":1}}"#;
    assert_rejected(serde_json::from_str::<OwnerModuleRow>(socket).map(drop), "uid");
}

/// Parses a listener with these additional fields.
fn module_row(fields: &str) -> Result<OwnerModuleRow, String> {
    let json = format!(r#"{{"local":"[::1]:80","remote":null,"state":"LISTEN","owner":"nobody"{fields}}}"#);
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

#[test]
fn integers_of_64_bits_are_read_from_strings_and_exact_numbers() {
    let ticks = |fields: &str| module_row(fields).map(|row| row.as_raw().liCreateTimestamp);
    let word = |word: &str| {
        let zeros = ",0".repeat(14);
        module_row(&format!(r#","module":[0,{word}{zeros}]"#)).map(|row| row.as_raw().OwningModuleInfo[1])
    };
    let cookie = |cookie: &str| {
        let fields = format!(r#","socket":{{"cookie":{cookie}}}"#);
        module_row(&fields)
            .map(|row| socket_info::unpack(&row.as_raw().OwningModuleInfo).unwrap().cookie.map_or(0, u64::from))
    };
    let exact = (1u64 << 53) - 1;
    for value in [0, 1, 7, exact] {
        for text in [format!("{value}"), format!("\"{value}\"")] {
            assert_eq!(word(&text), Ok(value));
            assert_eq!(cookie(&text), Ok(value));
            assert_eq!(ticks(&format!(r#","created_ticks":{text}"#)), Ok(value as i64));
        }
        // Versions before 0.1 wrote ticks in this field.
        assert_eq!(ticks(&format!(r#","created":{value}"#)), Ok(value as i64));
    }
    for value in [exact + 1, exact + 2, 134_000_000_012_345_678, u64::MAX] {
        assert_eq!(word(&format!("\"{value}\"")), Ok(value));
        assert_eq!(cookie(&format!("\"{value}\"")), Ok(value));
        let texts = [word(&value.to_string()), cookie(&value.to_string())];
        let ticks = ["created", "created_ticks"].map(|name| ticks(&format!(r#","{name}":{value}"#)).map(|_| 0));
        for error in texts.into_iter().chain(ticks) {
            let error = error.unwrap_err();
            assert!(error.contains(&format!("the number {value} may have lost bits, expected a string")), "{error}");
        }
    }
    for text in
        [r#""""#, r#""-1""#, r#""+1""#, r#"" 1""#, r#""0x1""#, r#""18446744073709551616""#, "-1", "1.5", "1e3", "null"]
    {
        let error = word(text).unwrap_err();
        assert!(error.contains("expected a 64-bit integer as a string of digits"), "{text}: {error}");
    }
    assert_eq!(ticks(r#","created_ticks":"-1""#), Ok(-1));
    assert!(ticks(&format!(r#","created_ticks":{}"#, i64::MIN)).unwrap_err().contains("may have lost bits"));
}

#[test]
fn the_creation_time_is_read_from_a_time_ticks_or_both() {
    let ticks = |fields: &str| module_row(fields).map(|row| row.as_raw().liCreateTimestamp);
    assert_eq!(ticks(""), Ok(0));
    assert_eq!(ticks(r#","created":null,"created_ticks":null"#), Ok(0));
    let both = r#","created":"2025-08-18T14:13:21Z","created_ticks":"134000000012345678""#;
    assert_eq!(ticks(both), Ok(134_000_000_012_345_678));
    assert_eq!(ticks(r#","created":"2025-08-18T14:13:21.2345678Z""#), Ok(134_000_000_012_345_678));
    assert!(ticks(&both.replace("21Z", "22Z")).unwrap_err().contains("`created_ticks` contradicts `created`"));
    assert!(ticks(r#","created":"yesterday""#).unwrap_err().contains("a time like"));
    // On Windows, `SystemTime` begins in 1601, so parsing the time already fails.
    let before = ticks(r#","created":"1600-01-01T00:00:00Z""#).unwrap_err();
    assert!(cfg!(windows) || before.contains("not a time that a row can have"), "{before}");
    assert!(ticks(r#","created":7,"created_ticks":"8""#).unwrap_err().contains("contradicts"));
    let both = r#","socket":{},"module":["0","0","0","0","0","0","0","0","0","0","0","0","0","0","0","0"]"#;
    assert!(module_row(both).unwrap_err().contains("`socket` contradicts `module`"));
}

#[test]
fn the_time_of_a_snapshot_is_read_with_nanoseconds_in_a_field_or_a_fraction() {
    let read = |taken_at: &str| {
        let json = format!(r#"{{{taken_at}"class":"basic","rows":[]}}"#);
        serde_json::from_str::<Snapshot<BasicRow>>(&json).map(|snapshot| snapshot.taken_at()).map_err(|e| e.to_string())
    };
    let time = |nanoseconds| Some(SystemTime::UNIX_EPOCH + Duration::new(1, nanoseconds));
    assert_eq!(read(r#""taken_at":"1970-01-01T00:00:01Z","taken_at_nanos":500,"#), Ok(time(500)));
    assert_eq!(read(r#""taken_at":"1970-01-01T00:00:01Z","#), Ok(time(0)));
    assert_eq!(read(r#""taken_at":"1970-01-01T00:00:01.000000500Z","#), Ok(time(500)));
    assert_eq!(read(r#""taken_at":null,"#), Ok(None));
    for (taken_at, expected) in [
        ("", "missing field `taken_at`"),
        (r#""taken_at":"1970-01-01T00:00:01.5Z","taken_at_nanos":5,"#, "both `taken_at_nanos` and a fraction"),
        (r#""taken_at":"1970-01-01T00:00:01Z","taken_at_nanos":1000000000,"#, "invalid `taken_at_nanos`"),
        (r#""taken_at":"1970-01-01T00:00:01Z","taken_at_nanos":-1,"#, "expected u32"),
    ] {
        let error = read(taken_at).unwrap_err();
        assert!(error.contains(expected), "{taken_at}: {error}");
    }
    let without_time = Snapshot::<BasicRow>::new();
    assert_eq!(
        serde_json::to_string(&without_time).unwrap(),
        r#"{"taken_at":null,"taken_at_nanos":null,"class":"basic","rows":[]}"#
    );
    assert_eq!(round_trips(&without_time).map(|read| read.taken_at()), [None, None]);
}

#[test]
fn the_time_modules_write_exact_times_or_whole_seconds() {
    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Both {
        #[serde(with = "crate::serde::time")]
        exact: SystemTime,
        #[serde(with = "crate::serde::time::seconds")]
        seconds: SystemTime,
    }
    let time = SystemTime::UNIX_EPOCH + Duration::new(1, 500_000_000);
    let json = serde_json::to_string(&Both { exact: time, seconds: time }).unwrap();
    assert_eq!(json, r#"{"exact":"1970-01-01T00:00:01.500Z","seconds":"1970-01-01T00:00:01Z"}"#);
    let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    assert_eq!(serde_json::from_str::<Both>(&json).unwrap(), Both { exact: time, seconds: whole });
    let binary = postcard::to_allocvec(&Both { exact: time, seconds: time }).unwrap();
    assert_eq!(postcard::from_bytes::<Both>(&binary).unwrap(), Both { exact: time, seconds: time });
}

/// The layout is stable within a minor version: 1 for `Some`, seconds, nanoseconds, class, rows.
#[test]
fn binary_snapshots_have_a_stable_compact_layout() {
    let row = OwnerPidRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    let snapshot = Snapshot::from_rows([row], SystemTime::UNIX_EPOCH + Duration::new(1, 500));
    let mut expected = vec![1, 2, 0xF4, 3, 1, 1, 2];
    expected.extend([0; 15]);
    expected.extend([1, 0, 80, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    assert_eq!(postcard::to_allocvec(&snapshot).unwrap(), expected);
}

#[test]
fn a_large_snapshot_is_written_in_small_pieces() {
    /// Counts the bytes written, and the bytes of the largest write.
    struct Sink(usize, usize);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            self.1 = self.1.max(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let row = BasicRow::new(State::Established, "[::1]:1".parse().unwrap(), Some("[::1]:2".parse().unwrap()));
    let snapshot: Snapshot<BasicRow> = std::iter::repeat_n(row, 100_000).collect();
    let mut sink = Sink(0, 0);
    serde_json::to_writer(&mut sink, &snapshot).unwrap();
    assert!(sink.0 > 5_000_000, "{} bytes", sink.0);
    assert!(sink.1 < 100, "{} bytes in one write", sink.1);
}

#[test]
fn writes_counts_as_maps_of_numbers() {
    let counts: StateCounts = [State::Listen, State::Listen, State::Other(77)].into_iter().collect();
    let json = serde_json::to_value(counts).unwrap();
    assert_eq!((&json["LISTEN"], &json["OTHER"], &json["TIME-WAIT"]), (&2.into(), &1.into(), &0.into()));
    assert_eq!(json.as_object().unwrap().len(), 14);
    let owners = serde_json::to_value(OwnerCounts::default()).unwrap();
    assert_eq!((&owners["owned"], &owners["unresolved"]), (&0.into(), &0.into()));
}

#[test]
fn short_connections_round_trip() {
    use crate::events::brief::Brief;
    use crate::stats::connection::ConnectionStats;

    let ends = || ("[fe80::1%3]:80".parse().unwrap(), "[::1]:50000".parse().unwrap());
    let (local, remote) = ends();
    let unknown = Brief::new(local, remote, None);
    let json = r#"{"change":"brief","local":"[fe80::1%3]:80","remote":"[::1]:50000"}"#;
    assert_eq!(serde_json::to_string(&unknown).unwrap(), json);
    assert_eq!(serde_json::from_str::<Brief>(json).unwrap(), unknown);

    let json = r#"{"change":"brief","local":"[fe80::1%3]:80","remote":"[::1]:50000","stats":{"bytes_received":"18446744073709551615","segments_retransmitted":0,"segments_sent":"7","rtt_us":1500}}"#;
    let stats = ConnectionStats {
        bytes_received: Some(u64::MAX),
        segments_sent: Some(7),
        segments_retransmitted: Some(0),
        rtt: Some(core::time::Duration::from_micros(1500)),
        ..ConnectionStats::default()
    };
    let brief = Brief::new(local, remote, Some(stats));
    assert_eq!(serde_json::to_string(&brief).unwrap(), json);
    assert_eq!(serde_json::from_str::<Brief>(json).unwrap(), brief);
    assert!(serde_json::from_str::<Brief>(&json.replace("brief", "added")).is_err());

    let stats = ConnectionStats { unread_bytes: Some(3), ..stats };
    for brief in [unknown, Brief::new(local, remote, Some(stats))] {
        let bytes = postcard::to_allocvec(&brief).unwrap();
        assert_eq!(postcard::from_bytes::<Brief>(&bytes).unwrap(), brief);
    }
}
