//! `cargo xtask soak`: tests the crate while the table changes constantly.
//!
//! The soak is a program of the package `benches`. To run it under Wine:
//! `cargo xtask wine run -p benches --bin soak -- --lenient`.
//!
//! With `--lives`, the task runs the life test instead, with new seeds until the time is over.

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::{Usage, skip};

/// A shell script that runs its arguments in a network namespace with a small hash.
///
/// The parent namespace determines the size of the hash. By default the number of sockets in TIME-WAIT is limited to
/// half the number of hash chains, and further sockets close without this state. So the script raises the limit.
const IN_A_SMALL_HASH: &str = "
    echo 16 > /proc/sys/net/ipv4/tcp_child_ehash_entries
    exec unshare --net sh -ec '
        ip link set lo up
        echo 65536 > /proc/sys/net/ipv4/tcp_max_tw_buckets
        exec \"$0\" \"$@\"' \"$@\"";

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    match Call::parse(args)? {
        Call::Lives { seconds } => lives(sh, seconds),
        Call::Churn { small_hash, args } => churn(sh, small_hash, &args),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// Run the life test.
    Lives { seconds: u64 },
    /// Run the soak with these arguments.
    Churn {
        /// Run it in a new network namespace whose hash has 16 chains.
        ///
        /// There, one dump in a few omits sockets or lists them twice.
        small_hash: bool,
        args: Vec<String>,
    },
}

impl Call {
    /// Parses the arguments. `--small-hash` and `--lives` are accepted at any position.
    fn parse(args: &[String]) -> Result<Call, Usage> {
        let has = |flag: &str| args.iter().any(|arg| arg == flag);
        let rest: Vec<String> =
            args.iter().filter(|arg| *arg != "--small-hash" && *arg != "--lives").cloned().collect();
        if !has("--lives") {
            return Ok(Call::Churn { small_hash: has("--small-hash"), args: rest });
        }
        if has("--small-hash") {
            return Err(Usage("--lives and --small-hash cannot be combined".into()));
        }
        let seconds = match &rest[..] {
            [] => Some(60),
            [option, seconds] if option == "--seconds" => seconds.parse().ok(),
            [option] => option.strip_prefix("--seconds=").and_then(|seconds| seconds.parse().ok()),
            _ => None,
        };
        let seconds = seconds.ok_or_else(|| Usage("--lives accepts no option except --seconds N".into()))?;
        Ok(Call::Lives { seconds })
    }
}

fn lives(sh: &Shell, seconds: u64) -> anyhow::Result<()> {
    const TEST: &str = "life::new_seeds_for_a_given_time";
    if !cfg!(target_os = "linux") {
        return skip("the life test runs on Linux only");
    }
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        println!("not running as root: the histories use the table of this machine and compare only their own sockets");
    }
    let test = ["test", "--locked", "-p", "tcp6", "--test", "suite", "--", "--ignored", "--exact", TEST, "--nocapture"];
    cmd!(sh, "cargo {test...}").env("TCP6_LIVES_SECONDS", seconds.to_string()).run()?;
    Ok(())
}

fn churn(sh: &Shell, small_hash: bool, args: &[String]) -> anyhow::Result<()> {
    // The dev profile checks for arithmetic overflow, and the tests have already compiled the crate with it.
    let soak = ["run", "--locked", "-p", "benches", "--bin", "soak", "--"];
    if !small_hash {
        cmd!(sh, "cargo {soak...} {args...}").run()?;
        return Ok(());
    }
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        return skip("only root can create a network namespace");
    }
    // The namespace has no network for downloads, so the program is built before.
    cmd!(sh, "cargo build --locked -p benches --bin soak").run()?;
    cmd!(sh, "unshare --net sh -ec {IN_A_SMALL_HASH} cargo cargo {soak...} {args...}")
        .run()
        .context("in a network namespace with a small hash")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Call, Usage> {
        Call::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn accepts_small_hash_at_any_position() {
        for line in ["--small-hash --seconds 8", "--seconds 8 --small-hash", "--seconds --small-hash 8"] {
            let args = vec!["--seconds".to_owned(), "8".to_owned()];
            assert_eq!(parse(line).unwrap(), Call::Churn { small_hash: true, args }, "{line}");
        }
        assert_eq!(parse("").unwrap(), Call::Churn { small_hash: false, args: Vec::new() });
    }

    #[test]
    fn lives_accepts_only_seconds() {
        assert_eq!(parse("--lives").unwrap(), Call::Lives { seconds: 60 });
        for line in ["--lives --seconds 8", "--seconds 8 --lives", "--lives --seconds=8"] {
            assert_eq!(parse(line).unwrap(), Call::Lives { seconds: 8 }, "{line}");
        }
        for line in ["--lives --rate 8", "--lives --seconds", "--lives --seconds x", "--lives --small-hash"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
