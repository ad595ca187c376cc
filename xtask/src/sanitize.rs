//! `cargo xtask sanitize`: the tests under AddressSanitizer, and those of the unsafe code under valgrind as well.
//!
//! AddressSanitizer is part of nightly toolchains. Valgrind sees what it cannot: bytes that were never written.

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::{
    debian::{self, Package},
    host, output,
};

/// Parts of the names of the tests whose code casts, or reads what was cast. They select a few others as well.
const CASTING: &[&str] = &["view", "buffer", "row", "windows::retry", "linux::diag"];

const VALGRIND: &[Package] = &[Package("valgrind", "/usr/bin/valgrind")];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    if cmd!(sh, "cargo +nightly --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!("this needs a nightly toolchain: rustup toolchain install nightly");
    }
    debian::require(&[VALGRIND])?;
    let host = host(sh)?;
    let folder = output(sh).join("sanitize");
    // The tests run the examples, which only a `cargo test` without a choice of targets builds by itself.
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
    cmd!(sh, "cargo test -p tcp6 --lib --locked -- {CASTING...}")
        .env(runner, "valgrind --quiet --error-exitcode=1")
        .run()?;
    Ok(())
}
