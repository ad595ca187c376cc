//! Command-line parsing.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Arg, Parser, ValueExt};
use tcp6::{Ipv6Net, PortSet, Query, StateSet};

use crate::list::Detail;

const HELP: &str = include_str!("help/tcp6.txt");
const LIST_HELP: &str = include_str!("help/list.txt");
const WATCH_HELP: &str = include_str!("help/watch.txt");
const STATS_HELP: &str = include_str!("help/stats.txt");
const TOP_HELP: &str = include_str!("help/top.txt");

const VERSION: &str = concat!("tcp6 ", env!("CARGO_PKG_VERSION"));

const MAX_INTERVAL_MS: u64 = 86_400_000;

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    List(List),
    Watch(Watch),
    Stats(Stats),
    Top(Top),
    /// Prints the help or the version.
    Print(&'static str),
}

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

/// The error for an invalid command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nTry `tcp6 --help` for more information.", self.0)
    }
}

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Usage {
        Usage(error.to_string())
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
                if let Some(command) = CommonOption::of(arg)?.apply(parser, &mut options.select, help)? {
                    return Ok(command);
                }
            }
        }
    }
    options.select.states = flags.states(options.select.states)?;
    Ok(Command::List(options))
}

/// The flags that select states. They and `--state` exclude each other.
#[derive(Default)]
struct StateFlags {
    listening: bool,
    all: bool,
}

