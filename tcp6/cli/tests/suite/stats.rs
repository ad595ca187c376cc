//! Tests of `tcp6 stats`.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::Value;
use tcp6::{Statistics, StatisticsDelta, System};

#[cfg(unix)]
use crate::support::eventually;
use crate::support::{Guarded, Loopback, output, program, started, stdout};

fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = output(&[&["stats", "--json"], arguments].concat());
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_has_the_values_of_the_library() {
    let mut system = System::new().unwrap();
    let before = system.statistics().unwrap();
    let [value] = &lines(&[])[..] else { panic!("not one line") };
    let shown: Statistics = serde_json::from_value(value.clone()).unwrap();
    let after = system.statistics().unwrap();
    // Other tests open connections meanwhile.
    assert_eq!((shown.scope, shown.rto_min, shown.rto_max), (before.scope, before.rto_min, before.rto_max));
    let names = |statistics: &Statistics| statistics.counters().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&shown), names(&before));
    for ((low, shown), high) in before.counters().zip(shown.counters()).zip(after.counters()) {
        assert!(low.1 <= shown.1 && shown.1 <= high.1, "{low:?} {shown:?} {high:?}");
    }
}

#[test]
fn text_has_a_line_for_each_value() {
    let statistics = System::new().unwrap().statistics().unwrap();
    let text = output(&["stats"]);
    let text = stdout(&text);
    for (name, _) in statistics.counters() {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        let value = line.unwrap_or_else(|| panic!("{name}: {text}")).split_whitespace().nth(1).unwrap();
        assert!(value.replace(',', "").parse::<u64>().is_ok(), "{value}");
    }
    for (name, value) in [("rto_min", "ms"), ("rto_max", "ms"), ("max_connections", "limit"), ("Segments", "")] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(name) && line.contains(value)), "{name}: {text}");
    }
}

#[test]
fn intervals_report_connections_and_rates() {
    let own = Loopback::open();
    let arguments = ["stats", "--json", "--interval", "300", "--count", "3"];
    let mut child = Guarded(started(|| program(&arguments).spawn()));
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    // Between the first and the second line, or between the second and the third.
    for _ in 0..6 {
        std::net::TcpStream::connect(own.listening()).unwrap();
        own.listener.accept().unwrap();
    }
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));

    let lines: Vec<Value> =
        [&*first].into_iter().chain(rest.lines()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let mut opened = 0;
    for (at, line) in lines.iter().enumerate() {
        let now: Statistics = serde_json::from_value(line["statistics"].clone()).unwrap();
        let delta: StatisticsDelta = serde_json::from_value(line["increase"].clone()).unwrap();
        let elapsed = delta.elapsed.unwrap();
        assert!(elapsed >= Duration::from_millis(290), "{elapsed:?}");
        let rate = line["per_second"]["active_opens"].as_f64().unwrap();
        assert!((rate * elapsed.as_secs_f64() - delta.active_opens.unwrap() as f64).abs() < 1e-6, "{line}");
        if at > 0 {
            opened += delta.active_opens.unwrap();
            let before: Statistics = serde_json::from_value(lines[at - 1]["statistics"].clone()).unwrap();
            assert_eq!(now.since(&before).passive_opens, delta.passive_opens);
        }
    }
    assert!(opened >= 6, "{opened}");
}

#[test]
fn text_of_an_interval_names_what_changed() {
    let own = Loopback::open();
    let mut child = Guarded(started(|| program(&["stats", "--interval", "400", "--count", "2"]).spawn()));
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    let mut heading = String::new();
    reader.read_line(&mut heading).unwrap();
    assert!(heading.contains("Z, 0.") && heading.trim_end().ends_with(" established"), "{heading}");
    std::net::TcpStream::connect(own.listening()).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    let second = rest.split("\n\n").nth(1).unwrap();
    let line = second.lines().find(|line| line.contains("active_opens")).unwrap_or_else(|| panic!("{rest}"));
    assert!(line.contains("/s  opened by this side"), "{line}");
}

/// The reader closes the pipe during an interval of one day.
#[cfg(unix)]
#[test]
fn exits_when_the_reader_closes_the_pipe() {
    let mut child = Guarded(program(&["stats", "--interval", "86400000"]).spawn().unwrap());
    // Gives the program time to begin its wait.
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.0.try_wait().unwrap().is_none());
    drop(child.0.stdout.take());
    eventually("exit after the pipe is closed", || child.0.try_wait().unwrap().is_some());
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}
