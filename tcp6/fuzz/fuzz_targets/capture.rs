//! Bytes as a capture: refused, or tables that are written as the same bytes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp6::{
    BasicRow, Buffer, Class, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder, Recording, Replay, Row,
    Source, Table,
};

const HEADING: usize = 16;
const TABLE: usize = 24;

fuzz_target!(|bytes: &[u8]| {
    survives(bytes);
    // A checksum is hard to guess, and there is as much to be read behind a right one.
    survives(&with_right_checksums(bytes.to_vec()));
});

fn survives(bytes: &[u8]) {
    let Ok(replay) = Replay::load(bytes) else { return };
    let mut again = Recording::new(replay, Recorder::new(Vec::new()).unwrap());
    let mut buffer = Buffer::new();
    loop {
        // Asked for more than it has, a capture says what it has.
        let class = match read::<OwnerModuleRow>(&mut again, &mut buffer) {
            Ok(()) => continue,
            Err(Error::Ended) => break,
            Err(Error::WrongClass { held: Some(class), .. }) => class,
            Err(error) => panic!("{error}"),
        };
        match class {
            Class::Basic => read::<BasicRow>(&mut again, &mut buffer),
            Class::OwnerPid => read::<OwnerPidRow>(&mut again, &mut buffer),
            Class::Offload => read::<OffloadRow>(&mut again, &mut buffer),
            class => panic!("a table of class {class} was refused as one"),
        }
        .unwrap();
    }
    assert_eq!(again.into_parts().1.into_inner(), bytes);
}

fn read<R: Row>(source: &mut impl Source, buffer: &mut Buffer) -> tcp6::Result<()> {
    Table::<R>::read(source, &Query::all(), buffer).map(|_| ())
}

/// The same with the checksum in front of each table that it should have.
fn with_right_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = HEADING;
    while let Some(header) = bytes.get(at..at + TABLE) {
        let Some(row) = [52, 56, 60, 192].get(usize::from(header[4])) else { break };
        let rows = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let end = (rows as usize).saturating_mul(*row).saturating_add(at + TABLE);
        let Some(summed) = bytes.get(at + 4..end) else { break };
        let sum = crc32(summed);
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        at = end;
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
