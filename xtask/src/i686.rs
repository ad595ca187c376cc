//! `cargo xtask i686`: runs the tests as a 32-bit program.
//!
//! In such a program sizes overflow sooner, and `u64` is aligned to 4 bytes.
//!
//! Linting for this target is not enough: an error in one row class shows only when code is generated for that class.

use anyhow::bail;
use xshell::Shell;

use crate::debian::{self, Package};

const LIBRARIES: &[Package] = &[Package("gcc-12-multilib", "/usr/lib32/crt1.o")];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("programs for i686 run on x86-64 machines only");
    }
    debian::require(&[debian::RUST, LIBRARIES])?;
    debian::cargo(sh, "test")?
        .args(["-p", "tcp6-sys", "-p", "tcp6", "--locked", "--target", "i686-unknown-linux-gnu"])
        .run()?;
    Ok(())
}
