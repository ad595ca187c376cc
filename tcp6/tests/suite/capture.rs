//! Captures: recording, the file format, and replay.

use std::time::{Duration, SystemTime};

use tcp6::{
    BasicRow, Buffer, Class, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder, RecordingSource, Replay,
    Row, Snapshot, Source, State, System, Table, Watcher,
};

use crate::support::{Loopback, states};

/// Two rows in which every field is set.
pub fn rows<R: Row>() -> Snapshot<R> {
    let row = |state, port: u32| {
        let mut raw = *OwnerModuleRow::new(state, "[fe80::1%7]:443".parse().unwrap(), None).as_raw();
        raw.ucRemoteAddr = [0xAB; 16];
        (raw.dwRemoteScopeId, raw.dwRemotePort) = (9, port);
        (raw.dwOwningPid, raw.liCreateTimestamp) = (4711, 0x0123_4567_89AB_CDEF);
        raw.OwningModuleInfo = std::array::from_fn(|i| i as u64);
        OwnerModuleRow::from_raw(raw).to_class::<R>()
    };
    let taken_at = SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100);
    Snapshot::from_rows([row(State::Established, 1), row(State::Other(77), 2)], taken_at)
}

pub fn record<R: Row>(snapshots: &[Snapshot<R>]) -> Vec<u8> {
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    let mut buffer = Buffer::new();
    for snapshot in snapshots {
        buffer.write_rows(R::CLASS, snapshot).unwrap();
        buffer.set_taken_at(snapshot.taken_at().unwrap_or(SystemTime::UNIX_EPOCH));
        recorder.record(buffer.table::<R>().unwrap()).unwrap();
    }
    recorder.into_inner()
}

fn check_round_trip<R: Row>() {
    let capture = record(&[rows::<R>(), Snapshot::new(), rows::<R>()]);
    let mut replay = Replay::from_reader(&capture[..]).unwrap();
    let mut buffer = Buffer::new();
    for expected in [rows::<R>(), Snapshot::new(), rows::<R>()] {
        let table = Table::<R>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
        assert_eq!(table.taken_at(), expected.taken_at().unwrap_or(SystemTime::UNIX_EPOCH));
        assert_eq!(table.to_snapshot().unwrap(), expected);
    }
    let end = Table::<R>::read(&mut replay, &Query::all(), &mut buffer).map(|_| ());
    assert!(matches!(end, Err(Error::EndOfReplay)));
}

#[test]
fn every_class_round_trips() {
    check_round_trip::<BasicRow>();
    check_round_trip::<OwnerPidRow>();
    check_round_trip::<OffloadRow>();
    check_round_trip::<OwnerModuleRow>();
}

/// Reads and writes a capture of format version 1, given as bytes. The bytes are the same on every machine.
#[test]
fn reads_and_writes_the_documented_format() {
    let mut file = b"tcp6cap\n\x01\0\0\0\0\0\0\0".to_vec();
    let mut table = vec![0, 0, 0, 0]; // class basic
    table.extend([1, 0, 0, 0]); // rows
    table.extend(99_338_100u32.to_le_bytes());
    table.extend(1_795_430_559i64.to_le_bytes());
    table.extend([5, 0, 0, 0]); // ESTABLISHED
    table.extend([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    table.extend([7, 0, 0, 0]); // scope id
    table.extend([0x01, 0xBB, 0, 0]); // port 443
    table.extend([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    table.extend([7, 0, 0, 0]);
    table.extend([0xC3, 0x50, 0, 0]); // port 50000
    file.extend(0xC449_AF77u32.to_le_bytes()); // CRC-32 of the rest
    file.extend(&table);

    let mut buffer = Buffer::new();
    let mut replay = Replay::from_reader(&file[..]).unwrap();
    let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
    assert_eq!(table[0].state(), State::Established);
    assert_eq!(table[0].local(), "[fe80::1%7]:443".parse().unwrap());
    assert_eq!(table[0].remote(), Some("[fe80::2%7]:50000".parse().unwrap()));
    assert_eq!(table.taken_at(), SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100));
    assert_eq!(record(&[table.to_snapshot().unwrap()]), file, "the writer differs");
}

#[test]
fn records_and_replays_the_system_table() {
    let own = Loopback::open();
    let recorder = Recorder::new(Vec::new()).unwrap();
    let mut watcher = Watcher::<BasicRow, _>::new(RecordingSource::new(System::new().unwrap(), recorder));
    watcher.poll().unwrap();
    let seen = watcher.snapshot().clone();
    let mut recording = Vec::new();
    let source = watcher.into_source();
    recording.extend(source.into_parts().1.into_inner());

    let mut again = Watcher::<BasicRow, _>::new(Replay::from_reader(&recording[..]).unwrap());
    again.poll().unwrap();
    assert_eq!(again.snapshot(), &seen);
    assert_eq!(states(again.snapshot(), own.listening(), None), [State::Listen]);
}

#[test]
fn replays_a_richer_class_as_a_poorer_one_only() {
    let mut buffer = Buffer::new();
    let mut replay = Replay::from_reader(&record(&[rows::<OwnerPidRow>()])[..]).unwrap();
    let richer = replay.fill(Class::OwnerModule, &Query::all(), &mut buffer);
    assert!(matches!(richer, Err(Error::WrongClass { wanted: Class::OwnerModule, held: Some(Class::OwnerPid), .. })));
    assert_eq!(replay.remaining(), 1, "the refused table is still next");
    let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
    assert_eq!(table.to_snapshot().unwrap(), rows::<BasicRow>());
}

#[test]
fn replays_times_and_errors_of_a_history() {
    let snapshot = rows::<BasicRow>();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &snapshot).unwrap();
    let later = snapshot.taken_at().unwrap() + Duration::from_secs(1);
    let mut replay = Replay::new()
        .then(&snapshot)
        .unwrap()
        .then_error(Error::NotSupported)
        .then_bytes(Class::Basic, buffer.as_bytes(), later)
        .unwrap();
    let mut next = || Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).map(|table| table.taken_at());
    assert_eq!(Some(next().unwrap()), snapshot.taken_at());
    assert!(matches!(next(), Err(Error::NotSupported)));
    assert_eq!(next().unwrap(), later);
    assert!(matches!(next(), Err(Error::EndOfReplay)));
}
