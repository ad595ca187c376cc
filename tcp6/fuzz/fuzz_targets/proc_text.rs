//! Bytes as the kernel's text: refused with the number of a line, or its rows, each once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp6::fuzzing::text;
use tcp6::{Error, Malformed, OwnerModuleRow};

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    match text::<OwnerModuleRow>(bytes) {
        Ok(rows) => {
            assert!(rows.len() < lines.len().max(1));
            // What has been read is not changed by what follows.
            let half = text::<OwnerModuleRow>(&lines[..lines.len() / 2].concat()).unwrap();
            assert!(rows.starts_with(&half));
            // Sockets that are printed twice are one row each.
            let again = [bytes, b"\n", &lines.get(1..).unwrap_or_default().concat()].concat();
            assert_eq!(text::<OwnerModuleRow>(&again).unwrap(), rows);
        }
        Err(Error::Malformed(Malformed::Line { line, .. })) => {
            // The heading is line 1, and never wrong.
            assert!(1 < line && line <= lines.len());
            text::<OwnerModuleRow>(&lines[..line - 1].concat()).unwrap();
        }
        Err(error) => panic!("{error}"),
    }
});
