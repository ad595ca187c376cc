//! Tests of `tcp6 list --queues` and `--stats`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;
use tcp6::ConnectionStats;

use crate::list::rows;
use crate::pty::Session;
use crate::support::{Loopback, close, eventually, is_endpoint, output, stdout};

/// A connection whose server has 1,000 unread bytes, after it read 5,000, and a listener with a waiting connection.
fn with_queues() -> (Loopback, TcpStream) {
    let mut own = Loopback::open();
    own.client.write_all(&[1; 6_000]).unwrap();
    own.server.read_exact(&mut [0; 5_000]).unwrap();
    let waiting = TcpStream::connect(own.listening()).unwrap();
    eventually("the bytes have arrived and are acknowledged", || {
        let rows = rows(&["--queues", "--port", &own.port()]);
        let stats: Vec<ConnectionStats> = rows.iter().map(stats).collect();
        stats.iter().any(|stats| stats.unread_bytes == Some(1_000))
            && stats.iter().any(|stats| stats.accept_queue == Some(1))
            && stats.iter().all(|stats| stats.send_queue_bytes.unwrap_or(0) == 0)
    });
    (own, waiting)
}

fn stats(row: &Value) -> ConnectionStats {
    serde_json::from_value(row["stats"].clone()).unwrap_or_else(|error| panic!("{error}: {row}"))
}

/// The row with this local end and, unless it listens, this remote end.
fn row(rows: &[Value], local: std::net::SocketAddrV6, remote: Option<std::net::SocketAddrV6>) -> &Value {
    let is_it = |row: &&Value| {
        is_endpoint(&row["local"], local)
            && remote.map_or(row["remote"].is_null(), |remote| is_endpoint(&row["remote"], remote))
    };
    rows.iter().find(is_it).unwrap_or_else(|| panic!("{local} {remote:?}: {rows:#?}"))
}

#[test]
fn queues_are_those_of_ss() {
    let (own, _waiting) = with_queues();
    let filter = format!("sport = :{0} or dport = :{0}", own.port());
    let Ok(theirs) = Command::new("ss").args(["-6tanH", &filter]).output() else {
        assert!(std::env::var_os("CI").is_none(), "ss is not installed, and CI is set");
        eprintln!("skipped: ss is not installed");
        return;
    };
    let queues = |text: &str, places: [usize; 3]| -> Vec<[String; 3]> {
        let fields = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            places.map(|at| fields[at].to_owned())
        };
        let mut queues: Vec<_> = text.lines().map(fields).collect();
        queues.sort_unstable();
        queues
    };
    let theirs = queues(std::str::from_utf8(&theirs.stdout).unwrap(), [1, 2, 3]);
    let ours = output(&["--queues", "--port", &own.port()]);
    let lines: Vec<&str> = stdout(&ours).lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["State", "Recv-Q", "Send-Q", "Local", "Remote"]);
    let ours = queues(&lines[1..lines.len() - 1].join("\n"), [1, 2, 3]);
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 5);
    assert!(ours.iter().any(|[receive, ..]| receive == "1000"), "{ours:?}");
}

#[test]
fn json_has_queues_or_all_statistics() {
    let (own, _waiting) = with_queues();
    let (listening, calling) = (own.listening(), own.calling());
    let arguments = ["--port", &own.port()];
    let queues = rows(&[&arguments[..], &["--queues"]].concat());
    let listener = row(&queues, listening, None);
    assert_eq!((&listener["stats"]["accept_queue"], &listener["stats"]["backlog"]), (&1.into(), &128.into()));
    let server = row(&queues, listening, Some(calling));
    assert_eq!(server["stats"], serde_json::json!({ "unread_bytes": "1000", "send_queue_bytes": "0" }));
    assert!(server.get("tcp_info").is_none() && server.get("owner").is_none(), "{server}");

    for more in [&["--stats"][..], &["--stats", "-p"]] {
        let all = rows(&[&arguments[..], more].concat());
        let server = row(&all, listening, Some(calling));
        let (client, listener) = (row(&all, calling, Some(listening)), row(&all, listening, None));
        let (server_stats, client_stats) = (stats(server), stats(client));
        assert_eq!((server_stats.bytes_received, client_stats.bytes_sent), (Some(6_000), Some(6_000)));
        assert_eq!((server_stats.unread_bytes, client_stats.send_queue_bytes), (Some(1_000), Some(0)));
        assert!(client_stats.rtt.is_some_and(|rtt| !rtt.is_zero()), "{client}");
        // Also what Linux alone reports.
        assert_eq!(client["tcp_info"]["rtt_us"], client["stats"]["rtt_us"]);
        assert_eq!(client["tcp_info"]["bytes_sent"], "6000");
        assert!(client["algorithm"].is_string() && client["memory"]["receive_buffer_bytes"].is_u64(), "{client}");
        assert!(client["cookie"].as_str().unwrap().parse::<u64>().unwrap() > 0, "{client}");
        assert_eq!(client["state"], "ESTABLISHED");
        assert_eq!(listener["stats"]["accept_queue"], 1);
        let owner = client.get("owner").map(|owner| owner["pid"].clone());
        assert_eq!(owner, (more.len() > 1).then(|| std::process::id().into()), "{client}");
    }
}

#[test]
fn sockets_without_statistics_have_none() {
    let own = Loopback::open();
    let (port, listening, calling) = (own.port(), own.listening(), own.calling());
    // The side that closes first enters TIME-WAIT.
    close(own.client, own.server);
    eventually("TIME-WAIT", || rows(&["--port", &port]).iter().any(|row| row["state"] == "TIME-WAIT"));
    for option in ["--queues", "--stats"] {
        let rows = rows(&["--port", &port, option]);
        let closed = row(&rows, calling, Some(listening));
        assert!(closed.get("stats").is_none() && closed.get("tcp_info").is_none(), "{closed}");
        let text = output(&["--port", &port, option]);
        let line = stdout(&text).lines().find(|line| line.starts_with("TIME-WAIT")).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some("-"), "{line}");
    }
}

#[test]
fn statistics_fit_the_width_of_the_terminal() {
    let (own, _waiting) = with_queues();
    for (columns, headings) in
        [(80, &["RTT", "In", "Out"][..]), (120, &["Recv-Q", "RTT", "Retr", "In", "Out"]), (200, &["Cwnd"])]
    {
        let mut session =
            Session::start(columns, 24, &[env!("CARGO_BIN_EXE_tcp6"), "-p", "--stats", "--port", &own.port()]);
        assert_eq!(session.wait().code(), Some(0));
        let text = session.screen();
        // Heading, five rows and counts: no line is wrapped.
        assert_eq!(text.trim_end().lines().count(), 7, "{columns}:\n{text}");
        let heading = text.lines().next().unwrap();
        assert!(headings.iter().all(|column| heading.split_whitespace().any(|word| word == *column)), "{text}");
        assert!(text.contains(" 6.0 kB ") && text.contains(&format!("[::1]:{}", own.port())), "{columns}:\n{text}");
    }
}
