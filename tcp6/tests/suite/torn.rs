//! Captures that are torn, damaged, concatenated or continued: no complete table is lost.

use std::io::Cursor;

use tcp6::{
    BasicRow, Buffer, Class, Error, Malformed, OwnerModuleRow, OwnerPidRow, Query, Recorder, Replay, Source, Table,
};

use crate::capture::{record, rows};

/// What is wrong with a capture, and at which offset.
#[derive(Debug, PartialEq)]
enum Damage {
    Torn(u64),
    Other(u64),
}

fn damage(malformed: Malformed) -> Damage {
    match malformed {
        Malformed::Torn { offset, .. } => Damage::Torn(offset),
        Malformed::Capture { offset, .. } => Damage::Other(offset),
        other => panic!("{other}"),
    }
}

/// Replays to the end. Returns the number of complete tables, and the damage after them, which is replayed last.
fn replayed(capture: &[u8]) -> (usize, Option<Damage>) {
    let mut replay = Replay::from_reader(capture).unwrap();
    let expected = replay.damage();
    let mut buffer = Buffer::new();
    let mut tables = 0;
    loop {
        match Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer).map(|_| ()) {
            Ok(()) => tables += 1,
            Err(Error::EndOfReplay) => return (tables, expected.map(damage)),
            Err(Error::Malformed(error)) => {
                assert_eq!(Some(error), expected);
                assert_eq!(replay.remaining(), 0, "nothing is replayed after damage");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Where a damaged file is damaged; `None` if it is torn or intact.
fn damaged_at(capture: &[u8]) -> Option<u64> {
    let malformed = match Replay::from_reader(capture) {
        Ok(replay) => replay.damage()?,
        Err(Error::Malformed(malformed)) => malformed,
        Err(error) => panic!("{error}"),
    };
    match damage(malformed) {
        Damage::Other(offset) => Some(offset),
        Damage::Torn(_) => None,
    }
}

#[test]
fn every_damaged_byte_is_found() {
    let capture = record(&[rows::<OwnerPidRow>()]);
    for at in 0..capture.len() {
        for bit in [1, 0x80] {
            let mut damaged = capture.clone();
            damaged[at] ^= bit;
            // More rows than there are bytes for look like a torn file.
            let (tables, damage) = match Replay::from_reader(&damaged[..]) {
                Ok(replay) => (replay.remaining() - 1, replay.damage()),
                Err(Error::Malformed(malformed)) => (0, Some(malformed)),
                Err(error) => panic!("{error}"),
            };
            assert!(damage.is_some(), "byte {at}");
            assert_eq!(tables, 0, "byte {at}");
        }
    }
    let text = Replay::from_reader(&b"#!/bin/sh"[..]).unwrap_err().to_string();
    assert_eq!(text, "not a table: not a tcp6 capture, at byte 0 of the capture");
}

#[test]
fn damage_is_reported_with_its_offset_after_the_tables_before_it() {
    let capture = record(&[rows::<OwnerPidRow>(), rows::<OwnerPidRow>(), rows::<OwnerPidRow>()]);
    let heading = 16;
    let size = (capture.len() - heading) / 3;
    let second = heading + size;
    // The damaged byte, the reported offset (of the field, or of the table), the tables before it.
    for (at, offset, tables) in [
        (heading, heading, 0),
        (heading + 4, heading + 4, 0),
        (heading + 7, heading + 4, 0),
        (heading + 24, heading, 0),
        (second, second, 1),
        (second + 15, second + 12, 1),
        (second + size - 1, second, 1),
        (capture.len() - 1, second + size, 2),
    ] {
        let mut damaged = capture.clone();
        damaged[at] ^= 0x80;
        assert_eq!(damaged_at(&damaged), Some(offset as u64), "byte {at}");
        assert_eq!(replayed(&damaged).0, tables, "byte {at}");
    }
    for (at, offset) in [(0, 0), (7, 0), (8, 8), (15, 8)] {
        let mut damaged = capture.clone();
        damaged[at] ^= 0x80;
        assert!(Replay::from_reader(&damaged[..]).is_err());
        assert_eq!(damaged_at(&damaged), Some(offset), "byte {at}");
    }
}

/// Three tables of different classes and sizes, and where each begins and the last ends.
fn three_tables() -> (Vec<u8>, [usize; 4]) {
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    let mut buffer = Buffer::new();
    let mut ends = [16; 4];
    for (i, (class, rows)) in [(Class::OwnerPid, 2), (Class::Basic, 0), (Class::OwnerModule, 1)].into_iter().enumerate()
    {
        buffer.write_rows(class, crate::capture::rows::<OwnerModuleRow>().iter().take(rows)).unwrap();
        match class {
            Class::OwnerPid => recorder.record(buffer.table::<OwnerPidRow>().unwrap()),
            Class::Basic => recorder.record(buffer.table::<BasicRow>().unwrap()),
            _ => recorder.record(buffer.table::<OwnerModuleRow>().unwrap()),
        }
        .unwrap();
        ends[i + 1] = ends[i] + 24 + rows * class.row_size();
    }
    let capture = recorder.into_inner();
    assert_eq!(capture.len(), ends[3]);
    (capture, ends)
}

#[test]
fn a_capture_that_ends_at_any_byte_keeps_its_complete_tables() {
    let (capture, ends) = three_tables();
    for cut in 0..=capture.len() {
        let complete = ends.iter().filter(|end| **end <= cut).count();
        let torn = Damage::Torn(if complete == 0 { 0 } else { ends[complete - 1] as u64 });
        let damage = if ends.contains(&cut) { None } else { Some(torn) };
        assert_eq!(replayed(&capture[..cut]), (complete.saturating_sub(1), damage), "cut at {cut}");
    }
    let torn = Replay::from_reader(&capture[..ends[2] + 1]).unwrap().damage().unwrap();
    assert_eq!(torn.to_string(), format!("the capture ends within the table at byte {}", ends[2]));
}

#[test]
fn concatenated_captures_are_replayed_one_after_the_other() {
    let (capture, ends) = three_tables();
    let two = [&capture[..], &capture[..]].concat();
    assert_eq!(replayed(&two), (6, None));
    assert_eq!(replayed(&[&two[..], &capture[..]].concat()), (9, None));
    // Torn in the second one, at any byte.
    for cut in 0..capture.len() {
        let (tables, damage) = replayed(&two[..capture.len() + cut]);
        let complete = ends.iter().filter(|end| **end <= cut).count();
        let begin = if complete == 0 { 0 } else { ends[complete - 1] };
        let torn = Damage::Torn((capture.len() + begin) as u64);
        let intact = cut == 0 || ends.contains(&cut);
        assert_eq!((tables, damage), (3 + complete.saturating_sub(1), (!intact).then_some(torn)), "cut at {cut}");
    }
    let mut newer = two;
    newer[capture.len() + 8] = 2;
    assert_eq!(damaged_at(&newer), Some(capture.len() as u64 + 8), "a version of the second that is unknown");
    assert_eq!(replayed(&newer).0, 3);
}

/// A file of this length in memory.
fn in_memory(bytes: &[u8]) -> Cursor<Vec<u8>> {
    Cursor::new(bytes.to_vec())
}

#[test]
fn a_torn_capture_is_continued_once_the_torn_table_is_cut_off() {
    let (capture, ends) = three_tables();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &rows::<BasicRow>()).unwrap();
    for cut in 0..=capture.len() {
        let mut file = in_memory(&capture[..cut]);
        let whole = match Recorder::append(&mut file).map(|_| ()) {
            Ok(()) => cut,
            Err(Error::Malformed(Malformed::Torn { offset, .. })) => {
                assert_eq!(file.get_ref()[..], capture[..cut], "a refusal writes nothing");
                file.get_mut().truncate(offset as usize);
                offset as usize
            }
            Err(error) => panic!("cut at {cut}: {error}"),
        };
        let mut recorder = Recorder::append(file).unwrap();
        recorder.record(buffer.table::<BasicRow>().unwrap()).unwrap();
        let complete = ends.iter().filter(|end| **end <= whole).count().saturating_sub(1);
        assert_eq!(replayed(recorder.into_inner().get_ref()), (complete + 1, None), "cut at {cut}");
    }
    let mut damaged = capture;
    damaged[ends[2] + 30] ^= 1;
    let refused = Recorder::append(in_memory(&damaged)).map(|_| ());
    assert!(matches!(refused, Err(Error::Malformed(Malformed::Capture { offset, .. })) if offset == ends[2] as u64));
    assert!(matches!(Recorder::append(in_memory(b"#!/bin/sh")), Err(Error::Malformed(Malformed::Capture { .. }))));
}

/// A file on a disk with room for a number of bytes, which writes at most seven at once.
#[derive(Debug)]
struct Disk {
    bytes: Vec<u8>,
    room: usize,
}

impl std::io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = bytes.len().min(7).min(self.room - self.bytes.len());
        if length == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_at_any_byte_loses_no_complete_table() {
    let (capture, ends) = three_tables();
    for room in 0..=capture.len() {
        let disk = Disk { bytes: Vec::new(), room };
        let Ok(mut recorder) = Recorder::new(disk) else {
            assert!(room < 16);
            continue;
        };
        let mut replay = Replay::from_reader(&capture[..]).unwrap();
        let mut buffer = Buffer::new();
        let mut recorded = 0;
        for class in [Class::OwnerPid, Class::Basic, Class::OwnerModule] {
            replay.fill(class, &Query::all(), &mut buffer).unwrap();
            let result = match class {
                Class::OwnerPid => recorder.record(buffer.table::<OwnerPidRow>().unwrap()),
                Class::Basic => recorder.record(buffer.table::<BasicRow>().unwrap()),
                _ => recorder.record(buffer.table::<OwnerModuleRow>().unwrap()),
            };
            match result {
                Ok(()) => recorded += 1,
                Err(error) => assert!(matches!(error, Error::Os { .. }), "{error}"),
            }
        }
        let complete = ends.iter().filter(|end| **end <= room).count() - 1;
        assert_eq!(recorded, complete, "room for {room} bytes: a failure is reported");
        let file = recorder.into_inner().bytes;
        assert_eq!(file, capture[..room]);
        assert_eq!(replayed(&file).0, complete);
    }
}

#[test]
fn a_disk_that_has_room_again_is_used_unless_a_table_was_written_in_part() {
    let snapshot = rows::<BasicRow>();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &snapshot).unwrap();
    let table = buffer.table::<BasicRow>().unwrap();

    // Full at the end of a table.
    let mut recorder = Recorder::new(Full { left: 16, ..Full::default() }).unwrap();
    let error = recorder.record(table).unwrap_err().to_string();
    assert!(error.contains("writing a capture") && error.contains("no storage space"), "{error}");
    let mut disk = recorder.into_inner();
    disk.left = usize::MAX;
    let mut recorder = Recorder::append(in_memory(&disk.bytes)).unwrap();
    recorder.record(table).unwrap();
    assert_eq!(replayed(recorder.into_inner().get_ref()), (1, None));

    // Full within a table, and for a while only.
    let mut recorder = Recorder::new(Full { left: 17, failures: 1, ..Full::default() }).unwrap();
    recorder.record(table).unwrap_err();
    let error = recorder.record(table).unwrap_err().to_string();
    assert!(error.contains("cut it off and append"), "{error}");
    assert_eq!(replayed(&recorder.into_inner().bytes), (0, Some(Damage::Torn(16))));

    // Full at the end of a table, and for a while only.
    let mut recorder = Recorder::new(Full { left: 16, failures: 1, ..Full::default() }).unwrap();
    recorder.record(table).unwrap_err();
    recorder.record(table).unwrap();
    assert_eq!(replayed(&recorder.into_inner().bytes), (1, None));
}

/// A disk that has room for `left` bytes, and more after `failures` failures.
#[derive(Debug, Default)]
struct Full {
    bytes: Vec<u8>,
    left: usize,
    failures: usize,
}

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            if self.failures == 1 {
                self.left = usize::MAX;
            }
            self.failures = self.failures.saturating_sub(1);
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let length = bytes.len().min(self.left);
        self.left -= length;
        self.bytes.extend(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let error = Recorder::new(full).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(28), "ENOSPC");
}

#[test]
fn a_buffered_file_has_each_table_as_soon_as_it_is_recorded() {
    let path = std::env::temp_dir().join(format!("tcp6-buffered-{}", std::process::id()));
    let file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let mut recorder = Recorder::new(file).unwrap();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &rows::<BasicRow>()).unwrap();
    for tables in 1..=3 {
        recorder.record(buffer.table::<BasicRow>().unwrap()).unwrap();
        assert_eq!(replayed(&std::fs::read(&path).unwrap()), (tables, None));
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_count_that_lies_is_a_torn_table() {
    let mut capture = record(&[rows::<OwnerModuleRow>()]);
    capture[16 + 8..16 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let damage = Replay::from_reader(&capture[..]).unwrap().damage().unwrap();
    // So many bytes have no addresses on a 32-bit system: there the count itself is wrong.
    if cfg!(target_pointer_width = "64") {
        assert_eq!(self::damage(damage), Damage::Torn(16));
    } else {
        assert_eq!(self::damage(damage), Damage::Other(24));
    }
}
