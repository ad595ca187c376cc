//! Complete refreshes against a model of the kernel's table, with dumps, look-ups and repeated dumps.
//!
//! Meanwhile sockets are opened and closed and change their states, and look-ups fail. The target checks that each
//! table lists each socket once, lists no socket that was closed, and lists all sockets that stayed open.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Err(error) = tcp6::fuzzing::refreshes(input) {
        panic!("{error}");
    }
});
