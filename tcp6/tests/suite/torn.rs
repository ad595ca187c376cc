//! Captures that are torn, damaged, concatenated or appended to: no complete table is lost.

use std::io::Cursor;

use tcp6::{
    BasicRow, Buffer, Class, Error, Malformed, OwnerModuleRow, OwnerPidRow, Query, Recorder, Replay, Source, Table,
};

use crate::capture::{record, rows};

/// The damage of a capture, with its offset in bytes.
#[derive(Debug, PartialEq)]
enum Damage {
    Torn(u64),
    Corrupt(u64),
}

fn damage(malformed: Malformed) -> Damage {
    match malformed {
        Malformed::Torn { offset, .. } => Damage::Torn(offset),
        Malformed::Capture { offset, .. } => Damage::Corrupt(offset),
        other => panic!("{other}"),
    }
}

/// Replays to the end. Returns the number of complete tables and the damage, which is reported after them.
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

/// The offset at which a capture is corrupt, or `None` if it is torn or intact.
fn corrupt_at(capture: &[u8]) -> Option<u64> {
    let malformed = match Replay::from_reader(capture) {
        Ok(replay) => replay.damage()?,
        Err(Error::Malformed(malformed)) => malformed,
        Err(error) => panic!("{error}"),
    };
    match damage(malformed) {
        Damage::Corrupt(offset) => Some(offset),
        Damage::Torn(_) => None,
    }
}

