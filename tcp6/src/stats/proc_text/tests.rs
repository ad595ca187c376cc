use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The lines of TCP on Linux 6.18, between those of other protocols.
const SNMP_TEXT: &str = "\
IcmpMsg: OutType3
IcmpMsg: 2
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 101 102 103 104 9 4294967296 18446744073709551615 105 106 107 108
Udp: InDatagrams NoPorts
Udp: 60 2
";

const NETSTAT_TEXT: &str = "\
TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts ListenOverflows ListenDrops TCPTimeouts TCPAbortOnMemory TCPOFOQueue TCPSynRetrans TCPRcvQDrop TCPFuture
TcpExt: 1 2 3 4 5 6 7 8 9 10 11 -12
IpExt: InNoRoutes
IpExt: 0
";

fn parse(snmp: &str, netstat: Option<&str>) -> Result<Statistics, Malformed> {
    let moment = Moment { taken_at: std::time::SystemTime::UNIX_EPOCH, clock: None };
    statistics(snmp.as_bytes(), netstat.map(str::as_bytes), Width::Bits64, moment)
}

fn fault(snmp: &str, netstat: Option<&str>) -> (&'static str, usize, StatisticsFault) {
    match parse(snmp, netstat) {
        Err(Malformed::Statistics { file, line, fault }) => (file, line, fault),
        other => panic!("{snmp}: {other:?}"),
    }
}

#[test]
fn each_column_is_in_its_field() {
    let statistics = parse(SNMP_TEXT, Some(NETSTAT_TEXT)).unwrap();
    assert_eq!(statistics.scope, StatisticsScope::BothFamilies);
    assert_eq!(statistics.rto_algorithm, RtoAlgorithm::Other(1));
    assert_eq!((statistics.rto_min, statistics.rto_max), (Duration::from_millis(200), Duration::from_secs(120)));
    assert_eq!((statistics.max_connections, statistics.established, statistics.connections), (None, 9, None));
    let expected = [
        ("active_opens", 101),
        ("passive_opens", 102),
        ("failed_attempts", 103),
        ("established_resets", 104),
        ("segments_in", 1 << 32),
        ("segments_out", u64::MAX),
        ("segments_retransmitted", 105),
        ("errors_in", 106),
        ("resets_out", 107),
        ("checksum_errors_in", 108),
        ("listen_overflows", 5),
        ("listen_drops", 6),
        ("syncookies_sent", 1),
        ("syncookies_received", 2),
        ("syncookies_failed", 3),
        ("syn_retransmits", 10),
        ("timeouts", 7),
        ("aborts_on_memory", 8),
        ("out_of_order_queued", 9),
        ("receive_queue_drops", 11),
    ];
    assert_eq!(statistics.counters().collect::<Vec<_>>(), expected);
}

#[test]
fn columns_that_some_kernels_lack_are_none() {
    let snmp = SNMP_TEXT.replace(" InCsumErrors", "").replace(" 107 108", " 107");
    let netstat = NETSTAT_TEXT.replace("TCPRcvQDrop", "TCPOther");
    let statistics = parse(&snmp, Some(&netstat)).unwrap();
    assert_eq!((statistics.checksum_errors_in, statistics.receive_queue_drops), (None, None));
    assert_eq!((statistics.resets_out, statistics.out_of_order_queued), (107, Some(9)));
}

#[test]
fn counters_of_netstat_are_none_without_it() {
    let names_only = NETSTAT_TEXT.lines().next().unwrap().to_owned() + "\n";
    for netstat in [None, Some(""), Some("IpExt: A\nIpExt: 1\n"), Some(&*names_only)] {
        let statistics = parse(SNMP_TEXT, netstat).unwrap();
        assert_eq!(statistics.counters().count(), 10, "{netstat:?}");
        assert_eq!(statistics.checksum_errors_in, Some(108));
    }
}

