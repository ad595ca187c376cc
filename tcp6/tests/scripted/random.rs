//! Property test: for random scripts, tables and names equal those of a model, and so do the sizes of all calls.
//!
//! Sizes are compared to the byte, so that a size in another unit is detected even if the call succeeds with it.

mod names;
mod protocol;
mod script;
mod tables;

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tcp6::{BasicRow, Buffer, OffloadRow, OwnerModuleRow, OwnerPidRow};

use crate::children::Waiting;
use crate::machine::Machine;

/// Number of scripts. Each runs with all row classes, and once more for the names.
const SCRIPTS: u32 = 2500;

#[test]
fn tables_names_and_sizes_equal_the_model_of_the_script() {
    let Some(machine) = Machine::new("") else { return };
    let children = [Waiting::new(), Waiting::that_refuses()];
    let owners = names::owners(&machine, &children);
    let pids: Vec<u32> = owners.iter().map(|owner| owner.pid).collect();
    let config = Config {
        cases: SCRIPTS,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x7463_7036),
        ..Config::default()
    };
    // All scripts share one buffer, so each table overwrites an earlier one.
    let buffer = RefCell::new(Buffer::new());
    let played = Cell::new(0);
    proptest!(config, |(script in script::scripts(&pids))| {
        let (text, buffer) = (script.text(), &mut *buffer.borrow_mut());
        tables::check::<BasicRow>(&script, &text, &machine, buffer)?;
        tables::check::<OwnerPidRow>(&script, &text, &machine, buffer)?;
        tables::check::<OffloadRow>(&script, &text, &machine, buffer)?;
        tables::check::<OwnerModuleRow>(&script, &text, &machine, buffer)?;
        names::check(&script, &owners, &machine)?;
        if buffer.capacity() > 1 << 22 {
            buffer.reset();
        }
        played.set(played.get() + 1);
    });
    assert!(played.get() >= SCRIPTS);
}
