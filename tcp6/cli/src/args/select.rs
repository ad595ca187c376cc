//! The options that select rows.

use lexopt::prelude::{Long, Short};
use lexopt::{Arg, Parser, ValueExt};
use tcp6::{Query, StateSet};

use super::usage::{Usage, unexpected};
use super::values::{net, parse_states, ports};

/// The text of `--version`.
pub(super) const VERSION: &str = concat!("tcp6 ", env!("CARGO_PKG_VERSION"));

/// The rows to show.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Select {
    pub states: Option<StateSet>,
    /// The conditions on the ends.
    pub ends: Query,
    /// The zones of `--local` and `--remote`: names or indices of interfaces.
    pub local_zone: Option<String>,
    pub remote_zone: Option<String>,
    pub netns: Option<Netns>,
}

/// The value of `--netns`.
#[derive(Debug, PartialEq, Eq)]
pub enum Netns {
    All,
    /// A name, a path or a pid.
    One(String),
}

impl Select {
    pub fn states(&self) -> StateSet {
        self.states.unwrap_or(StateSet::all())
    }

    pub fn query(&self) -> Query {
        self.ends.states(self.states())
    }
}

/// The flags that select states. They and `--state` exclude each other.
#[derive(Default)]
pub(super) struct StateFlags {
    pub(super) listening: bool,
    pub(super) all: bool,
}

impl StateFlags {
    /// Combines the flags with the states of `--state`. `None` selects all states.
    pub(super) fn states(&self, named: Option<StateSet>) -> Result<Option<StateSet>, Usage> {
        match (self.listening, self.all, named) {
            (false, false, states) => Ok(states),
            (true, false, None) => Ok(Some(StateSet::LISTEN)),
            (false, true, None) => Ok(None),
            _ => Err(Usage("--listening, --all and --state are mutually exclusive".to_owned())),
        }
    }
}

/// Checks the options of a command that shows one network namespace.
pub(super) fn one_netns(select: &Select) -> Result<(), Usage> {
    match select.netns {
        Some(Netns::All) => Err(Usage("--netns: expected one network namespace, got \"all\"".to_owned())),
        _ => Ok(()),
    }
}

/// An option that `list`, `watch` and `top` accept.
pub(super) enum CommonOption {
    Help,
    Version,
    State,
    Port,
    LocalPort,
    RemotePort,
    Local,
    Remote,
    NoV4Mapped,
    Netns,
}

impl CommonOption {
    pub(super) fn of(arg: Arg<'_>) -> Result<CommonOption, Usage> {
        Ok(match arg {
            Short('h') | Long("help") => CommonOption::Help,
            Short('V') | Long("version") => CommonOption::Version,
            Long("state") => CommonOption::State,
            Long("port") => CommonOption::Port,
            Long("local-port") => CommonOption::LocalPort,
            Long("remote-port") => CommonOption::RemotePort,
            Long("local") => CommonOption::Local,
            Long("remote") => CommonOption::Remote,
            Long("no-v4-mapped") => CommonOption::NoV4Mapped,
            Long("netns") => CommonOption::Netns,
            other => return Err(unexpected(other)),
        })
    }

    /// Parses the value of the option into `select`.
    ///
    /// Returns the text of `--help` and `--version`, which replace the command.
    pub(super) fn apply(
        self,
        parser: &mut Parser,
        select: &mut Select,
        help: &'static str,
    ) -> Result<Option<&'static str>, Usage> {
        match self {
            CommonOption::Help => return Ok(Some(help)),
            CommonOption::Version => return Ok(Some(VERSION)),
            CommonOption::State => {
                let states = select.states.unwrap_or(StateSet::empty());
                select.states = Some(states | parse_states(&parser.value()?.string()?)?);
            }
            CommonOption::Port => select.ends = select.ends.ports(ports(parser, "--port")?),
            CommonOption::LocalPort => select.ends = select.ends.local_ports(ports(parser, "--local-port")?),
            CommonOption::RemotePort => select.ends = select.ends.remote_ports(ports(parser, "--remote-port")?),
            CommonOption::Local => {
                let (net, zone) = net(parser, "--local")?;
                (select.ends, select.local_zone) = (select.ends.local_net(net), zone);
            }
            CommonOption::Remote => {
                let (net, zone) = net(parser, "--remote")?;
                (select.ends, select.remote_zone) = (select.ends.remote_net(net), zone);
            }
            CommonOption::NoV4Mapped => select.ends = select.ends.without_v4_mapped(),
            CommonOption::Netns => select.netns = Some(netns(parser)?),
        }
        Ok(None)
    }
}

/// Parses `all`, or the name, the path or the pid of a network namespace.
pub(super) fn netns(parser: &mut Parser) -> Result<Netns, Usage> {
    if !cfg!(target_os = "linux") {
        return Err(Usage("--netns: there are network namespaces on Linux only".to_owned()));
    }
    match parser.value()?.string()? {
        name if name.is_empty() => Err(Usage("--netns: missing name".to_owned())),
        name if name == "all" => Ok(Netns::All),
        name => Ok(Netns::One(name)),
    }
}