#[test]
fn reports_the_file_the_line_and_the_fault() {
    use StatisticsFault::*;

    let netstat = Some(NETSTAT_TEXT);
    let replaced = |from: &str, to: &str| {
        assert!(SNMP_TEXT.contains(from), "{from}");
        fault(&SNMP_TEXT.replace(from, to), netstat)
    };
    assert_eq!(fault("", netstat), (SNMP, 0, MissingNames));
    assert_eq!(fault("Udp: A\nUdp: 1\n", netstat), (SNMP, 2, MissingNames));
    assert_eq!(replaced("Tcp: 1 ", "TCP: 1 "), (SNMP, 3, MissingValues));
    assert_eq!(replaced("Udp: InDatagrams", "Tcp: InDatagrams"), (SNMP, 5, RepeatedLine));
    assert_eq!(replaced("Tcp: 1 ", "\nTcp: 1 "), (SNMP, 3, MissingValues));
    assert_eq!(replaced(" 107 108", " 107"), (SNMP, 4, Count { names: 15, values: 14 }));
    assert_eq!(replaced(" OutRsts", ""), (SNMP, 4, Count { names: 14, values: 15 }));
    assert_eq!(replaced("OutRsts", "OutResets"), (SNMP, 4, MissingColumn { name: "OutRsts" }));
    assert_eq!(replaced("OutRsts", "InErrs"), (SNMP, 4, RepeatedColumn { name: "InErrs" }));
    for bad in ["18446744073709551616", "-1", "+1", "1x", "0x10", "\u{661}"] {
        assert_eq!(replaced(" 101 ", &format!(" {bad} ")), (SNMP, 4, Value { name: "ActiveOpens", column: 5 }));
    }
    assert_eq!(replaced(" -1 ", " -2 "), (SNMP, 4, Value { name: "MaxConn", column: 4 }));
    assert_eq!(replaced(" 200 ", " 4294967296 "), (SNMP, 4, Value { name: "RtoMin", column: 2 }));

    let bad = NETSTAT_TEXT.replace(" 11 ", " x ");
    assert_eq!(fault(SNMP_TEXT, Some(&bad)), (NETSTAT, 2, Value { name: "TCPRcvQDrop", column: 11 }));
    let bad = NETSTAT_TEXT.replace(" 11 ", " ");
    assert_eq!(fault(SNMP_TEXT, Some(&bad)), (NETSTAT, 2, Count { names: 12, values: 11 }));
}

#[test]
fn a_text_ends_before_a_byte_that_is_not_utf_8() {
    let moment = Moment { taken_at: std::time::SystemTime::UNIX_EPOCH, clock: None };
    let read = |text: &[u8]| statistics(text, None, Width::Bits64, moment);
    assert!(read(&[SNMP_TEXT.as_bytes(), b"\xFF\nTcp: A\n"].concat()).is_ok());
    assert!(read(&[b"\xFF\n", SNMP_TEXT.as_bytes()].concat()).is_err());
}

#[test]
fn a_limit_of_connections_is_a_number() {
    let with = |limit: &str| parse(&SNMP_TEXT.replace(" -1 ", &format!(" {limit} ")), None).unwrap().max_connections;
    assert_eq!(with("0"), Some(0));
    assert_eq!(with("5000"), Some(5000));
}

#[test]
fn a_negative_sum_of_connections_is_zero() {
    let with = |sum: u64| {
        let text = SNMP_TEXT.replace(" 9 4294967296 ", &format!(" {sum} 4294967296 "));
        parse(&text, None).unwrap().established
    };
    assert_eq!([with(0), with(9), with((1 << 31) - 1)], [0, 9, (1 << 31) - 1]);
    assert_eq!([with(u64::MAX), with(u64::MAX - 3)], [0, 0], "a 64-bit kernel");
    assert_eq!([with(u32::MAX.into()), with(u64::from(u32::MAX) - 3)], [0, 0], "a 32-bit kernel");
}

#[test]
fn other_counters_are_found_by_name() {
    let counters: Vec<(&str, u64)> = tcp_ext_counters(NETSTAT_TEXT.as_bytes()).collect();
    // The value of `TCPFuture` is not a number.
    assert_eq!(counters.len(), 11);
    assert_eq!(counters[3], ("EmbryonicRsts", 4));
    for text in ["", "TcpExt: A\n", "TcpExt: A B\nTcpExt: 1\n", "TcpExt: A\nTcpExt: 1"] {
        assert_eq!(tcp_ext_counters(text.as_bytes()).count(), 0, "{text}");
    }
}

/// A text with these columns.
fn section(prefix: &str, columns: &[(&str, String)]) -> String {
    let line = |words: Vec<&str>| format!("{prefix} {}\n", words.join(" "));
    line(columns.iter().map(|(name, _)| *name).collect())
        + &line(columns.iter().map(|(_, value)| value.as_str()).collect())
}

