//! `cargo xtask i686`: the tests as a 32-bit program, where sizes overflow sooner and a `u64` has another alignment.
//!
//! A lint for such a target does not see all: what is wrong with one row class shows when code is made for it.

use anyhow::bail;
use xshell::Shell;

use crate::debian::{self, Package};

const LIBRARIES: &[Package] = &[Package("gcc-12-multilib", "/usr/lib32/crt1.o")];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("only an x86-64 machine runs programs for i686");
    }
    debian::require(&[debian::RUST, LIBRARIES])?;
    debian::cargo(sh, "test")?
        .args(["-p", "tcp6-sys", "-p", "tcp6", "--locked", "--target", "i686-unknown-linux-gnu"])
        .run()?;
    Ok(())
}
