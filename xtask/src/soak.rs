//! `cargo xtask soak`: the crate on a machine whose table does not stand still.
//!
//! The soak is an example of tcp6, so that Wine runs the same: `cargo xtask wine run --example soak -- --lenient`.

use xshell::{Shell, cmd};

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    // Not optimized: so sums are checked for overflow, and the tests have compiled all of it already.
    cmd!(sh, "cargo run --locked -p tcp6 --example soak -- {args...}").run()?;
    Ok(())
}
