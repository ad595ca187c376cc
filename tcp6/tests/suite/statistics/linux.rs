//! Counters of a network namespace in which nothing else happens. They need root.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use tcp6::os::linux::SystemExt;
use tcp6::{Error, Statistics, System};

use crate::support::{connect, reset, stop};
use crate::trouble::is_root;
use crate::trouble::namespaces::enter_net_namespace;

/// Runs a test in a thread that is alone in a network namespace. The loopback interface is up.
fn alone(test: impl FnOnce() + Send) {
    if !is_root() {
        return eprintln!("skipped: creating a network namespace needs root");
    }
    let in_namespace = || {
        enter_net_namespace();
        match Command::new("ip").args(["link", "set", "lo", "up"]).status() {
            Ok(status) => {
                assert!(status.success());
                test();
            }
            Err(error) => eprintln!("skipped: ip cannot be run: {error}"),
        }
    };
    thread::scope(|scope| scope.spawn(in_namespace).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn local_listener() -> TcpListener {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap()
}

#[test]
fn counters_are_exact() {
    alone(|| {
        let mut system = System::new().unwrap();
        let listener = local_listener();
        let start = system.statistics().unwrap();
        assert_eq!(start, System::new().unwrap().statistics().unwrap(), "nothing happens in this namespace");
        assert_eq!((start.active_opens, start.segments_in, start.established), (0, 0, 0));
        let mut connections = Vec::new();
        for n in 1..=10 {
            connections.push(connect(&listener));
            let now = system.statistics().unwrap();
            let delta = now.since(&start);
            assert_eq!((delta.active_opens, delta.passive_opens), (Some(n), Some(n)));
            assert_eq!(now.established, 2 * n);
            assert_eq!((delta.segments_in, delta.segments_out), (Some(3 * n), Some(3 * n)));
        }
        let before = system.statistics().unwrap();
        let address = listener.local_addr().unwrap();
        stop(listener);
        for _ in 0..4 {
            TcpStream::connect(address).unwrap_err();
        }
        let delta = system.statistics().unwrap().since(&before);
        assert_eq!((delta.failed_attempts, delta.active_opens, delta.passive_opens), (Some(4), Some(4), Some(0)));
        assert_eq!(delta.resets_out, Some(4));
    });
}

/// IPv4 and IPv6 are counted together.
#[test]
fn both_families_are_counted() {
    alone(|| {
        let mut system = System::new().unwrap();
        let before = system.statistics().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _connection = connect(&listener);
        assert_eq!(system.statistics().unwrap().since(&before).active_opens, Some(1));
    });
}

#[test]
fn a_full_accept_queue_is_counted() {
    alone(|| {
        let listener = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        listener.bind(&"[::1]:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut system = System::new().unwrap();
        let before = system.statistics().unwrap();
        // A queue of length 0 holds one connection.
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let client = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
                client.set_nonblocking(true).unwrap();
                let _ = client.connect(&address);
                client
            })
            .collect();
        let delta = system.statistics().unwrap().since(&before);
        assert!(delta.listen_overflows >= Some(1), "{delta:?}");
        assert!(delta.listen_drops >= delta.listen_overflows, "{delta:?}");
        drop(clients);
    });
}

/// The counters that `nstat` prints, or `None` if it is not installed.
fn nstat() -> Option<BTreeMap<String, u64>> {
    let output = Command::new("nstat").args(["-asz"]).output().ok()?;
    assert!(output.status.success(), "{output:?}");
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    Some(String::from_utf8(output.stdout).unwrap().lines().filter_map(line).collect())
}

/// The fields and the names that `nstat` has for them.
const NSTAT: [(&str, &str); 20] = [
    ("active_opens", "TcpActiveOpens"),
    ("passive_opens", "TcpPassiveOpens"),
    ("failed_attempts", "TcpAttemptFails"),
    ("established_resets", "TcpEstabResets"),
    ("segments_in", "TcpInSegs"),
    ("segments_out", "TcpOutSegs"),
    ("segments_retransmitted", "TcpRetransSegs"),
    ("errors_in", "TcpInErrs"),
    ("resets_out", "TcpOutRsts"),
    ("checksum_errors_in", "TcpInCsumErrors"),
    ("listen_overflows", "TcpExtListenOverflows"),
    ("listen_drops", "TcpExtListenDrops"),
    ("syncookies_sent", "TcpExtSyncookiesSent"),
    ("syncookies_received", "TcpExtSyncookiesRecv"),
    ("syncookies_failed", "TcpExtSyncookiesFailed"),
    ("syn_retransmits", "TcpExtTCPSynRetrans"),
    ("timeouts", "TcpExtTCPTimeouts"),
    ("aborts_on_memory", "TcpExtTCPAbortOnMemory"),
    ("out_of_order_queued", "TcpExtTCPOFOQueue"),
    ("receive_queue_drops", "TcpExtTCPRcvQDrop"),
];

#[test]
fn counters_equal_those_of_nstat() {
    alone(|| {
        let listener = local_listener();
        let connections: Vec<_> = (0..7).map(|_| connect(&listener)).collect();
        for (client, mut server) in connections {
            reset(client);
            assert!(server.read(&mut [0]).is_err(), "the reset has arrived");
        }

        let mut system = System::new().unwrap();
        let Some(theirs) = nstat() else { return eprintln!("skipped: nstat is not installed") };
        let ours = system.statistics().unwrap();
        let counters: BTreeMap<&str, u64> = ours.counters().collect();
        assert!(counters["active_opens"] == 7 && counters["established_resets"] >= 7, "{counters:?}");
        for (field, name) in NSTAT {
            assert_eq!(counters.get(field), theirs.get(name), "{field}");
        }

        let by_name: Vec<(&str, u64)> = system.tcp_ext_counters().collect();
        assert!(by_name.len() > 50, "{by_name:?}");
        for (name, value) in by_name {
            assert_eq!(theirs.get(&format!("TcpExt{name}")), Some(&value), "{name}");
            assert_eq!(system.tcp_ext(name), Some(value));
        }
    });
}

#[test]
fn counters_by_name_are_those_of_the_last_reading() {
    alone(|| {
        let mut system = System::new().unwrap();
        assert_eq!((system.tcp_ext("TCPTimeouts"), system.tcp_ext_counters().count()), (None, 0));
        let statistics = system.statistics().unwrap();
        assert_eq!(system.tcp_ext("ListenOverflows"), statistics.listen_overflows);
        assert_eq!([system.tcp_ext("Tcp"), system.tcp_ext(""), system.tcp_ext("RtoMin")], [None; 3]);
        let before = system.tcp_ext("TCPPureAcks");
        let _connection = connect(&local_listener());
        assert_eq!(system.tcp_ext("TCPPureAcks"), before, "nothing is read");
    });
}

#[test]
fn a_system_counts_in_the_namespace_in_which_it_was_created() {
    alone(|| {
        let mut early = System::new().unwrap();
        let mut late = System::new().unwrap();
        let listener = local_listener();
        let _connection = connect(&listener);
        let expected: Statistics = early.statistics().unwrap();
        assert_eq!(expected.active_opens, 1);
        thread::scope(|scope| {
            scope.spawn(|| {
                enter_net_namespace();
                assert_eq!(System::new().unwrap().statistics().unwrap().active_opens, 0);
                assert_eq!(early.statistics().unwrap(), expected, "the files are open");
                let error = late.statistics().unwrap_err();
                assert!(matches!(error, Error::Os { .. }) && error.raw_os_error().is_none(), "{error}");
            });
        });
        assert_eq!(late.statistics().unwrap(), expected);
    });
}
