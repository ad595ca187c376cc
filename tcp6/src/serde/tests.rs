use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::row::layout::Parts;
use crate::{
    BasicRow, Change, Class, Fields, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Row, Snapshot,
    State, StateSet,
};

/// Rows with something in every field, of every kind.
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

/// What comes back from both kinds of formats.
fn through_both<T: Serialize + DeserializeOwned>(what: &T) -> [T; 2] {
    let text = serde_json::to_string(what).unwrap();
    let bytes = postcard::to_allocvec(what).unwrap();
    [serde_json::from_str(&text).expect(&text), postcard::from_bytes(&bytes).unwrap()]
}

fn survives<R: Row + Serialize + DeserializeOwned>() {
    let taken_at = SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_000);
    let snapshot = Snapshot::<R>::from_rows(rows(), taken_at);
    for again in through_both(&snapshot) {
        assert_eq!(again, snapshot);
        assert_eq!(again.taken_at(), taken_at);
    }
    for row in rows::<R>() {
        assert_eq!(through_both(&row), [row, row]);
        for change in [Change::Added(row), Change::Removed(row), Change::Changed { before: row, after: row }] {
            assert_eq!(through_both(&change), [change, change]);
        }
    }
}

#[test]
fn every_class_survives_both_kinds_of_formats() {
    survives::<BasicRow>();
    survives::<OwnerPidRow>();
    survives::<OffloadRow>();
    survives::<OwnerModuleRow>();
}

#[test]
fn sets_and_their_members_survive() {
    for bits in 0..=StateSet::all().bits() {
        let set = StateSet::from_bits_truncate(bits);
        assert_eq!(through_both(&set), [set, set]);
    }
    for bits in 0..=Fields::all().bits() {
        let fields = Fields::from_bits_truncate(bits);
        assert_eq!(through_both(&fields), [fields, fields]);
    }
    for class in Class::ALL {
        assert_eq!(through_both(&class), [class, class]);
    }
    for raw in -1..6 {
        let state = OffloadState::from_raw(raw);
        assert_eq!(through_both(&state), [state, state]);
    }
}

#[test]
fn people_can_read_it() {
    let listener = OwnerPidRow::new(State::Listen, "[fe80::1%7]:80".parse().unwrap(), None);
    let json = |what: &dyn erased::Json| what.json();
    assert_eq!(json(&listener), r#"{"local":"[fe80::1%7]:80","remote":null,"state":"LISTEN","owner":"unresolved"}"#);
    let snapshot = Snapshot::from_rows([listener.to_class::<BasicRow>()], SystemTime::UNIX_EPOCH);
    assert_eq!(
        json(&snapshot),
        r#"{"taken_at":"1970-01-01T00:00:00.000000000Z","class":"basic","rows":[{"local":"[fe80::1%7]:80","remote":null,"state":"LISTEN"}]}"#
    );
    let connection = BasicRow::new(State::Other(77), "[::1]:1".parse().unwrap(), Some("[::1]:2".parse().unwrap()));
    assert_eq!(
        json(&Change::Removed(&connection)),
        r#"{"change":"removed","row":{"local":"[::1]:1","remote":"[::1]:2","state":77}}"#
    );
    assert_eq!(json(&Owner::Process(1234)), r#"{"pid":1234}"#);
    assert_eq!(json(&(StateSet::LISTEN | StateSet::OTHER)), r#"["OTHER","LISTEN"]"#);
    assert_eq!(json(&(Fields::STATE | Fields::OWNER)), r#"["state","owner"]"#);
}

/// What has a JSON, behind a reference.
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
fn what_does_not_parse_says_where() {
    let error = |json: &str| serde_json::from_str::<Snapshot<OwnerPidRow>>(json).unwrap_err().to_string();
    let with = |row: &str| {
        let taken_at = r#""taken_at":"1970-01-01T00:00:00Z""#;
        format!(r#"{{{taken_at},"class":"owner-pid","rows":[{row}]}}"#)
    };
    let good = r#"{"local":"[::1]:80","remote":"[::1]:81","state":"ESTABLISHED","owner":{"pid":7}}"#;
    assert_eq!(serde_json::from_str::<Snapshot<OwnerPidRow>>(&with(good)).unwrap().len(), 1);
    for (from, to, says) in [
        ("[::1]:80", "127.0.0.1:80", "socket address"),
        ("ESTABLISHED", "OPEN", "the name of a TCP state"),
        (r#""ESTABLISHED""#, "-1", "the name of a TCP state"),
        (r#""ESTABLISHED""#, "4294967296", "the name of a TCP state"),
        ("ESTABLISHED", "LISTEN", "a listener with a remote end"),
        (r#""[::1]:81""#, "null", "missing field `remote`"),
        (r#"{"pid":7}"#, r#"{"pid":0}"#, "a pid that no process has"),
        (r#","owner":{"pid":7}"#, "", "missing field `owner`"),
        (r#"{"pid":7}"#, r#"{"pid":7},"offload":"in-host""#, "does not carry it"),
        (r#"{"pid":7}"#, r#"{"pid":7},"color":"red""#, "unknown field `color`"),
    ] {
        let text = error(&with(&good.replace(from, to)));
        assert!(text.contains(says) && text.contains("line 1 column"), "{to}: {text}");
    }
    // What the kernel of Windows owns, and what a process 4 of Linux owns, is read everywhere.
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
fn what_is_not_known_is_refused_and_not_something_else() {
    // Beyond the last bit of each set, the last class.
    assert!(postcard::from_bytes::<StateSet>(&postcard::to_allocvec(&(1u16 << 14)).unwrap()).is_err());
    assert!(postcard::from_bytes::<Fields>(&postcard::to_allocvec(&(1u8 << 5)).unwrap()).is_err());
    assert!(postcard::from_bytes::<Class>(&[4]).is_err());
    assert!(serde_json::from_str::<StateSet>(r#"["LISTEN","OPEN"]"#).is_err());
    assert!(serde_json::from_str::<Fields>(r#"["state","color"]"#).is_err());
    assert!(serde_json::from_str::<Class>(r#""rich""#).is_err());
    // Numbers that wrap round would be -1 and 0.
    for number in [u64::MAX.to_string(), (1u64 << 32).to_string(), i64::MIN.to_string()] {
        assert!(serde_json::from_str::<OffloadState>(&number).is_err(), "{number}");
        assert!(serde_json::from_str::<State>(&number).is_err(), "{number}");
    }
    // Of a row in bytes: a listener with a remote end, a connection without one.
    let end = ([0u8; 16], 0u32, 80u16);
    for row in [(2u32, end, Some(end)), (5, end, None)] {
        assert!(postcard::from_bytes::<BasicRow>(&postcard::to_allocvec(&row).unwrap()).is_err());
    }
}

#[test]
fn a_large_table_is_written_row_by_row() {
    /// Counts what is written, and in how large pieces at most.
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
    assert!(sink.1 < 100, "{} bytes at once", sink.1);
}
