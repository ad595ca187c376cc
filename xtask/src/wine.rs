//! `cargo xtask wine`: builds the workspace for Windows and runs it under Wine.
//!
//! Wine's `iphlpapi.dll` has the same imports and structures as that of Windows and lists the sockets of this machine,
//! so the Windows code is tested without a Windows machine.

mod c_program;
mod msvc;
mod prefix;
mod scripted;
mod target;
pub(crate) mod wow64;

use std::env;

use xshell::{Cmd, Shell};

use self::prefix::Prefix;
use self::target::{TARGETS, Target};
use crate::{Usage, debian};

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let Call { wine, target, scripted, verb, args } = Call::parse(args)?;
    let wine = wine.map_or_else(program, str::to_owned);
    let wine_packages = if wine == DEFAULT_WINE { prefix::WINE } else { &[] };
    debian::require(&[debian::RUST, target.packages(), wine_packages])?;

    let prefix = Prefix::open(sh, &wine)?;
    let defaults = if scripted { verb.scripted } else { verb.packages };
    let defaults = if names_packages(args) { &[] } else { defaults };
    let profile = profile_directory(args, verb);
    // The C program is next to the Rust programs, in the directory that also has the scripted library.
    let programs = debian::output(sh).join("build").join(target.triple).join(profile);
    sh.create_dir(&programs)?;
    let c_program = c_program::compile(sh, target, &programs)?;
    let mut cargo = prefix
        .env(share_builds(target.configure(sh, debian::cargo(sh, verb.name)?)?))
        .args(defaults)
        .args(args)
        .env(target.variable("RUNNER"), prefix.wine())
        .env(c_program::VARIABLE, c_program);
    if scripted {
        scripted::place(sh, target, profile)?;
        cargo = scripted::override_wine(cargo, prefix::OVERRIDES)?;
    }
    cargo.run()?;
    Ok(())
}

/// Makes runs with other packages and programs share what they compile.
///
/// Without unification, each set of packages has its own features of `windows-sys`, and all crates that depend on it are
/// compiled again. Debug information is left out: a panic names its line without it, and less is compiled and linked.
fn share_builds(cargo: Cmd<'_>) -> Cmd<'_> {
    cargo
        .arg("-Zfeature-unification")
        .env("CARGO_RESOLVER_FEATURE_UNIFICATION", "workspace")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
}

/// Returns the directory of cargo's output in which the programs are.
fn profile_directory<'a>(args: &'a [String], verb: &Verb) -> &'a str {
    let mut own = args.iter().map(String::as_str).take_while(|arg| *arg != "--");
    while let Some(arg) = own.next() {
        match arg {
            "--release" | "-r" => return "release",
            "--profile" => return own.next().map_or("debug", directory_of),
            _ => {
                if let Some(profile) = arg.strip_prefix("--profile=") {
                    return directory_of(profile);
                }
            }
        }
    }
    if verb.name == "bench" { "release" } else { "debug" }
}

/// Returns the directory of a profile. Cargo's four built-in profiles share two directories.
fn directory_of(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

/// The Wine on `PATH`.
const DEFAULT_WINE: &str = "wine";

/// Returns the Wine to use without `--wine`: the environment variable `WINE`, or the one on `PATH`.
pub(crate) fn program() -> String {
    env::var("WINE").unwrap_or_else(|_| DEFAULT_WINE.to_owned())
}

/// A subcommand of `cargo`, and its default arguments without and with `--scripted`.
struct Verb {
    name: &'static str,
    packages: &'static [&'static str],
    scripted: &'static [&'static str],
}

const VERBS: &[Verb] = &[
    Verb {
        name: "test",
        packages: &["-p", "tcp6-sys", "-p", "tcp6", "-p", "tcp6-cli"],
        scripted: &["-p", "tcp6", "-p", "tcp6-cli", "--test", "scripted"],
    },
    Verb { name: "run", packages: &["-p", "tcp6"], scripted: &["-p", "tcp6-cli"] },
    Verb { name: "bench", packages: &["-p", "benches"], scripted: &["-p", "benches"] },
];

struct Call<'a> {
    wine: Option<&'a str>,
    target: &'static Target,
    scripted: bool,
    verb: &'static Verb,
    args: &'a [String],
}

impl<'a> Call<'a> {
    fn parse(mut args: &'a [String]) -> Result<Call<'a>, Usage> {
        let (mut wine, mut target, mut scripted) = (None, &TARGETS[0], false);
        loop {
            args = match args {
                [option, path, rest @ ..] if option == "--wine" => {
                    wine = Some(&**path);
                    rest
                }
                [option, triple, rest @ ..] if option == "--target" => {
                    target = Target::find(triple).ok_or_else(|| {
                        let triples: Vec<&str> = TARGETS.iter().map(|target| target.triple).collect();
                        Usage(format!("`{triple}` is not one of {}", triples.join(", ")))
                    })?;
                    rest
                }
                [option, rest @ ..] if option == "--scripted" => {
                    scripted = true;
                    rest
                }
                _ => break,
            }
        }
        let Some((name, args)) = args.split_first() else {
            return Err(Usage("expected one of test, run, bench".into()));
        };
        let verb = VERBS
            .iter()
            .find(|verb| verb.name == name)
            .ok_or_else(|| Usage(format!("`{name}` is not one of test, run, bench")))?;
        Ok(Call { wine, target, scripted, verb, args })
    }
}

/// Returns whether the arguments of `cargo` select packages.
///
/// Arguments after `--` belong to the program.
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
    fn wine_option_precedes_the_verb_and_the_rest_is_for_cargo() {
        let args = split("--wine /opt/wine run -p tcp6-cli -- list --wine");
        let call = Call::parse(&args).unwrap();
        assert_eq!(call.wine, Some("/opt/wine"));
        assert_eq!(call.verb.name, "run");
        assert_eq!(call.args, split("-p tcp6-cli -- list --wine"));
    }

    #[test]
    fn options_are_accepted_in_any_order() {
        let args = split("--scripted --target i686-pc-windows-gnu --wine w test --release modules");
        let call = Call::parse(&args).unwrap();
        assert!(call.scripted);
        assert_eq!((call.target.triple, call.wine, call.verb.name), ("i686-pc-windows-gnu", Some("w"), "test"));
        assert_eq!(call.args, split("--release modules"));
        assert!(Call::parse(&split("--target x86_64-unknown-linux-gnu test")).is_err());
    }

    #[test]
    fn profile_directory_follows_the_profile_options() {
        let directory = |line: &str, verb: usize| profile_directory(&split(line), &VERBS[verb]).to_owned();
        assert_eq!(directory("", 0), "debug");
        assert_eq!(directory("-- --release", 0), "debug");
        assert_eq!(directory("--release", 1), "release");
        assert_eq!(directory("--profile test", 0), "debug");
        assert_eq!(directory("--profile=small", 1), "small");
        assert_eq!(directory("", 2), "release");
    }

    #[test]
    fn missing_or_unknown_verb_is_an_error() {
        assert!(Call::parse(&[]).is_err());
        assert!(Call::parse(&split("--wine")).is_err());
        assert!(Call::parse(&split("clippy")).is_err());
    }

    #[test]
    fn package_options_after_double_dash_are_ignored() {
        for line in ["-p tcp6", "-p tcp6-cli -- list", "-ptcp6", "--package=tcp6", "--lib --workspace"] {
            assert!(names_packages(&split(line)), "{line}");
        }
        for line in ["", "--profile release", "--example netstat6 -- -p"] {
            assert!(!names_packages(&split(line)), "{line}");
        }
    }
}
