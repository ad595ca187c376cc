use tcp6::{Ipv6Net, PortSet, Query, StateSet};

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
    let select = Select { states: Some(StateSet::ESTABLISHED), ends: Query::all().local_port(22), ..Select::default() };
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
