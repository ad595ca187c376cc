//! Parses bytes as `/proc/net/tcp6`.
//!
//! They are rejected with a line number, or result in rows. Lines that provably repeat an earlier socket are dropped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp6::fuzzing::text;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Error, Malformed, OwnerModuleRow};
use tcp6_fuzz::model::repeats;

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    match text::<OwnerModuleRow>(bytes) {
        Ok(rows) => {
            assert_eq!(rows, by_lines(&lines));
            // Later lines do not change the rows of earlier ones.
            let half = text::<OwnerModuleRow>(&lines[..lines.len() / 2].concat()).unwrap();
            assert!(rows.starts_with(&half));
        }
        Err(Error::Malformed(Malformed::Line { line, .. })) => {
            // Line 1 is the heading, which is not parsed.
            assert!(1 < line && line <= lines.len());
            text::<OwnerModuleRow>(&lines[..line - 1].concat()).unwrap();
        }
        Err(error) => panic!("{error}"),
    }
});

/// The rows of a valid text. Each line is parsed separately and compared with all earlier ones.
fn by_lines(lines: &[&[u8]]) -> Vec<OwnerModuleRow> {
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for line in lines.iter().skip(1) {
        let alone = text::<OwnerModuleRow>(&[b"heading\n", *line].concat()).unwrap();
        let Some(row) = alone.first() else { continue };
        let inode = row.socket_info().unwrap().inode.unwrap_or(0);
        let mut fields: Vec<&str> = std::str::from_utf8(line).unwrap().split_ascii_whitespace().collect();
        let object = u64::from_str_radix(fields[11], 16).unwrap_or(0);
        // Parsed as an established connection, because the row of a listener has no remote end.
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