#[test]
fn detects_a_change_of_any_byte() {
    let capture = record(&[rows::<OwnerPidRow>()]);
    for at in 0..capture.len() {
        for bit in [1, 0x80] {
            let mut damaged = capture.clone();
            damaged[at] ^= bit;
            // A count of more rows than the file contains is reported as a torn table.
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
fn reports_damage_with_its_offset_after_the_complete_tables() {
    let capture = record(&[rows::<OwnerPidRow>(), rows::<OwnerPidRow>(), rows::<OwnerPidRow>()]);
    let header = 16;
    let size = (capture.len() - header) / 3;
    let second = header + size;
    // The damaged byte, the reported offset (of the field or of the table), and the number of tables before it.
    for (at, offset, tables) in [
        (header, header, 0),
        // The class becomes the kind of an extension, whose checksum is wrong.
        (header + 4, header, 0),
        (header + 7, header + 4, 0),
        (header + 24, header, 0),
        (second, second, 1),
        (second + 15, second + 12, 1),
        (second + size - 1, second, 1),
        (capture.len() - 1, second + size, 2),
    ] {
        let mut damaged = capture.clone();
        damaged[at] ^= 0x80;
        assert_eq!(corrupt_at(&damaged), Some(offset as u64), "byte {at}");
        assert_eq!(replayed(&damaged).0, tables, "byte {at}");
    }
    for (at, offset) in [(0, 0), (7, 0), (8, 8), (15, 8)] {
        let mut damaged = capture.clone();
        damaged[at] ^= 0x80;
        assert!(Replay::from_reader(&damaged[..]).is_err());
        assert_eq!(corrupt_at(&damaged), Some(offset), "byte {at}");
    }
}

/// A capture of three tables with different classes and sizes. Also returns the start of each table and the file size.
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
fn a_capture_cut_at_any_byte_keeps_its_complete_tables() {
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
fn concatenated_captures_are_replayed_in_order() {
    let (capture, ends) = three_tables();
    let two = [&capture[..], &capture[..]].concat();
    assert_eq!(replayed(&two), (6, None));
    assert_eq!(replayed(&[&two[..], &capture[..]].concat()), (9, None));
    // The second capture is cut at any byte.
    for cut in 0..capture.len() {
        let (tables, damage) = replayed(&two[..capture.len() + cut]);
        let complete = ends.iter().filter(|end| **end <= cut).count();
        let start = if complete == 0 { 0 } else { ends[complete - 1] };
        let torn = Damage::Torn((capture.len() + start) as u64);
        let intact = cut == 0 || ends.contains(&cut);
        assert_eq!((tables, damage), (3 + complete.saturating_sub(1), (!intact).then_some(torn)), "cut at {cut}");
    }
    let mut newer = two;
    newer[capture.len() + 8] = 2;
    assert_eq!(corrupt_at(&newer), Some(capture.len() as u64 + 8), "unknown version of the second capture");
    assert_eq!(replayed(&newer).0, 3);
}

/// A file in memory with these bytes.
fn in_memory(bytes: &[u8]) -> Cursor<Vec<u8>> {
    Cursor::new(bytes.to_vec())
}

#[test]
fn append_requires_that_a_torn_table_is_cut_off() {
    let (capture, ends) = three_tables();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &rows::<BasicRow>()).unwrap();
    for cut in 0..=capture.len() {
        let mut file = in_memory(&capture[..cut]);
        let length = match Recorder::append(&mut file).map(|_| ()) {
            Ok(()) => cut,
            Err(Error::Malformed(Malformed::Torn { offset, .. })) => {
                assert_eq!(file.get_ref()[..], capture[..cut], "a refused append writes nothing");
                file.get_mut().truncate(offset as usize);
                offset as usize
            }
            Err(error) => panic!("cut at {cut}: {error}"),
        };
        let mut recorder = Recorder::append(file).unwrap();
        recorder.record(buffer.table::<BasicRow>().unwrap()).unwrap();
        let complete = ends.iter().filter(|end| **end <= length).count().saturating_sub(1);
        assert_eq!(replayed(recorder.into_inner().get_ref()), (complete + 1, None), "cut at {cut}");
    }
    let mut damaged = capture;
    damaged[ends[2] + 30] ^= 1;
    let refused = Recorder::append(in_memory(&damaged)).map(|_| ());
    assert!(matches!(refused, Err(Error::Malformed(Malformed::Capture { offset, .. })) if offset == ends[2] as u64));
    assert!(matches!(Recorder::append(in_memory(b"#!/bin/sh")), Err(Error::Malformed(Malformed::Capture { .. }))));
}

/// A file on a disk that has space for `capacity` bytes. Each write is limited to 7 bytes.
#[derive(Debug)]
struct SmallDisk {
    bytes: Vec<u8>,
    capacity: usize,
}

impl std::io::Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = bytes.len().min(7).min(self.capacity - self.bytes.len());
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
fn a_full_disk_loses_no_complete_table() {
    let (capture, ends) = three_tables();
    for capacity in 0..=capture.len() {
        let disk = SmallDisk { bytes: Vec::new(), capacity };
        let Ok(mut recorder) = Recorder::new(disk) else {
            assert!(capacity < 16);
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
        let complete = ends.iter().filter(|end| **end <= capacity).count() - 1;
        assert_eq!(recorded, complete, "tables reported as recorded on a disk of {capacity} bytes");
        let file = recorder.into_inner().bytes;
        assert_eq!(file, capture[..capacity]);
        assert_eq!(replayed(&file).0, complete);
    }
}

#[test]
fn recording_continues_after_a_full_disk_unless_a_table_is_torn() {
    let snapshot = rows::<BasicRow>();
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, &snapshot).unwrap();
    let table = buffer.table::<BasicRow>().unwrap();

    // The disk becomes full between tables, and the capture is appended to later.
    let mut recorder = Recorder::new(FullDisk { free: 16, ..FullDisk::default() }).unwrap();
    let error = recorder.record(table).unwrap_err().to_string();
    assert!(error.contains("writing a capture") && error.contains("no storage space"), "{error}");
    let mut disk = recorder.into_inner();
    disk.free = usize::MAX;
    let mut recorder = Recorder::append(in_memory(&disk.bytes)).unwrap();
    recorder.record(table).unwrap();
    assert_eq!(replayed(recorder.into_inner().get_ref()), (1, None));

    // The disk becomes full within a table, and has space again after one failure.
    let mut recorder = Recorder::new(FullDisk { free: 17, failures: 1, ..FullDisk::default() }).unwrap();
    recorder.record(table).unwrap_err();
    let error = recorder.record(table).unwrap_err().to_string();
    assert!(error.contains("truncate the file and append"), "{error}");
    assert_eq!(replayed(&recorder.into_inner().bytes), (0, Some(Damage::Torn(16))));

    // The disk becomes full between tables, and has space again after one failure.
    let mut recorder = Recorder::new(FullDisk { free: 16, failures: 1, ..FullDisk::default() }).unwrap();
    recorder.record(table).unwrap_err();
    recorder.record(table).unwrap();
    assert_eq!(replayed(&recorder.into_inner().bytes), (1, None));
}

/// A file on a disk that has space for `free` bytes, and unlimited space after `failures` failed writes.
#[derive(Debug, Default)]
struct FullDisk {
    bytes: Vec<u8>,
    free: usize,
    /// If 0, the disk stays full.
    failures: usize,
}

impl std::io::Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.free == 0 {
            if self.failures == 1 {
                self.free = usize::MAX;
            }
            self.failures = self.failures.saturating_sub(1);
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let length = bytes.len().min(self.free);
        self.free -= length;
        self.bytes.extend(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[test]
fn dev_full_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let error = Recorder::new(full).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(28), "ENOSPC");
}

#[test]
fn record_flushes_each_table() {
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
fn a_false_row_count_is_a_torn_table() {
    let mut capture = record(&[rows::<OwnerModuleRow>()]);
    capture[16 + 8..16 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let damage = Replay::from_reader(&capture[..]).unwrap().damage().unwrap();
    // On a 32-bit system, the size of this table exceeds the address space, so the count is reported as corrupt.
    if cfg!(target_pointer_width = "64") {
        assert_eq!(self::damage(damage), Damage::Torn(16));
    } else {
        assert_eq!(self::damage(damage), Damage::Corrupt(24));
    }
}
