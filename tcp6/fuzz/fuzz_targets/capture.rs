//! Replays bytes as a capture.
//!
//! They are rejected, or their tables are recorded as the same bytes again, up to the position where the capture is
//! torn or damaged.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tcp6::{
    BasicRow, Buffer, Class, Error, Malformed, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder,
    RecordingSource, Replay, Row, Source, Table,
};
use tcp6_fuzz::memory::bounded;

const MAGIC: &[u8] = b"tcp6cap\n";
/// The size of a capture header.
const HEADER: usize = 16;
/// The size of a table header.
const TABLE: usize = 24;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // The fuzzer cannot guess checksums, so the input is also read with correct ones.
    check(&with_correct_checksums(bytes.to_vec()));
});

fn check(bytes: &[u8]) {
    // The limit allows for the buffer of the reader, and for a vector of the file's bytes that doubles its capacity.
    let Ok(replay) = bounded(16 * 1024 + 4 * bytes.len(), || Replay::from_reader(bytes)) else { return };
    let damage = replay.damage();
    let mut again = RecordingSource::new(replay, Recorder::new(Vec::new()).unwrap());
    let mut buffer = Buffer::new();
    let mut damages = None;
    loop {
        // If the next table has fewer fields, the fill fails and the error contains the class of that table.
        let class = match read::<OwnerModuleRow>(&mut again, &mut buffer) {
            Ok(()) => continue,
            Err(Error::EndOfReplay) => break,
            Err(Error::Malformed(malformed)) => {
                assert_eq!(damages.replace(malformed), None);
                continue;
            }
            Err(Error::WrongClass { held: Some(class), .. }) => class,
            Err(error) => panic!("{error}"),
        };
        match class {
            Class::Basic => read::<BasicRow>(&mut again, &mut buffer),
            Class::OwnerPid => read::<OwnerPidRow>(&mut again, &mut buffer),
            Class::Offload => read::<OffloadRow>(&mut again, &mut buffer),
            class => panic!("cannot read a table of class {class} as that class"),
        }
        .unwrap();
    }
    assert_eq!(damages, damage);
    let recorded = again.into_parts().1.into_inner();
    assert_eq!(recorded[HEADER..], tables(bytes, damage));
    check_append(bytes, damage);
}

/// The bytes of the tables of concatenated captures, up to the damage.
fn tables(bytes: &[u8], damage: Option<Malformed>) -> Vec<u8> {
    let end = match damage {
        Some(Malformed::Torn { offset, .. } | Malformed::Capture { offset, .. }) => offset as usize,
        Some(other) => panic!("{other}"),
        None => bytes.len(),
    };
    let mut tables = Vec::new();
    let mut at = 0;
    while at < end {
        let size = if bytes[at..].starts_with(MAGIC) { HEADER } else { frame_size(&bytes[at..]).unwrap_or(TABLE) };
        if at + size > end {
            break;
        }
        if !bytes[at..].starts_with(MAGIC) {
            tables.extend(&bytes[at..at + size]);
        }
        at += size;
    }
    tables
}

/// Checks that a capture can be appended to if it is intact, or after it is cut off where it is torn.
fn check_append(bytes: &[u8], damage: Option<Malformed>) {
    let append = |bytes: &[u8]| Recorder::append(Cursor::new(bytes.to_vec())).map(drop);
    match (append(bytes), damage) {
        (Ok(()), damage) => assert!(damage.is_none() || bytes.is_empty()),
        (Err(Error::Malformed(malformed)), damage) => {
            assert_eq!(Some(malformed), damage);
            if let Malformed::Torn { offset, .. } = malformed {
                append(&bytes[..offset as usize]).unwrap();
            }
        }
        (Err(error), _) => panic!("{error}"),
    }
}

fn read<R: Row>(source: &mut impl Source, buffer: &mut Buffer) -> tcp6::Result<()> {
    Table::<R>::read(source, &Query::all(), buffer).map(|_| ())
}

/// The size of the table that begins here, including its header. `None` if the header is invalid.
fn frame_size(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..TABLE)?;
    let row = [52, 56, 60, 192].get(usize::from(header[4]))?;
    let rows = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    (rows as usize).checked_mul(*row)?.checked_add(TABLE)
}

/// Replaces the checksum of each table by the correct one.
fn with_correct_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = HEADER;
    while let Some(rest) = bytes.get(at..) {
        if rest.starts_with(MAGIC) {
            at += HEADER;
            continue;
        }
        let Some(size) = frame_size(rest).filter(|size| *size <= rest.len()) else { break };
        let sum = crc32(&rest[4..size]);
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        at += size;
    }
    bytes
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = !0;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
