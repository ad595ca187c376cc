//! Records a capture of scripted tables, which tests on other systems replay.
//!
//! `tables.tcp6` in this directory is the capture. `tests/suite/scripted_capture.rs` reads it on every system. The test
//! here records the tables again and compares the bytes.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tcp6::{BasicRow, Buffer, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder, Row, System};

use crate::machine::Machine;

/// The recorded tables. The pids do not belong to processes of this system.
const SCRIPT: &str = "
slack 8
garbage 1
row 5 [fe80::1%7]:49152 [fe80::2%7]:443 pid=1000 created=133500000000000000 info=5 offload=2
row 2 [::]:445 - pid=4 created=133400000000000000
row 2 [::1]:8080 - pid=1000 info=1
row 11 [2001:db8::1]:80 [2001:db8::2]:50000
row 12 [2001:db8::1]:80 [2001:db8::2]:50001
row 100 [::]:1234 - pid=1000
row 77 [::]:1235 - pid=1000
";

/// The recorded time of the tables: 2023-01-01 UTC, in seconds since 1970.
const TAKEN_AT: u64 = 1_672_531_200;

fn record<R: Row>(machine: &Machine, recorder: &mut Recorder<Vec<u8>>) {
    // Restarting the script restarts the sequence of garbage.
    machine.play(SCRIPT);
    let mut buffer = Buffer::new();
    System::new().unwrap().table::<R>(&Query::all(), &mut buffer).unwrap();
    buffer.set_taken_at(SystemTime::UNIX_EPOCH + Duration::from_secs(TAKEN_AT));
    recorder.record(buffer.table::<R>().unwrap()).unwrap();
}

#[test]
fn recorded_capture_equals_the_checked_in_file() {
    let Some(machine) = Machine::new("") else { return };
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    record::<BasicRow>(&machine, &mut recorder);
    record::<OwnerPidRow>(&machine, &mut recorder);
    record::<OffloadRow>(&machine, &mut recorder);
    record::<OwnerModuleRow>(&machine, &mut recorder);
    let bytes = recorder.into_inner();

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripted/tables.tcp6");
    if std::env::var_os("TCP6_WRITE_CAPTURE").is_some() {
        std::fs::write(&file, &bytes).unwrap();
    }
    assert!(bytes == std::fs::read(&file).unwrap(), "tables.tcp6 differs; TCP6_WRITE_CAPTURE=1 rewrites it");
}
