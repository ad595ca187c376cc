//! Whole refreshes of a long-lived reader of the kernel's table: dumps, look-ups and further dumps, while sockets come, go
//! and change their states, and while look-ups fail. A model of the kernel's table plays the kernel and is the witness:
//! each socket is in the table once, none that is gone, and all that lasted.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Err(wrong) = tcp6::fuzzing::refreshes(input) {
        panic!("{wrong}");
    }
});