/// The columns that a kernel may have, in any order, with any values.
fn columns(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(&'static str, u64)>> {
    let named = names.iter().map(|name| (Just(*name), any::<u64>())).collect::<Vec<_>>();
    named.prop_shuffle()
}

const TCP_COUNTERS: &[&str] = &[
    "ActiveOpens",
    "PassiveOpens",
    "AttemptFails",
    "EstabResets",
    "InSegs",
    "OutSegs",
    "RetransSegs",
    "InErrs",
    "OutRsts",
    "InCsumErrors",
    "Future",
    "Another",
];

const TCP_EXT_COUNTERS: &[&str] = &[
    "ListenOverflows",
    "ListenDrops",
    "SyncookiesSent",
    "SyncookiesRecv",
    "SyncookiesFailed",
    "TCPSynRetrans",
    "TCPTimeouts",
    "TCPAbortOnMemory",
    "TCPOFOQueue",
    "TCPRcvQDrop",
    "TW",
    "TCPHPHits",
];

proptest! {
    /// The order of the columns does not matter, and neither do unknown columns and absent optional
    /// ones.
    #[test]
    fn columns_are_found_by_name(
        tcp in columns(TCP_COUNTERS),
        ext in columns(TCP_EXT_COUNTERS),
        at in 0usize..12,
        lacks_checksums: bool,
        ext_count in 0usize..=12,
    ) {
        let tcp: Vec<_> = tcp.into_iter().filter(|(name, _)| !(lacks_checksums && *name == "InCsumErrors")).collect();
        let ext = &ext[..ext_count];
        let text = |(name, value): &(&'static str, u64)| (*name, value.to_string());
        let mut shown: Vec<_> = tcp.iter().map(text).collect();
        let constants = [("RtoAlgorithm", "4"), ("MaxConn", "-1"), ("CurrEstab", "3"), ("RtoMax", "9"), ("RtoMin", "8")];
        for (name, value) in constants {
            shown.insert(at.min(shown.len()), (name, value.to_owned()));
        }
        let snmp = section("Tcp:", &shown);
        let netstat = section("TcpExt:", &ext.iter().map(text).collect::<Vec<_>>());
        let statistics = parse(&snmp, Some(&netstat)).unwrap();

        prop_assert_eq!(statistics.rto_algorithm, RtoAlgorithm::VanJacobson);
        prop_assert_eq!((statistics.established, statistics.max_connections), (3, None));
        let values: BTreeMap<&str, u64> = tcp.iter().chain(ext).copied().collect();
        let known = TCP_COUNTERS[..10].iter().chain(&TCP_EXT_COUNTERS[..10]);
        let expected: Vec<u64> = known.filter_map(|name| values.get(name).copied()).collect();
        let parsed: Vec<u64> = statistics.counters().map(|(_, value)| value).collect();
        prop_assert_eq!(parsed, expected);
        let by_name: Vec<(&str, u64)> = tcp_ext_counters(netstat.as_bytes()).collect();
        prop_assert_eq!(&by_name[..], ext);
    }

    #[test]
    fn any_bytes_are_statistics_or_an_error(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "Tcp: ", "TcpExt: ", "\n", " ", "RtoAlgorithm", "RtoMin", "MaxConn", "ActiveOpens", "-1", "7",
                    "18446744073709551616",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..4),
            ],
            0..40,
        ),
    ) {
        let bytes = parts.concat();
        let read = statistics(&bytes, Some(&bytes), Width::Bits64, Moment::now());
        prop_assert!(read.is_err(), "the texts lack columns: {read:?}");
        prop_assert!(tcp_ext_counters(&bytes).count() <= bytes.len());
    }
}

/// A number at the end of a cut text could have more digits.
#[test]
fn a_cut_text_never_has_other_values() {
    let whole = parse(SNMP_TEXT, Some(NETSTAT_TEXT)).unwrap();
    let mut parsed = 0;
    for end in 0..SNMP_TEXT.len() {
        if let Ok(statistics) = parse(&SNMP_TEXT[..end], Some(NETSTAT_TEXT)) {
            assert_eq!(statistics, whole);
            parsed += 1;
        }
    }
    assert_eq!(parsed, "Udp: InDatagrams NoPorts\nUdp: 60 2\n".len());
    for end in 0..NETSTAT_TEXT.len() {
        let statistics = parse(SNMP_TEXT, Some(&NETSTAT_TEXT[..end])).unwrap();
        assert!(statistics == whole || statistics.counters().count() == 10, "{end}");
    }
}
