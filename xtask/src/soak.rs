//! `cargo xtask soak`: the crate on a machine whose table does not stand still.
//!
//! The soak is an example of tcp6, so that Wine runs the same: `cargo xtask wine run --example soak -- --lenient`.

use xshell::{Shell, cmd};

/// In a network namespace of its own, whose hash has 16 chains: there one dump of a few passes over sockets, or lists them
/// twice.
const SMALL_HASH: &str = "--small-hash";

/// A namespace has a hash of the size that the one before says.
const IN_A_SMALL_HASH: &str = "
    echo 16 > /proc/sys/net/ipv4/tcp_child_ehash_entries
    exec unshare --net sh -ec 'ip link set lo up; exec \"$0\" \"$@\"' \"$@\"";

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    // Not optimized: so sums are checked for overflow, and the tests have compiled all of it already.
    let soak = ["run", "--locked", "-p", "tcp6", "--example", "soak", "--"];
    let Some((_, args)) = args.split_first().filter(|(first, _)| *first == SMALL_HASH) else {
        cmd!(sh, "cargo {soak...} {args...}").run()?;
        return Ok(());
    };
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        println!("skipped: only root can have a network namespace of its own");
        return Ok(());
    }
    // From there nothing could be downloaded.
    cmd!(sh, "cargo build --locked -p tcp6 --example soak").run()?;
    cmd!(sh, "unshare --net sh -ec {IN_A_SMALL_HASH} cargo cargo {soak...} {args...}").run()?;
    Ok(())
}
