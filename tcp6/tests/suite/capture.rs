//! Captures: what was recorded is played, on any system, and damage is found.

use std::time::{Duration, SystemTime};

use tcp6::{
    BasicRow, Buffer, Class, Error, Malformed, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder, Recording,
    Replay, Row, Snapshot, Source, State, System, Table, Watcher,
};

use crate::support::{Loopback, states};

/// Two rows with something in every field.
fn rows<R: Row>() -> Snapshot<R> {
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

fn record<R: Row>(snapshots: &[Snapshot<R>]) -> Vec<u8> {
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    let mut buffer = Buffer::new();
    for snapshot in snapshots {
        buffer.write_rows(R::CLASS, snapshot).unwrap();
        buffer.set_taken_at(snapshot.taken_at());
        recorder.record(buffer.table::<R>().unwrap()).unwrap();
    }
    recorder.into_inner()
}

fn survives<R: Row>() {
    let capture = record(&[rows::<R>(), Snapshot::new(), rows::<R>()]);
    let mut replay = Replay::load(&capture[..]).unwrap();
    let mut buffer = Buffer::new();
    for expected in [rows::<R>(), Snapshot::new(), rows::<R>()] {
        let table = Table::<R>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
        assert_eq!(table.taken_at(), expected.taken_at());
        assert_eq!(table.to_snapshot().unwrap(), expected);
    }
    let end = Table::<R>::read(&mut replay, &Query::all(), &mut buffer).map(|_| ());
    assert!(matches!(end, Err(Error::Ended)));
}

#[test]
fn every_class_survives_a_capture() {
    survives::<BasicRow>();
    survives::<OwnerPidRow>();
    survives::<OffloadRow>();
    survives::<OwnerModuleRow>();
}

/// A capture as version 1 of the format has it, byte by byte: it is read whatever machine this is.
#[test]
fn the_format_is_the_documented_one() {
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
    let mut replay = Replay::load(&file[..]).unwrap();
    let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
    assert_eq!(table[0].state(), State::Established);
    assert_eq!(table[0].local(), "[fe80::1%7]:443".parse().unwrap());
    assert_eq!(table[0].remote(), Some("[fe80::2%7]:50000".parse().unwrap()));
    assert_eq!(table.taken_at(), SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100));
    assert_eq!(record(&[table.to_snapshot().unwrap()]), file, "and it is written so");
}

#[test]
fn damage_is_found_and_told_with_its_place() {
    let capture = record(&[rows::<OwnerPidRow>()]);
    for at in 0..capture.len() {
        for bit in [1, 0x80] {
            let mut damaged = capture.clone();
            damaged[at] ^= bit;
            let error = Replay::load(&damaged[..]).unwrap_err();
            assert!(matches!(error, Error::Malformed(Malformed::Capture { .. })), "byte {at}: {error}");
        }
    }
    let heading = 16;
    for cut in 0..capture.len() {
        let loaded = Replay::load(&capture[..cut]);
        assert_eq!(loaded.is_ok(), cut == heading, "cut at {cut}");
    }
    let text = Replay::load(&b"#!/bin/sh"[..]).unwrap_err().to_string();
    assert_eq!(text, "not a table: this is no capture, at byte 0 of the capture");
}

#[test]
fn the_place_of_damage_is_where_it_begins() {
    let capture = record(&[rows::<OwnerPidRow>(), rows::<OwnerPidRow>()]);
    let heading = 16;
    let second = heading + (capture.len() - heading) / 2;
    // A bit at the first place is wrong, and the second is told: that of the field, or of the table.
    let magic_and_version = [(0, 0), (7, 0), (8, 8), (15, 8)];
    let class_and_time = [(heading + 4, heading + 4), (heading + 7, heading + 4), (second + 15, second + 12)];
    let sum_and_rows = [(heading, heading), (heading + 24, heading), (second, second), (capture.len() - 1, second)];
    for (at, place) in magic_and_version.into_iter().chain(class_and_time).chain(sum_and_rows) {
        let mut damaged = capture.clone();
        damaged[at] ^= 0x80;
        let error = Replay::load(&damaged[..]).unwrap_err();
        let Error::Malformed(Malformed::Capture { offset, .. }) = error else { panic!("byte {at}: {error}") };
        assert_eq!(offset, place as u64, "byte {at}");
    }
}

#[test]
fn a_count_that_lies_takes_no_memory() {
    let mut capture = record(&[rows::<OwnerModuleRow>()]);
    capture[16 + 8..16 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    // The table is cut short; where so many bytes have no addresses, the count itself is wrong.
    let at = if cfg!(target_pointer_width = "64") { 16 } else { 24 };
    let error = Replay::load(&capture[..]).unwrap_err();
    assert!(matches!(error, Error::Malformed(Malformed::Capture { offset, .. }) if offset == at), "{error}");
}

#[test]
fn what_a_system_shows_is_recorded_and_played() {
    let own = Loopback::open();
    let recorder = Recorder::new(Vec::new()).unwrap();
    let mut watcher = Watcher::<BasicRow, _>::new(Recording::new(System::new().unwrap(), recorder));
    watcher.poll().unwrap();
    let seen = watcher.snapshot().clone();
    let mut recording = Vec::new();
    let source = watcher.into_source();
    recording.extend(source.into_parts().1.into_inner());

    let mut again = Watcher::<BasicRow, _>::new(Replay::load(&recording[..]).unwrap());
    again.poll().unwrap();
    assert_eq!(again.snapshot(), &seen);
    assert_eq!(states(again.snapshot(), own.listening(), None), [State::Listen]);
}

#[test]
fn a_poorer_class_is_played_from_a_richer_one_and_not_the_other_way() {
    let mut buffer = Buffer::new();
    let mut replay = Replay::load(&record(&[rows::<OwnerPidRow>()])[..]).unwrap();
    let richer = replay.fill(Class::OwnerModule, &Query::all(), &mut buffer);
    assert!(matches!(richer, Err(Error::WrongClass { wanted: Class::OwnerModule, held: Some(Class::OwnerPid), .. })));
    assert_eq!(replay.left(), 1, "it stays the next one");
    let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).unwrap();
    assert_eq!(table.to_snapshot().unwrap(), rows::<BasicRow>());
}

#[test]
fn a_history_is_played_with_its_times_and_failures() {
    let snapshot = rows::<BasicRow>();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &snapshot).unwrap();
    let later = snapshot.taken_at() + Duration::from_secs(1);
    let mut replay = Replay::new()
        .then(&snapshot)
        .unwrap()
        .then_error(Error::NotSupported)
        .then_bytes(Class::Basic, buffer.as_bytes(), later)
        .unwrap();
    let mut play = || Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).map(|table| table.taken_at());
    assert_eq!(play().unwrap(), snapshot.taken_at());
    assert!(matches!(play(), Err(Error::NotSupported)));
    assert_eq!(play().unwrap(), later);
    assert!(matches!(play(), Err(Error::Ended)));
}

/// A disk that is full for a while.
#[derive(Debug, Default)]
struct Full(Vec<u8>, bool);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let half = &bytes[..bytes.len().div_ceil(2)];
        self.1 = bytes.len() > 16;
        self.0.extend(half);
        Ok(half.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_half_a_table_nothing_more_is_recorded() {
    let mut recorder = Recorder::new(Full::default()).unwrap();
    let snapshot = rows::<BasicRow>();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, snapshot.rows()).unwrap();
    let mut record = |what: &str| {
        let error = recorder.record(buffer.table::<BasicRow>().unwrap()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    record("no storage space");
    record("broken pipe");
}
