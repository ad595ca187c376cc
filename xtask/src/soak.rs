//! `cargo xtask soak`: the crate on a machine whose table does not stand still.
//!
//! The soak is a program of the benches, which Wine runs as well: `cargo xtask wine run -p benches --bin soak -- --lenient`. With
//! `--lives` it is the life test instead, with new seeds until the time is over.

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::{Usage, skip};

/// A namespace has a hash of the size that the one before says. By default half as many sockets can be in TIME-WAIT as it
/// has chains; the others end without that state.
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
    /// The life test.
    Lives { seconds: u64 },
    /// The example, with these arguments.
    Churn {
        /// In a network namespace of its own, whose hash has 16 chains: there one dump of a few passes over sockets, or
        /// lists them twice.
        small_hash: bool,
        args: Vec<String>,
    },
}

impl Call {
    /// The flags may stand anywhere.
    fn parse(args: &[String]) -> Result<Call, Usage> {
        let has = |flag: &str| args.iter().any(|arg| arg == flag);
        let rest: Vec<String> =
            args.iter().filter(|arg| *arg != "--small-hash" && *arg != "--lives").cloned().collect();
        if !has("--lives") {
            return Ok(Call::Churn { small_hash: has("--small-hash"), args: rest });
        }
        if has("--small-hash") {
            return Err(Usage("--lives and --small-hash exclude each other".into()));
        }
        let seconds = match &rest[..] {
            [] => Some(60),
            [option, seconds] if option == "--seconds" => seconds.parse().ok(),
            [option] => option.strip_prefix("--seconds=").and_then(|seconds| seconds.parse().ok()),
            _ => None,
        };
        let seconds = seconds.ok_or_else(|| Usage("--lives takes --seconds N and no other option".into()))?;
        Ok(Call::Lives { seconds })
    }
}

fn lives(sh: &Shell, seconds: u64) -> anyhow::Result<()> {
    const TEST: &str = "life::new_seeds_for_a_given_time";
    if !cfg!(target_os = "linux") {
        return skip("the life test is for Linux");
    }
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        println!("without root the histories share this machine's table: only sockets of their own are compared");
    }
    let test = ["test", "--locked", "-p", "tcp6", "--test", "suite", "--", "--ignored", "--exact", TEST, "--nocapture"];
    cmd!(sh, "cargo {test...}").env("TCP6_LIVES_SECONDS", seconds.to_string()).run()?;
    Ok(())
}

fn churn(sh: &Shell, small_hash: bool, args: &[String]) -> anyhow::Result<()> {
    // Not optimized: so sums are checked for overflow, and the tests have compiled all of it already.
    let soak = ["run", "--locked", "-p", "benches", "--bin", "soak", "--"];
    if !small_hash {
        cmd!(sh, "cargo {soak...} {args...}").run()?;
        return Ok(());
    }
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        return skip("only root can have a network namespace of its own");
    }
    // From there nothing could be downloaded.
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
    fn the_small_hash_may_be_asked_for_anywhere() {
        for line in ["--small-hash --seconds 8", "--seconds 8 --small-hash", "--seconds --small-hash 8"] {
            let args = vec!["--seconds".to_owned(), "8".to_owned()];
            assert_eq!(parse(line).unwrap(), Call::Churn { small_hash: true, args }, "{line}");
        }
        assert_eq!(parse("").unwrap(), Call::Churn { small_hash: false, args: Vec::new() });
    }

    #[test]
    fn lives_take_a_time_and_nothing_else() {
        assert_eq!(parse("--lives").unwrap(), Call::Lives { seconds: 60 });
        for line in ["--lives --seconds 8", "--seconds 8 --lives", "--lives --seconds=8"] {
            assert_eq!(parse(line).unwrap(), Call::Lives { seconds: 8 }, "{line}");
        }
        for line in ["--lives --rate 8", "--lives --seconds", "--lives --seconds x", "--lives --small-hash"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
