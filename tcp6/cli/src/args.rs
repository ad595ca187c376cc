//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value};
use lexopt::{Arg, Parser, ValueExt};
use tcp6::StateSet;

const HELP: &str = include_str!("help/tcp6.txt");
const LIST_HELP: &str = include_str!("help/list.txt");
const WATCH_HELP: &str = include_str!("help/watch.txt");

const VERSION: &str = concat!("tcp6 ", env!("CARGO_PKG_VERSION"));

const MAX_INTERVAL_MS: u64 = 86_400_000;

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    List(List),
    Watch(Watch),
    /// Help or version.
    Print(&'static str),
}

/// Which rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Select {
    pub states: Option<StateSet>,
    pub port: Option<u16>,
}

impl Select {
    pub fn states(&self) -> StateSet {
        self.states.unwrap_or(StateSet::all())
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct List {
    pub select: Select,
    pub json: bool,
    pub processes: bool,
    pub unsorted: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Watch {
    pub select: Select,
    pub json: bool,
    pub initial: bool,
    pub interval: Duration,
    pub count: Option<u64>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { select: Select::default(), json: false, initial: false, interval: Duration::from_secs(1), count: None }
    }
}

/// A command line that is refused, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nTry `tcp6 --help`.", self.0)
    }
}

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Usage {
        Usage(error.to_string())
    }
}

/// Reads the arguments after the program's name. Without a command the command is `list`.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let mut args = args.into_iter().peekable();
    match args.peek().and_then(|first| first.to_str()) {
        Some("watch") => watch(&mut Parser::from_args(args.skip(1))),
        Some("list") => list(&mut Parser::from_args(args.skip(1)), LIST_HELP),
        _ => list(&mut Parser::from_args(args), HELP),
    }
}

fn list(parser: &mut Parser, help: &'static str) -> Result<Command, Usage> {
    let mut options = List::default();
    let mut chosen = Chosen::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('l') | Long("listening") => chosen.listening = true,
            Short('p') | Long("processes") => options.processes = true,
            Long("unsorted") => options.unsorted = true,
            Short('j') | Long("json") => options.json = true,
            // Always so. Accepted because hands type `ss -tanp`.
            Short('6' | 't' | 'n') | Long("ipv6" | "tcp" | "numeric") => {}
            Short('a') | Long("all") => chosen.all = true,
            arg => {
                if let Some(command) = Shared::of(arg)?.apply(parser, &mut options.select, help)? {
                    return Ok(command);
                }
            }
        }
    }
    options.select.states = chosen.states(options.select.states)?;
    Ok(Command::List(options))
}

/// The options that choose states. Each excludes the others.
#[derive(Default)]
struct Chosen {
    listening: bool,
    all: bool,
}

impl Chosen {
    fn states(&self, named: Option<StateSet>) -> Result<Option<StateSet>, Usage> {
        match (self.listening, self.all, named) {
            (false, false, states) => Ok(states),
            (true, false, None) => Ok(Some(StateSet::LISTEN)),
            (false, true, None) => Ok(None),
            _ => Err(Usage("only one of --listening, --all and --state can be given".to_owned())),
        }
    }
}

fn watch(parser: &mut Parser) -> Result<Command, Usage> {
    let mut options = Watch::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('j') | Long("json") => options.json = true,
            Long("initial") => options.initial = true,
            Long("interval") => {
                options.interval = Duration::from_millis(number(parser, "--interval", 1, MAX_INTERVAL_MS)?);
            }
            Long("count") => options.count = Some(number(parser, "--count", 1, u64::MAX)?),
            arg => {
                if let Some(command) = Shared::of(arg)?.apply(parser, &mut options.select, WATCH_HELP)? {
                    return Ok(command);
                }
            }
        }
    }
    if !options.json && (options.initial || options.count.is_some()) {
        return Err(Usage("--initial and --count need --json".to_owned()));
    }
    Ok(Command::Watch(options))
}

/// An option of both commands.
enum Shared {
    Help,
    Version,
    State,
    Port,
}

impl Shared {
    fn of(arg: Arg<'_>) -> Result<Shared, Usage> {
        Ok(match arg {
            Short('h') | Long("help") => Shared::Help,
            Short('V') | Long("version") => Shared::Version,
            Long("state") => Shared::State,
            Long("port") => Shared::Port,
            Value(value) => return Err(Usage(format!("unexpected argument {value:?}"))),
            other => return Err(other.unexpected().into()),
        })
    }

