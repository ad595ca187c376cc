//! Tests of `tcp6 top --json`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddrV6, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcp6::ConnectionDelta;

use crate::support::{Guarded, Loopback, close, eventually, is_endpoint, output, program, started, stdout, v6};

/// A running `tcp6 top --json`. A thread reads its lines.
struct Running {
    _child: Guarded,
    lines: Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = started(|| program(&[&["top", "--json"], arguments].concat()).spawn());
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { _child: Guarded(child), lines }
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(Duration::from_secs(20)).unwrap()).unwrap()
    }

    /// The next line of the connection with these ends.
    fn next_of(&self, local: SocketAddrV6, remote: SocketAddrV6) -> Value {
        loop {
            let line = self.next();
            if is_endpoint(&line["local"], local) && is_endpoint(&line["remote"], remote) {
                return line;
            }
        }
    }
}

fn delta(line: &Value) -> Option<ConnectionDelta> {
    line.get("delta").map(|delta| serde_json::from_value(delta.clone()).unwrap())
}

#[test]
fn deltas_add_up_to_the_bytes_that_were_sent() {
    const BYTES: usize = 300_000;
    let mut own = Loopback::open();
    let (listening, calling) = (own.listening(), own.calling());
    let top = Running::start(&["--interval", "100", "--port", &own.port()]);
    let before = top.next_of(calling, listening);
    assert_eq!(delta(&before).unwrap().bytes_sent, Some(0));

    let mut server = own.server;
    let server = thread::spawn(move || server.read_exact(&mut vec![0; BYTES]).map(|()| server));
    own.client.write_all(&vec![1; BYTES]).unwrap();
    let _server = server.join().unwrap().unwrap();
    let (mut sent, mut received, mut idle) = (0, 0, 0);
    while idle < 6 {
        let line = top.next();
        let is_client = is_endpoint(&line["local"], calling);
        let delta = delta(&line).unwrap();
        let (bytes, name) = if is_client { (delta.bytes_sent, "sent") } else { (delta.bytes_received, "received") };
        let bytes = bytes.unwrap();
        *(if is_client { &mut sent } else { &mut received }) += bytes;
        idle = if bytes == 0 && sent > 0 && received > 0 { idle + 1 } else { 0 };
        // The rate is that of the delta, whose time is rounded.
        let rate = line[format!("{name}_bytes_per_second")].as_f64().unwrap();
        let expected = bytes as f64 / delta.elapsed.as_secs_f64();
        assert!((rate - expected).abs() <= expected * 1e-4, "{line}");
        assert!(delta.elapsed >= Duration::from_millis(100), "{line}");
        assert_eq!(line["owner"]["pid"], std::process::id());
        assert!(line["taken_at"].as_str().unwrap().ends_with('Z') && line["taken_at_nanos"].is_u64(), "{line}");
    }
    // On loopback, nothing is sent again.
    assert_eq!((sent, received), (BYTES as u64, BYTES as u64));
}

#[test]
fn the_first_reading_of_a_connection_is_a_baseline() {
    let own = Loopback::open();
    let top = Running::start(&["--interval", "50", "--port", &own.port()]);
    top.next();
    let mut client = TcpStream::connect(own.listening()).unwrap();
    client.write_all(b"bytes before the baseline are not a rate").unwrap();
    let calling = v6(client.local_addr().unwrap());
    let first = top.next_of(calling, own.listening());
    assert!(first.get("delta").is_none() && first.get("sent_bytes_per_second").is_none(), "{first}");
    assert!(delta(&top.next_of(calling, own.listening())).is_some());
}

#[test]
fn processes_are_the_sum_of_their_connections() {
    let own = Loopback::open();
    let top = Running::start(&["-p", "--interval", "100", "--port", &own.port()]);
    let mut client = &own.client;
    let line = loop {
        client.write_all(&[1; 1_000]).unwrap();
        let line = top.next();
        if line["received_bytes_per_second"].as_f64().is_some_and(|rate| rate > 0.0) {
            break line;
        }
    };
    assert_eq!((&line["owner"]["pid"], &line["connections"]), (&std::process::id().into(), &2.into()), "{line}");
    assert!(line.get("local").is_none() && line.get("state").is_none(), "{line}");
    let delta = delta(&line).unwrap();
    assert_eq!((delta.bytes_sent.unwrap() % 1_000, delta.bytes_received.unwrap() % 1_000), (0, 0), "{line}");
}

#[test]
fn listeners_and_time_wait_are_shown_only_by_request() {
    let own = Loopback::open();
    let port = own.port();
    close(own.client, own.server);
    let lines = |arguments: &[&str]| -> Vec<Value> {
        let arguments = [&["top", "--json", "--interval", "1", "--count", "1", "--port", &port], arguments].concat();
        stdout(&output(&arguments)).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    eventually("only TIME-WAIT is left", || lines(&[]).is_empty());
    let closed = lines(&["--state", "TIME-WAIT"]);
    assert!(closed.len() == 1 && closed[0].get("delta").is_none(), "{closed:?}");
    let listener = lines(&["--state", "LISTEN"]);
    assert!(listener.len() == 1 && listener[0]["remote"].is_null(), "{listener:?}");
    assert!(listener[0].get("rtt_us").is_none() && listener[0].get("delta").is_none(), "{listener:?}");
}

#[test]
fn exits_after_n_intervals() {
    let start = Instant::now();
    let own = Loopback::open();
    let output = output(&["top", "--json", "--port", &own.port(), "--interval", "100", "--count", "3"]);
    assert_eq!(stdout(&output).lines().count(), 2 * 3, "two connections in three intervals: {output:?}");
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn exits_when_the_reader_closes_the_pipe() {
    let own = Loopback::open();
    let mut child =
        Guarded(program(&["top", "--json", "--interval", "86400000", "--port", &own.port()]).spawn().unwrap());
    // Gives the program time to begin its wait of one day.
    thread::sleep(Duration::from_millis(100));
    assert!(child.0.try_wait().unwrap().is_none());
    drop(child.0.stdout.take());
    eventually("exit after the pipe is closed", || child.0.try_wait().unwrap().is_some());
    let mut errors = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.0.wait().unwrap().code(), &*errors), (Some(0), ""));
}
