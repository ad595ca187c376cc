//! `cargo xtask wine`: the workspace as Windows programs, on this machine.
//!
//! Wine's `iphlpapi.dll` is imported and called as Windows' is, fills the same structs, and takes its rows from the
//! sockets of the machine. So the Windows code is tested without a Windows machine.

mod c_program;
mod msvc;
mod prefix;
mod scripted;
mod target;
pub(crate) mod wow64;

use std::env;

use xshell::Shell;

use self::prefix::Prefix;
use self::target::{TARGETS, Target};
use crate::{Usage, debian};

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let Call { wine, target, scripted, verb, args } = Call::parse(args)?;
    let wine = wine.map_or_else(program, str::to_owned);
    let debians_wine = if wine == DEBIANS { prefix::WINE } else { &[] };
    debian::require(&[debian::RUST, target.packages(), debians_wine])?;

    let prefix = Prefix::open(sh, &wine)?;
    let defaults = if scripted { verb.scripted } else { verb.packages };
    let defaults = if names_packages(args) { &[] } else { defaults };
    let profile = profile(args, verb);
    // The C program is in the folder of the Rust programs, next to the scripted library.
    let programs = debian::output(sh).join("build").join(target.triple).join(profile);
    sh.create_dir(&programs)?;
    let c_program = c_program::compile(sh, target, &programs)?;
    let mut cargo = prefix
        .env(target.configure(sh, debian::cargo(sh, verb.name)?)?)
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

/// The folder of cargo's output that the programs go to.
fn profile<'a>(args: &'a [String], verb: &Verb) -> &'a str {
    let mut own = args.iter().map(String::as_str).take_while(|arg| *arg != "--");
    while let Some(arg) = own.next() {
        match arg {
            "--release" | "-r" => return "release",
            "--profile" => return own.next().map_or("debug", folder_of),
            _ => {
                if let Some(profile) = arg.strip_prefix("--profile=") {
                    return folder_of(profile);
                }
            }
        }
    }
    if verb.name == "bench" { "release" } else { "debug" }
}

/// The profiles that cargo defines share two folders. Others have their own.
fn folder_of(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

/// The Wine on the path.
const DEBIANS: &str = "wine";

/// The Wine that is used unless one is named: `WINE` in the environment, or else Debian's.
pub(crate) fn program() -> String {
    env::var("WINE").unwrap_or_else(|_| DEBIANS.to_owned())
}

/// A subcommand of `cargo`, and what it is about if the arguments name no package: in general, and with a script.
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
                        Usage(format!("`{triple}` is none of {}", triples.join(", ")))
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
            return Err(Usage("one of test, run and bench is missing".into()));
        };
        let verb = VERBS
            .iter()
            .find(|verb| verb.name == name)
            .ok_or_else(|| Usage(format!("`{name}` is none of test, run and bench")))?;
        Ok(Call { wine, target, scripted, verb, args })
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
    fn options_come_in_any_order() {
        let args = split("--scripted --target i686-pc-windows-gnu --wine w test --release modules");
        let call = Call::parse(&args).unwrap();
        assert!(call.scripted);
        assert_eq!((call.target.triple, call.wine, call.verb.name), ("i686-pc-windows-gnu", Some("w"), "test"));
        assert_eq!(call.args, split("--release modules"));
        assert!(Call::parse(&split("--target x86_64-unknown-linux-gnu test")).is_err());
    }

    #[test]
    fn the_folder_of_the_programs_is_that_of_the_profile() {
        let folder = |line: &str, verb: usize| profile(&split(line), &VERBS[verb]).to_owned();
        assert_eq!(folder("", 0), "debug");
        assert_eq!(folder("-- --release", 0), "debug");
        assert_eq!(folder("--release", 1), "release");
        assert_eq!(folder("--profile test", 0), "debug");
        assert_eq!(folder("--profile=small", 1), "small");
        assert_eq!(folder("", 2), "release");
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
