//! `cargo xtask sanitize`: runs the tests under AddressSanitizer and valgrind.
//!
//! All tests run under AddressSanitizer. Those of unsafe code also run under valgrind. AddressSanitizer is part of
//! nightly toolchains. Valgrind also detects reads of uninitialized bytes.

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::{
    debian::{self, Package},
    host, output,
};

/// Filters for the tests of code that casts or reads cast data.
///
/// They also select a few other tests.
const CAST_TESTS: &[&str] = &["row::", "table::", "snapshot::", "windows::retry", "netlink::inet_diag"];

const VALGRIND: &[Package] = &[Package("valgrind", "/usr/bin/valgrind")];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    if cmd!(sh, "cargo +nightly --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!("a nightly toolchain is missing; install it with: rustup toolchain install nightly");
    }
    debian::require(&[VALGRIND])?;
    let host = host(sh)?;
    let folder = output(sh).join("sanitize");
    // The tests run the examples. `cargo test` builds them only if no targets are selected.
    for command in [&["build", "--examples"][..], &["test", "--lib", "--test", "suite"]] {
        cmd!(sh, "cargo +nightly {command...} -p tcp6 --target {host} --locked")
            .env("RUSTFLAGS", "-Zsanitizer=address")
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .env_remove("CARGO")
            .env_remove("LD_LIBRARY_PATH")
            .run()?;
    }

    let runner = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"));
    cmd!(sh, "cargo test -p tcp6 --lib --locked -- {CAST_TESTS...}")
        .env(runner, "valgrind --quiet --error-exitcode=1")
        .run()?;
    Ok(())
}