    /// Reads the value of the option. Help and version are commands of their own.
    fn apply(self, parser: &mut Parser, select: &mut Select, help: &'static str) -> Result<Option<Command>, Usage> {
        match self {
            Shared::Help => return Ok(Some(Command::Print(help))),
            Shared::Version => return Ok(Some(Command::Print(VERSION))),
            Shared::State => {
                let states = select.states.unwrap_or(StateSet::empty());
                select.states = Some(states | parse_states(&parser.value()?.string()?)?);
            }
            Shared::Port => select.port = Some(number(parser, "--port", 0, u16::MAX)?),
        }
        Ok(None)
    }
}

/// States by name. A set without states would select nothing.
fn parse_states(text: &str) -> Result<StateSet, Usage> {
    match text.parse::<StateSet>() {
        Ok(states) if states.is_empty() => Err(Usage("--state: the name of a state is missing".to_owned())),
        Ok(states) => Ok(states),
        Err(error) => Err(Usage(format!("--state: {error}"))),
    }
}

/// A decimal number without a sign, within these bounds.
fn number<T>(parser: &mut Parser, option: &str, least: T, most: T) -> Result<T, Usage>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let text = parser.value()?.string()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && (&least..=&most).contains(&number));
    number.ok_or_else(|| Usage(format!("{option}: {text:?} is not a number from {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Usage> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn listed(line: &str) -> List {
        match parsed(line) {
            Ok(Command::List(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn list_is_the_default_and_takes_the_short_options_of_ss() {
        assert_eq!(listed(""), List::default());
        assert_eq!(listed("list -tan6"), List::default());
        let listeners = Select { states: Some(StateSet::LISTEN), port: None };
        assert_eq!(listed("-tlnp"), List { select: listeners, processes: true, ..List::default() });
        assert_eq!(listed("-l -p -n"), listed("list --listening --processes --numeric"));
    }

    #[test]
    fn states_may_be_repeated_and_separated_by_commas() {
        let states = |line: &str| listed(line).select.states;
        assert_eq!(states("--state listen"), Some(StateSet::LISTEN));
        let three = StateSet::LISTEN | StateSet::ESTABLISHED | StateSet::TIME_WAIT;
        assert_eq!(states("--state LISTEN,ESTAB --state=TimeWait"), Some(three));
        assert_eq!(states("--state other"), Some(StateSet::OTHER));
    }

    #[test]
    fn watch_has_its_own_options() {
        let select = Select { states: Some(StateSet::SYN_RECEIVED), port: Some(80) };
        let expected = Watch { select, json: true, initial: true, interval: Duration::from_millis(20), count: Some(3) };
        let line = "watch --json --initial --interval 20 --count 3 --state SYN_RCVD --port 80";
        assert_eq!(parsed(line), Ok(Command::Watch(expected)));
        assert_eq!(parsed("watch"), Ok(Command::Watch(Watch::default())));
    }

    #[test]
    fn anything_else_is_an_error() {
        for line in [
            "--state LISTENINGG",
            "--state +2",
            "--state 77",
            "--state 2",
            "--state ,",
            "--state LISTEN,",
            "--state",
            "-l --state ESTAB",
            "-l -a",
            "--port 65536",
            "--port +80",
            "--port",
            "--nonsense",
            "-x",
            "extra",
            "list extra",
            "list watch",
            "--json=yes",
            "watch --count 3",
            "watch --initial",
            "watch --json --count 0",
            "watch --json --interval 0",
            "watch --json --interval 86400001",
            "watch --json --interval 18446744073709551615",
            "watch -p",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(parse(["--state".into(), OsString::new()]).is_err());
        assert!(parse(["--state".into(), " ".into()]).is_err());
        assert!(parse([OsString::new()]).is_err());
    }

    #[test]
    fn help_and_version_are_printed() {
        assert_eq!(parsed("-V"), Ok(Command::Print(VERSION)));
        assert_eq!(parsed("watch --version"), Ok(Command::Print(VERSION)));
        assert_eq!(parsed("--help"), Ok(Command::Print(HELP)));
        assert_eq!(parsed("list -h"), Ok(Command::Print(LIST_HELP)));
        assert_eq!(parsed("watch --help"), Ok(Command::Print(WATCH_HELP)));
    }

    #[test]
    fn every_option_in_the_help_exists() {
        for (command, help) in [("list", LIST_HELP), ("watch", WATCH_HELP)] {
            let words = help.split(|c: char| c.is_whitespace() || ",=`():".contains(c));
            let options: Vec<&str> = words.filter(|word| word.starts_with('-') && word.len() > 1).collect();
            assert!(options.len() >= 6, "{options:?}");
            for option in options {
                if let Err(Usage(error)) = parsed(&format!("{command} {option}")) {
                    assert!(!error.contains("invalid option"), "{command} {option}: {error}");
                }
            }
        }
    }

    #[test]
    fn help_fits_80_columns() {
        for line in [HELP, LIST_HELP, WATCH_HELP].iter().flat_map(|help| help.lines()) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
