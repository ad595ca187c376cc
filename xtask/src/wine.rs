//! `cargo xtask wine`: the workspace as Windows programs, on this machine.
//!
//! Wine's `iphlpapi.dll` is imported and called as Windows' is, fills the same structs, and takes its rows from the
//! sockets of the machine. So the Windows code is tested without a Windows machine.

mod c_program;
mod prefix;

use std::env;

use xshell::Shell;

use self::prefix::Prefix;
use crate::{Usage, debian};

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let Call { wine, verb, args } = Call::parse(args)?;
    let wine = wine.map_or_else(program, str::to_owned);
    let debians_wine = if wine == DEBIANS { prefix::WINE } else { &[] };
    debian::require(&[debian::RUST, prefix::MINGW, debians_wine])?;

    let prefix = Prefix::open(sh, &wine)?;
    let c_program = c_program::compile(sh, &debian::output(sh))?;
    let packages = if names_packages(args) { &[] } else { verb.packages };
    prefix
        .env(debian::cargo(sh, verb.name)?)
        .args(["--target", "x86_64-pc-windows-gnu"])
        .args(packages)
        .args(args)
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", prefix.wine())
        .env(c_program::VARIABLE, c_program)
        .run()?;
    Ok(())
}

/// The Wine on the path.
const DEBIANS: &str = "wine";

/// The Wine that is used unless one is named: `WINE` in the environment, or else Debian's.
pub(crate) fn program() -> String {
    env::var("WINE").unwrap_or_else(|_| DEBIANS.to_owned())
}

/// A subcommand of `cargo`, and the packages that it is about if the arguments name none.
struct Verb {
    name: &'static str,
    packages: &'static [&'static str],
}

const VERBS: &[Verb] = &[
    Verb { name: "test", packages: &["-p", "tcp6-sys", "-p", "tcp6", "-p", "tcp6-cli"] },
    Verb { name: "run", packages: &["-p", "tcp6"] },
    Verb { name: "bench", packages: &["-p", "benches"] },
];

struct Call<'a> {
    wine: Option<&'a str>,
    verb: &'static Verb,
    args: &'a [String],
}

impl<'a> Call<'a> {
    fn parse(args: &'a [String]) -> Result<Call<'a>, Usage> {
        let (wine, args) = match args {
            [option, path, rest @ ..] if option == "--wine" => (Some(&**path), rest),
            _ => (None, args),
        };
        let Some((name, args)) = args.split_first() else {
            return Err(Usage("one of test, run and bench is missing".into()));
        };
        let verb = VERBS
            .iter()
            .find(|verb| verb.name == name)
            .ok_or_else(|| Usage(format!("`{name}` is none of test, run and bench")))?;
        Ok(Call { wine, verb, args })
    }
}

/// Whether `cargo`'s arguments choose packages. What follows `--` is the program's.
fn names_packages(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--workspace" || arg.starts_with("--package") || arg.starts_with("-p"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_wine_comes_before_the_verb_and_the_rest_is_for_cargo() {
        let args = split("--wine /opt/wine run -p tcp6-cli -- list --wine");
        let call = Call::parse(&args).unwrap();
        assert_eq!(call.wine, Some("/opt/wine"));
        assert_eq!(call.verb.name, "run");
        assert_eq!(call.args, split("-p tcp6-cli -- list --wine"));
    }

    #[test]
    fn a_verb_is_one_of_three() {
        assert!(Call::parse(&[]).is_err());
        assert!(Call::parse(&split("--wine")).is_err());
        assert!(Call::parse(&split("clippy")).is_err());
    }

    #[test]
    fn packages_are_named_before_the_dashes_only() {
        for line in ["-p tcp6", "-p tcp6-cli -- list", "-ptcp6", "--package=tcp6", "--lib --workspace"] {
            assert!(names_packages(&split(line)), "{line}");
        }
        for line in ["", "--profile release", "--example netstat6 -- -p"] {
            assert!(!names_packages(&split(line)), "{line}");
        }
    }
}
