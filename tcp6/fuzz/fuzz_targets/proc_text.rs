//! Bytes as the kernel's text: refused with the number of a line, or its rows, without lines that provably repeat one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp6::fuzzing::text;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Error, Malformed, OwnerModuleRow, Row};
use tcp6_fuzz::model::repeats;

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    match text::<OwnerModuleRow>(bytes) {
        Ok(rows) => {
            assert_eq!(rows, by_lines(&lines));
            // What has been read is not changed by what follows.
            let half = text::<OwnerModuleRow>(&lines[..lines.len() / 2].concat()).unwrap();
            assert!(rows.starts_with(&half));
        }
        Err(Error::Malformed(Malformed::Line { line, .. })) => {
            // The heading is line 1, and never wrong.
            assert!(1 < line && line <= lines.len());
            text::<OwnerModuleRow>(&lines[..line - 1].concat()).unwrap();
        }
        Err(error) => panic!("{error}"),
    }
});

/// The rows of a good text: each line read by itself, and compared with every earlier one.
fn by_lines(lines: &[&[u8]]) -> Vec<OwnerModuleRow> {
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for line in lines.iter().skip(1) {
        let alone = text::<OwnerModuleRow>(&[b"heading\n", *line].concat()).unwrap();
        let Some(row) = alone.first() else { continue };
        let inode = row.socket_info().unwrap().inode.unwrap_or(0);
        let mut fields: Vec<&str> = std::str::from_utf8(line).unwrap().split_ascii_whitespace().collect();
        let object = u64::from_str_radix(fields[11], 16).unwrap_or(0);
        // As an established connection, since the row of a listener lacks the remote end.
        fields[3] = "01";
        let open = text::<OwnerModuleRow>(format!("heading\n{}", fields.join(" ")).as_bytes()).unwrap();
        let line = ((open[0].local(), open[0].remote()), inode, object);
        if !repeats(&seen, &line) {
            rows.push(*row);
        }
        seen.push(line);
    }
    rows
}
