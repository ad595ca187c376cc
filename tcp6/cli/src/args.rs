//! Command-line parsing.

mod select;
#[cfg(test)]
mod tests;
mod usage;
mod values;

use std::ffi::OsString;
use std::time::Duration;

use lexopt::Parser;
use lexopt::prelude::{Long, Short};

use self::select::{CommonOption, StateFlags, VERSION, one_netns};
pub use self::select::{Netns, Select};
pub use self::usage::Usage;
use self::usage::unexpected;
use self::values::{count, interval};
use crate::list::Detail;

const HELP: &str = include_str!("help/tcp6.txt");
const LIST_HELP: &str = include_str!("help/list.txt");
const WATCH_HELP: &str = include_str!("help/watch.txt");
const STATS_HELP: &str = include_str!("help/stats.txt");
const TOP_HELP: &str = include_str!("help/top.txt");

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    List(List),
    Watch(Watch),
    Stats(Stats),
    Top(Top),
    /// Prints the help or the version.
    Print(&'static str),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct List {
    pub select: Select,
    pub json: bool,
    pub processes: bool,
    pub detail: Detail,
    pub names: bool,
    pub unsorted: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Watch {
    pub select: Select,
    pub json: bool,
    pub initial: bool,
    /// Whether short connections are shown.
    pub events: bool,
    pub interval: Duration,
    pub count: Option<u64>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            select: Select::default(),
            json: false,
            initial: false,
            events: true,
            interval: Duration::from_secs(1),
            count: None,
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub json: bool,
    pub interval: Option<Duration>,
    pub count: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Top {
    pub select: Select,
    pub json: bool,
    pub processes: bool,
    pub interval: Duration,
    pub count: Option<u64>,
}

impl Default for Top {
    fn default() -> Top {
        Top { select: Select::default(), json: false, processes: false, interval: Duration::from_secs(1), count: None }
    }
}

/// Parses the arguments after the program name. The default command is `list`.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let mut args = args.into_iter().peekable();
    match args.peek().and_then(|first| first.to_str()) {
        Some("top") => top(&mut Parser::from_args(args.skip(1))),
        Some("watch") => watch(&mut Parser::from_args(args.skip(1))),
        Some("stats") => stats(&mut Parser::from_args(args.skip(1))),
        Some("list") => list(&mut Parser::from_args(args.skip(1)), LIST_HELP),
        _ => list(&mut Parser::from_args(args), HELP),
    }
}

fn list(parser: &mut Parser, help: &'static str) -> Result<Command, Usage> {
    let mut options = List::default();
    let mut flags = StateFlags::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('l') | Long("listening") => flags.listening = true,
            Short('p') | Long("processes") => options.processes = true,
            Long("queues") if options.detail == Detail::All => {}
            Long("queues") => options.detail = Detail::Queues,
            Long("stats") => options.detail = Detail::All,
            Long("names") if cfg!(target_os = "linux") => options.names = true,
            Long("names") => return Err(Usage("--names: interfaces have names on Linux only".to_owned())),
            Long("unsorted") => options.unsorted = true,
            Short('j') | Long("json") => options.json = true,
            // Always in effect. Accepted because users of ss type `ss -tanp`.
            Short('6' | 't' | 'n') | Long("ipv6" | "tcp" | "numeric") => {}
            Short('a') | Long("all") => flags.all = true,
            arg => {
                if let Some(text) = CommonOption::of(arg)?.apply(parser, &mut options.select, help)? {
                    return Ok(Command::Print(text));
                }
            }
        }
    }
    options.select.states = flags.states(options.select.states)?;
    Ok(Command::List(options))
}

fn watch(parser: &mut Parser) -> Result<Command, Usage> {
    let mut options = Watch::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('j') | Long("json") => options.json = true,
            Long("initial") => options.initial = true,
            Long("no-events") => options.events = false,
            Long("interval") => options.interval = interval(parser)?,
            Long("count") => options.count = Some(count(parser)?),
            arg => {
                if let Some(text) = CommonOption::of(arg)?.apply(parser, &mut options.select, WATCH_HELP)? {
                    return Ok(Command::Print(text));
                }
            }
        }
    }
    one_netns(&options.select)?;
    if !options.json && (options.initial || options.count.is_some()) {
        return Err(Usage("--initial and --count require --json".to_owned()));
    }
    Ok(Command::Watch(options))
}

fn stats(parser: &mut Parser) -> Result<Command, Usage> {
    let mut options = Stats::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('j') | Long("json") => options.json = true,
            Long("interval") => options.interval = Some(interval(parser)?),
            Long("count") => options.count = Some(count(parser)?),
            Short('h') | Long("help") => return Ok(Command::Print(STATS_HELP)),
            Short('V') | Long("version") => return Ok(Command::Print(VERSION)),
            arg => return Err(unexpected(arg)),
        }
    }
    if options.count.is_some() && options.interval.is_none() {
        return Err(Usage("--count requires --interval".to_owned()));
    }
    Ok(Command::Stats(options))
}

fn top(parser: &mut Parser) -> Result<Command, Usage> {
    let mut options = Top::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('j') | Long("json") => options.json = true,
            Short('p') | Long("processes") => options.processes = true,
            Long("interval") => options.interval = interval(parser)?,
            Long("count") => options.count = Some(count(parser)?),
            arg => {
                if let Some(text) = CommonOption::of(arg)?.apply(parser, &mut options.select, TOP_HELP)? {
                    return Ok(Command::Print(text));
                }
            }
        }
    }
    one_netns(&options.select)?;
    if !options.json && options.count.is_some() {
        return Err(Usage("--count requires --json".to_owned()));
    }
    Ok(Command::Top(options))
}
