//! Tests of `--netns` and `--names`, with namespaces of processes that the tests start.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::support::{Guarded, Loopback, is_endpoint, output, program, stdout};

/// A process in its own network namespace, with an interface `blue` that has the address fe80::1.
fn other() -> Option<Guarded> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: creating a network namespace needs root");
        return None;
    }
    let script = "ip link set lo up && ip link add blue index 77 type veth peer name peer && \
                  ip addr add fe80::1/64 dev blue nodad && ip link set blue up && echo ready && exec sleep 86400";
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Guarded(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Some(child)
}

/// A listener in the namespace of another process.
fn listener(namespace: &Guarded, local: SocketAddrV6) -> TcpListener {
    let file = File::open(format!("/proc/{}/ns/net", namespace.0.id())).unwrap();
    let open = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        TcpListener::bind(local).unwrap()
    };
    thread::spawn(open).join().unwrap()
}

#[test]
fn netns_lists_another_namespace_and_names_its_interfaces() {
    let Some(other) = other() else { return };
    let pid = other.0.id().to_string();
    let _listener = listener(&other, "[fe80::1%77]:7777".parse().unwrap());
    let text = output(&["-l", "--netns", &pid]);
    let expected = format!("Netns{:1$}  State   Local              Remote\n", "", pid.len().saturating_sub(5));
    let row = format!("{pid:5}  LISTEN  [fe80::1%77]:7777  -\n");
    assert_eq!(stdout(&text), format!("{expected}{row}1 in all: 1 LISTEN\n"));
    let text = output(&["-lp", "--names", "--netns", &pid]);
    let row = stdout(&text).lines().nth(1).unwrap().to_owned();
    assert!(row.contains("  LISTEN  [fe80::1%blue]:7777  -       "), "{row}");
    assert!(row.contains(&format!("{} suite", std::process::id())), "{row}");
    let document: Value = serde_json::from_str(stdout(&output(&["-l", "--json", "--names", "--netns", &pid]))).unwrap();
    assert_eq!(
        document["rows"],
        serde_json::json!([{
            "local": "[fe80::1%77]:7777", "remote": null, "state": "LISTEN", "interface": "blue", "netns": pid,
        }])
    );

    // Addresses with the name and the index of an interface.
    for (net, count) in
        [("fe80::1%blue", 1), ("fe80::%77/10", 1), ("fe80::1%lo", 0), ("fe80::1%1", 0), ("fe80::2%blue", 0)]
    {
        let text = output(&["--json", "-l", "--netns", &pid, "--local", net]);
        let document: Value = serde_json::from_str(stdout(&text)).unwrap();
        assert_eq!(document["rows"].as_array().unwrap().len(), count, "{net}");
    }
    let unknown = output(&["--netns", &pid, "--local", "fe80::1%red"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&unknown.stderr), "tcp6: no interface is named \"red\"\n");

    // `all` has both namespaces, and interfaces that one of them has.
    let own = Loopback::open();
    let rows = |arguments: &[&str]| {
        let output = output(&[&["--json", "--netns", "all"], arguments].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        document["rows"].as_array().unwrap().clone()
    };
    let of_other = |rows: &[Value]| rows.iter().filter(|row| row["netns"] == *pid).count();
    let all = rows(&["-l"]);
    assert_eq!(of_other(&all), 1);
    let is_own = |row: &&Value| is_endpoint(&row["local"], own.listening());
    assert_eq!(all.iter().filter(is_own).count(), 1, "{all:?}");
    let blue = rows(&["--local", "fe80::1%blue"]);
    // Other tests have a namespace with this interface too.
    assert!(blue.iter().all(|row| row["local"].as_str().unwrap().starts_with("[fe80::1%77]:")), "{blue:?}");
    assert_eq!(of_other(&blue), 1);

    // The changes of another namespace.
    let mut watch =
        Guarded(program(&["watch", "--json", "--initial", "--count", "1", "--netns", &pid]).spawn().unwrap());
    let lines: Vec<String> = BufReader::new(watch.0.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    assert!(watch.0.wait().unwrap().success());
    let change: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((lines.len(), change["row"]["local"].as_str()), (1, Some("[fe80::1%77]:7777")));
}

/// A connection in the namespace of another process, both ends of which are held by this process.
fn connection(namespace: &Guarded, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let file = File::open(format!("/proc/{}/ns/net", namespace.0.id())).unwrap();
    let remote = listener.local_addr().unwrap();
    let connect = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        TcpStream::connect(remote).unwrap()
    };
    let client = thread::spawn(connect).join().unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn statistics_owners_and_names_of_another_namespace_are_shown_together() {
    let Some(other) = other() else { return };
    let pid = other.0.id().to_string();
    let listener = listener(&other, "[fe80::1%77]:7777".parse().unwrap());
    let (mut client, mut server) = connection(&other, &listener);
    client.write_all(&[1; 3_000]).unwrap();
    server.read_exact(&mut [0; 3_000]).unwrap();
    let select = ["--netns", &pid, "--remote-port", "7777"];
    let arguments = [&select[..], &["-p", "--names", "--stats"]].concat();
    let text = output(&arguments);
    let mut lines = stdout(&text).lines();
    let heading: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let columns =
        ["Netns", "State", "Recv-Q", "Send-Q", "RTT", "Cwnd", "Retr", "In", "Out", "Local", "Remote", "Owner"];
    assert_eq!(heading, columns);
    let row = lines.next().unwrap();
    assert!(row.starts_with(&format!("{pid:5}  ESTABLISHED ")) && row.contains(" 3.0 kB "), "{row}");
    assert!(row.contains("  [fe80::1%blue]:7777  ") && row.contains("  [fe80::1%blue]:"), "{row}");
    assert!(row.contains(&format!("  {} suite", std::process::id())), "{row}");

    let document: Value = serde_json::from_str(stdout(&output(&[&arguments[..], &["--json"]].concat()))).unwrap();
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let texts = ["interface", "netns", "remote"].map(|field| rows[0][field].as_str().unwrap());
    assert_eq!(texts, ["blue", &pid, "[fe80::1%77]:7777"]);
    assert_eq!(rows[0]["owner"]["pid"], std::process::id());
    assert_eq!(rows[0]["stats"]["bytes_sent"], "3000");
    assert_eq!(rows[0]["tcp_info"]["bytes_sent"], "3000");
    let queues: Value =
        serde_json::from_str(stdout(&output(&[&select[..], &["--queues", "--json"]].concat()))).unwrap();
    let ends = ["local", "remote", "state", "netns"].map(|field| queues["rows"][0][field].as_str().unwrap());
    assert_eq!(ends[1..], ["[fe80::1%77]:7777", "ESTABLISHED", &pid]);
    assert_eq!(queues["rows"][0]["stats"], serde_json::json!({ "unread_bytes": "0", "send_queue_bytes": "0" }));

    // Each namespace has its own statistics.
    let own = Loopback::open();
    let all = output(&["--netns", "all", "--stats", "--json", "--state", "established"]);
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    let sent = |netns: &str, local: SocketAddrV6| {
        let is_it = |row: &&Value| row["netns"] == netns && row["local"] == *local.to_string();
        all["rows"].as_array().unwrap().iter().find(is_it).map(|row| row["stats"]["bytes_sent"].clone())
    };
    let SocketAddr::V6(calling) = client.local_addr().unwrap() else { panic!("IPv6") };
    assert_eq!(sent(&pid, calling), Some("3000".into()));
    assert_eq!(sent(&pid, own.calling()), None);

    // The rates of the connection.
    let mut top =
        Guarded(program(&["top", "--json", "--netns", &pid, "--interval", "100", "--count", "1"]).spawn().unwrap());
    let lines: Vec<String> = BufReader::new(top.0.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    assert!(top.0.wait().unwrap().success());
    let locals: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["local"].clone()).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(locals.contains(&calling.to_string().into()), "{locals:?}");
}

#[test]
fn unknown_namespaces_are_errors() {
    for (name, text) in [
        ("no such name", "no network namespace is named \"no such name\", and it is not the ID of a process"),
        ("4194305", "the network namespace is gone"),
        ("+1", "no network namespace is named \"+1\""),
        ("99999999999", "no network namespace is named \"99999999999\""),
    ] {
        for command in ["list", "watch", "top"] {
            let output = output(&[command, "--json", "--netns", name]);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name}: {error}");
            assert!(error.contains(text) && output.stdout.is_empty(), "{name}: {error}");
        }
    }
}

#[test]
fn namespaces_that_are_refused_are_reported() {
    use std::os::unix::process::CommandExt;
    let Some(other) = other() else { return };
    let pid = other.0.id().to_string();
    let as_nobody = |arguments: &[&str]| program(arguments).uid(65_534).gid(65_534).output();
    let Ok(all) = as_nobody(&["-l", "--netns", "all"]) else {
        return eprintln!("skipped: the user nobody cannot run the command");
    };
    let error = String::from_utf8_lossy(&all.stderr);
    assert!(error.contains("the network namespaces of ") && error.contains(" processes are unknown: "), "{error}");
    let text = as_nobody(&["--netns", &pid]).unwrap();
    let error = String::from_utf8_lossy(&text.stderr);
    assert_eq!(text.status.code(), Some(0), "{error}");
    assert!(
        error.contains(&format!("network namespace {pid}: not permitted to use sock_diag in it; reading /proc")),
        "{error}"
    );
    // Queues are in the text, the other statistics are not.
    let listener = listener(&other, "[::1]:7777".parse().unwrap());
    let _connection = connection(&other, &listener);
    for (option, is_known) in [("--queues", true), ("--stats", false)] {
        let text = as_nobody(&["--netns", &pid, option]).unwrap();
        let error = String::from_utf8_lossy(&text.stderr);
        let reason = format!("tcp6: network namespace {pid}: no statistics: the kernel does not report");
        assert_eq!(error.contains(&reason), !is_known, "{option}: {error}");
        assert_eq!(String::from_utf8_lossy(&text.stdout).lines().count(), 5, "{option}: {text:?}");
    }
}

#[test]
fn bound_sockets_are_listed_by_name_of_the_state() {
    let Some(other) = other() else { return };
    let pid = other.0.id().to_string();
    for arguments in [["list", "--json"], ["watch", "--json"]] {
        let more: &[&str] = if arguments[0] == "watch" { &["--initial", "--count", "1"] } else { &[] };
        let output = output(&[&arguments[..], more, &["--netns", &pid, "--state", "bound"]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}