impl StateFlags {
    /// Combines the flags with the states of `--state`. `None` selects all states.
    fn states(&self, named: Option<StateSet>) -> Result<Option<StateSet>, Usage> {
        match (self.listening, self.all, named) {
            (false, false, states) => Ok(states),
            (true, false, None) => Ok(Some(StateSet::LISTEN)),
            (false, true, None) => Ok(None),
            _ => Err(Usage("--listening, --all and --state are mutually exclusive".to_owned())),
        }
    }
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
                if let Some(command) = CommonOption::of(arg)?.apply(parser, &mut options.select, WATCH_HELP)? {
                    return Ok(command);
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
                if let Some(command) = CommonOption::of(arg)?.apply(parser, &mut options.select, TOP_HELP)? {
                    return Ok(command);
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

/// Checks the options of a command that shows one network namespace.
fn one_netns(select: &Select) -> Result<(), Usage> {
    match select.netns {
        Some(Netns::All) => Err(Usage("--netns: expected one network namespace, got \"all\"".to_owned())),
        _ => Ok(()),
    }
}

fn interval(parser: &mut Parser) -> Result<Duration, Usage> {
    number(parser, "--interval", 1, MAX_INTERVAL_MS).map(Duration::from_millis)
}

fn count(parser: &mut Parser) -> Result<u64, Usage> {
    number(parser, "--count", 1, u64::MAX)
}

fn unexpected(arg: Arg<'_>) -> Usage {
    match arg {
        Value(value) => Usage(format!("unexpected argument {value:?}")),
        other => other.unexpected().into(),
    }
}

/// An option that `list`, `watch` and `top` accept.
enum CommonOption {
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
    fn of(arg: Arg<'_>) -> Result<CommonOption, Usage> {
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

    /// Parses the value of the option into `select`. `--help` and `--version` replace the command.
    fn apply(self, parser: &mut Parser, select: &mut Select, help: &'static str) -> Result<Option<Command>, Usage> {
        match self {
            CommonOption::Help => return Ok(Some(Command::Print(help))),
            CommonOption::Version => return Ok(Some(Command::Print(VERSION))),
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

/// Parses state names separated by commas.
///
/// An empty set is an error, because it would select nothing.
fn parse_states(text: &str) -> Result<StateSet, Usage> {
    match text.parse::<StateSet>() {
        Ok(states) if states.is_empty() => Err(Usage("--state: missing state name".to_owned())),
        Ok(states) => Ok(states),
        Err(error) => Err(Usage(format!("--state: {error}"))),
    }
}

/// Parses ports separated by commas.
fn ports(parser: &mut Parser, option: &str) -> Result<PortSet, Usage> {
    let text = parser.value()?.string()?;
    let ports: Vec<u16> =
        text.split(',').map(|port| parse_number(port, option, 0, u16::MAX)).collect::<Result<_, _>>()?;
    PortSet::new(ports).map_err(|error| Usage(format!("{option}: {error}")))
}

/// Parses `all`, or the name, the path or the pid of a network namespace.
fn netns(parser: &mut Parser) -> Result<Netns, Usage> {
    if !cfg!(target_os = "linux") {
        return Err(Usage("--netns: there are network namespaces on Linux only".to_owned()));
    }
    match parser.value()?.string()? {
        name if name.is_empty() => Err(Usage("--netns: missing name".to_owned())),
        name if name == "all" => Ok(Netns::All),
        name => Ok(Netns::One(name)),
    }
}

/// Parses an address or a network, and the zone of a link-local one: `fe80::1%eth0`, `fe80::%2/64`.
///
/// IPv4 stands for v4-mapped IPv6 addresses.
fn net(parser: &mut Parser, option: &str) -> Result<(Ipv6Net, Option<String>), Usage> {
    let text = parser.value()?.string()?;
    let (address, zone) = match text.split_once('%') {
        Some((address, rest)) => {
            let (zone, length) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            (format!("{address}{length}"), Some(zone.to_owned()))
        }
        None => (text.clone(), None),
    };
    let net = address.parse::<IpNet>().ok().or_else(|| Some(address.parse::<IpAddr>().ok()?.into()));
    match (net, zone) {
        (Some(IpNet::V6(net)), None) => Ok((net, None)),
        (Some(IpNet::V6(net)), Some(zone)) if has_zones(&net) && !zone.is_empty() => Ok((net, Some(zone))),
        (Some(_), Some(_)) => Err(Usage(format!(
            "{option}: expected a link-local address before '%' and an interface after it, got {text:?}"
        ))),
        (Some(IpNet::V4(net)), None) => Ipv6Net::new(net.addr().to_ipv6_mapped(), 96 + net.prefix_len())
            .map(|net| (net, None))
            .map_err(|error| Usage(format!("{option}: {error}"))),
        (None, _) => {
            Err(Usage(format!("{option}: expected an address or a network such as 2001:db8::/32, got {text:?}")))
        }
    }
}

/// Whether the addresses of the network are valid on one link only.
fn has_zones(net: &Ipv6Net) -> bool {
    let is_local_multicast = net.addr().is_multicast() && matches!(net.addr().octets()[1] & 0xF, 1 | 2);
    net.prefix_len() >= 10 && net.addr().is_unicast_link_local() || net.prefix_len() >= 16 && is_local_multicast
}

/// Parses the value of an option as an unsigned decimal number from `min` to `max`.
fn number<T>(parser: &mut Parser, option: &str, min: T, max: T) -> Result<T, Usage>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    parse_number(&parser.value()?.string()?, option, min, max)
}

fn parse_number<T>(text: &str, option: &str, min: T, max: T) -> Result<T, Usage>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && (&min..=&max).contains(&number));
    number.ok_or_else(|| Usage(format!("{option}: expected a number from {min} to {max}, got {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Usage> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn list_options(line: &str) -> List {
        match parsed(line) {
            Ok(Command::List(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn list_is_the_default_and_accepts_short_options_of_ss() {
        assert_eq!(list_options(""), List::default());
        assert_eq!(list_options("list -tan6"), List::default());
        let listeners = Select { states: Some(StateSet::LISTEN), ..Select::default() };
        assert_eq!(list_options("-tlnp"), List { select: listeners, processes: true, ..List::default() });
        assert_eq!(list_options("-l -p -n"), list_options("list --listening --processes --numeric"));
    }

    #[test]
    fn state_is_repeatable_and_takes_a_list() {
        let states = |line: &str| list_options(line).select.states;
        assert_eq!(states("--state listen"), Some(StateSet::LISTEN));
        let three = StateSet::LISTEN | StateSet::ESTABLISHED | StateSet::TIME_WAIT;
        assert_eq!(states("--state LISTEN,ESTAB --state=TimeWait"), Some(three));
        assert_eq!(states("--state other"), Some(StateSet::OTHER));
    }

    #[test]
    fn watch_has_its_own_options() {
        let select = Select { states: Some(StateSet::SYN_RECEIVED), ends: Query::all().port(80), ..Select::default() };
        let interval = Duration::from_millis(20);
        let expected = Watch { select, json: true, initial: true, events: true, interval, count: Some(3) };
        let line = "watch --json --initial --interval 20 --count 3 --state SYN_RCVD --port 80";
        assert_eq!(parsed(line), Ok(Command::Watch(expected)));
        assert_eq!(parsed("watch"), Ok(Command::Watch(Watch::default())));
    }

    #[test]
    fn stats_include_queues_in_any_order() {
        let detail = |line: &str| list_options(line).detail;
        assert_eq!(detail("-p"), Detail::None);
        assert_eq!(detail("--queues"), Detail::Queues);
        for line in ["--stats", "--stats --queues", "list --queues --stats"] {
            assert_eq!(detail(line), Detail::All, "{line}");
        }
    }

    #[test]
    fn top_has_its_own_options() {
        let select =
            Select { states: Some(StateSet::ESTABLISHED), ends: Query::all().local_port(22), ..Select::default() };
        let interval = Duration::from_millis(250);
        let expected = Top { select, json: true, processes: true, interval, count: Some(2) };
        let line = "top -jp --interval 250 --count 2 --state ESTAB --local-port 22";
        assert_eq!(parsed(line), Ok(Command::Top(expected)));
        assert_eq!(parsed("top"), Ok(Command::Top(Top::default())));
    }

    #[test]
    fn conditions_on_the_ends_are_combined() {
        let ends = |line: &str| list_options(line).select.ends;
        let web = PortSet::new([80, 443]).unwrap();
        let net = |text: &str| text.parse::<Ipv6Net>().unwrap();
        assert_eq!(ends("--port 443,80"), Query::all().ports(web));
        assert_eq!(
            ends("--local-port 22 --remote-port 80,443 --local ::1 --remote 2001:db8::/32 --no-v4-mapped"),
            Query::all()
                .local_port(22)
                .remote_ports(web)
                .local_net(net("::1/128"))
                .remote_net(net("2001:db8::/32"))
                .without_v4_mapped()
        );
        assert_eq!(ends("--remote 192.0.2.0/24"), Query::all().remote_net(net("::ffff:192.0.2.0/120")));
        assert_eq!(ends("--remote 0.0.0.0/0"), Query::all().remote_net(net("::ffff:0.0.0.0/96")));
    }

    #[test]
    fn stats_has_its_own_options() {
        let interval = Some(Duration::from_millis(250));
        let expected = Stats { json: true, interval, count: Some(4) };
        assert_eq!(parsed("stats -j --interval 250 --count 4"), Ok(Command::Stats(expected)));
        assert_eq!(parsed("stats"), Ok(Command::Stats(Stats::default())));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn netns_takes_all_or_a_name() {
        let netns = |line: &str| list_options(line).select.netns;
        assert_eq!(netns("--netns all"), Some(Netns::All));
        assert_eq!(netns("list --netns 17 --names"), Some(Netns::One("17".to_owned())));
        let blue = Some(Netns::One("blue".to_owned()));
        let Ok(Command::Watch(options)) = parsed("watch --netns blue") else { panic!("no watch") };
        assert_eq!(options.select.netns, blue);
        let Ok(Command::Top(options)) = parsed("top --netns blue") else { panic!("no top") };
        assert_eq!(options.select.netns, blue);
    }

    #[test]
    fn link_local_addresses_take_a_zone() {
        let local = |text: &str| {
            let select = list_options(&format!("--local {text}")).select;
            (select.ends, select.local_zone)
        };
        let of = |net: &str, zone: &str| (Query::all().local_net(net.parse().unwrap()), Some(zone.to_owned()));
        assert_eq!(local("fe80::1%eth0"), of("fe80::1/128", "eth0"));
        assert_eq!(local("fe80::%2/64"), of("fe80::/64", "2"));
        assert_eq!(local("febf::1%a%b"), of("febf::1/128", "a%b"));
        assert_eq!(local("ff02::1%eth0.7"), of("ff02::1/128", "eth0.7"));
        let select = list_options("--remote fe80::1%lo --local ::1").select;
        assert_eq!((select.local_zone, select.remote_zone), (None, Some("lo".to_owned())));
    }

    #[test]
    fn rejects_invalid_command_lines() {
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
            "--port 80,",
            "--port 80,,443",
            "--local-port -1",
            "--remote-port http",
            "--local",
            "--local ::1/129",
            "--local ::1%lo",
            "--local fe80::1%",
            "--local fe80::1%/64",
            "--local fe80::/9%eth0",
            "--local fe80::%eth0/9",
            "--local 192.0.2.1%eth0",
            "--remote ff0e::1%eth0",
            "--netns",
            "--netns=",
            "watch --netns all",
            "top --netns all",
            "top --names",
            "watch --names",
            "stats --netns blue",
            "--remote 192.0.2.0/33",
            "--remote example.org",
            "--no-v4-mapped=yes",
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
            "stats extra",
            "stats list",
            "stats --port 80",
            "stats --state LISTEN",
            "stats --initial",
            "stats --count 3",
            "stats --interval",
            "stats --interval 0",
            "stats --interval 1s",
            "stats --interval 86400001",
            "stats --interval 10 --count 0",
            "list --interval 10",
            "watch --stats",
            "--stats=yes",
            "--queue",
            "top extra",
            "top --initial",
            "top --stats",
            "top --count 3",
            "top --json --count 0",
            "top --interval 0",
            "top --interval 1s",
            "top -l",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(parse(["--state".into(), OsString::new()]).is_err());
        assert!(parse(["--state".into(), " ".into()]).is_err());
        assert!(parse([OsString::new()]).is_err());
        let many: Vec<String> = (1..=65).map(|port| port.to_string()).collect();
        assert!(parsed(&format!("--local-port {}", many.join(","))).is_err());
        assert!(parsed(&format!("--local-port {}", many[1..].join(","))).is_ok());
    }

    #[test]
    fn parses_help_and_version() {
        assert_eq!(parsed("-V"), Ok(Command::Print(VERSION)));
        assert_eq!(parsed("watch --version"), Ok(Command::Print(VERSION)));
        assert_eq!(parsed("--help"), Ok(Command::Print(HELP)));
        assert_eq!(parsed("list -h"), Ok(Command::Print(LIST_HELP)));
        assert_eq!(parsed("watch --help"), Ok(Command::Print(WATCH_HELP)));
        assert_eq!(parsed("stats --help"), Ok(Command::Print(STATS_HELP)));
        assert_eq!(parsed("stats -V"), Ok(Command::Print(VERSION)));
        assert_eq!(parsed("top --help"), Ok(Command::Print(TOP_HELP)));
        assert_eq!(parsed("top -V"), Ok(Command::Print(VERSION)));
    }

    #[test]
    fn every_option_in_the_help_exists() {
        for (command, help) in [("list", LIST_HELP), ("watch", WATCH_HELP), ("stats", STATS_HELP), ("top", TOP_HELP)] {
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
        for line in [HELP, LIST_HELP, WATCH_HELP, STATS_HELP, TOP_HELP].iter().flat_map(|help| help.lines()) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
