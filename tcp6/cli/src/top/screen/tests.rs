use std::time::Instant;

use serde_json::json;

use super::super::entry::Kind;
use super::super::entry::tests::connection;
use super::super::keys::{Action, Own};
use super::super::traffic::tests::{bytes, traffic};
use super::super::view::tests::sample;
use super::*;
use crate::live::keys::{Edit, FIRST_HELP, LAST_HELP};

fn drawn(view: &mut View, columns: u16, rows: u16) -> Vec<Line> {
    let lines = Screen::default().draw(view, (columns, rows));
    assert_eq!(lines.len(), usize::from(rows));
    lines
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
}

/// A busy, an idle and a new connection.
fn entries() -> Vec<Entry> {
    let busy = json!({ "bytes_received": 2_469_000, "bytes_sent": 68_000, "segments_retransmitted": 3 });
    let mut entries = vec![
        connection(
            1,
            700,
            traffic(json!({ "bytes_received": 0, "bytes_sent": 0, "segments_retransmitted": 0 }), Some(87)),
        ),
        connection(50_123, 1_234, traffic(busy, Some(12_300))),
        connection(3, 0, Traffic::default()),
    ];
    if let Kind::Connection { state, .. } = &mut entries[2].kind {
        *state = tcp6::State::SynSent;
    }
    entries
}

#[test]
fn shows_rates_units_and_the_sum() {
    let mut view = View::new(sample(entries()), false);
    let lines = drawn(&mut view, 100, 8);
    assert_eq!(
        texts(&lines),
        [
            "in 1.2 MB/s  out  34 kB/s  3 connections",
            "    In ▼    Out ▼    RTT   Retr State       Local       Remote            Owner",
            "1.2 MB/s  34 kB/s  12 ms      3 ESTABLISHED [::1]:50123 [2001:db8::1]:443 1234 curl",
            "   0 B/s    0 B/s  87 us      0 ESTABLISHED [::1]:1     [2001:db8::1]:443 700 nginx",
            "       -        -      -      - SYN-SENT    [::1]:3     [2001:db8::1]:443 nobody",
            "",
            "",
            "h help  q quit",
        ]
    );
    assert_eq!(
        [2, 3, 4].map(|line| lines[line].style()),
        [Style::PLAIN, Style::DIM, Style::PLAIN],
        "idle rows are dim"
    );
}

#[test]
fn shows_the_sum_of_each_process() {
    let mut all = entries();
    all.push(connection(4, 1_234, bytes(2, 0)));
    let mut view = View::new(sample(all), true);
    let lines = texts(&drawn(&mut view, 60, 7));
    assert_eq!(
        lines[..5],
        [
            "in 1.2 MB/s  out  34 kB/s  4 connections  3 processes",
            "    In ▼    Out ▼    RTT   Retr   Conns Process",
            "1.2 MB/s  34 kB/s  12 ms      3       2 1234 curl",
            "   0 B/s    0 B/s  87 us      0       1 700 nginx",
            "       -        -      -      -       1 nobody",
        ]
    );
}

#[test]
fn narrow_screens_keep_rates_ports_and_process_ids() {
    let mut all = entries();
    let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50123".parse().unwrap();
    for (entry, pid) in all.iter_mut().zip([1_234_567, 4_194_304, 12]) {
        let Kind::Connection { local, remote, .. } = &mut entry.kind else { panic!("{entry:?}") };
        (*local, *remote) = (long, Some(long));
        entry.owner = crate::owner::Named::new(tcp6::Owner::Process(pid), |_| Some("a-very-long-process-name".into()));
    }
    for (columns, addresses) in [(40, 0), (60, 2), (80, 2), (100, 2), (200, 2)] {
        let mut view = View::new(sample(all.clone()), false);
        let lines = texts(&drawn(&mut view, columns, 6));
        assert!(lines.iter().all(|line| width(line) <= columns.into()), "{columns}: {lines:#?}");
        assert!(lines[2].starts_with("1.2 MB/s  34 kB/s "), "{columns}: {lines:#?}");
        for (line, pid) in lines[2..5].iter().zip(["4194304", "1234567", "12"]) {
            assert_eq!(line.matches(":50123 ").count(), 2, "{columns}: {lines:#?}");
            assert_eq!(line.matches("[2").count(), addresses, "{columns}: {lines:#?}");
            assert!(line.split_whitespace().any(|word| word.trim_end_matches('…') == pid), "{columns}: {lines:#?}");
        }
    }
}

#[test]
fn owners_are_truncated_to_a_part_of_the_name_or_the_process_id() {
    let shown = |columns| truncate_owner("1234567 nginx", columns);
    assert_eq!(
        [13, 12, 9, 8, 7, 6].map(shown),
        ["1234567 nginx", "1234567 ngi…", "1234567 …", "1234567", "1234567", "12345…"]
    );
    assert_eq!(truncate_owner("unresolved", 7), "unreso…");
}

#[test]
fn title_and_notes_show_filters_errors_and_missing_counters() {
    let now = Instant::now();
    let mut without = sample(entries());
    without.no_counters = Some("the kernel does not count".to_owned());
    let mut view = View::new(without, false);
    for action in [Action::Filter(Edit::Begin), Action::Filter(Edit::Type('1')), Action::Pause, Action::Reverse] {
        view.act(action, now);
    }
    view.act(Action::Own(Own::SortBy(Sort::Rtt)), now);
    view.act(Action::Reverse, now);
    view.fail(&tcp6::Error::NotSupported);
    let lines = drawn(&mut view, 100, 6);
    let seen = texts(&lines);
    assert_eq!(seen[0], "in 1.2 MB/s  out  34 kB/s  3 connections   PAUSED   filter: 1_  lines 1-2 of 3");
    assert!(seen[1].contains(" RTT ▲ ") && seen[1].starts_with("      In      Out "), "{seen:#?}");
    assert_eq!(seen[4], "no rates: the kernel does not count");
    assert!(seen[5].starts_with("last poll failed: "), "{seen:#?}");
    assert_eq!(lines[5].style().color, Some(Color::Red));
}

#[test]
fn help_is_wrapped_and_complete_at_any_width() {
    let mut view = View::new(sample(entries()), false);
    view.act(Action::Help, Instant::now());
    for columns in [40, 80, 200] {
        let seen = texts(&drawn(&mut view, columns, 24));
        let all = seen.join("\n");
        assert!(FIRST_HELP.iter().chain(&HELP).chain(&LAST_HELP).all(|item| all.contains(item)), "{all}");
        assert!(seen.iter().all(|line| width(line) <= columns.into()), "{all}");
    }
}

#[test]
fn columns_do_not_shrink_until_widths_are_reset() {
    let mut view = View::new(sample(entries()), false);
    let mut screen = Screen::default();
    let remote_at = |lines: Vec<Line>| texts(&lines)[1].find("Remote").unwrap();
    let before = remote_at(screen.draw(&mut view, (120, 9)));
    view.update(sample(entries()[..1].to_vec()));
    assert_eq!(remote_at(screen.draw(&mut view, (120, 9))), before);
    screen.reset_widths();
    assert!(remote_at(screen.draw(&mut view, (120, 9))) < before);
}

#[test]
fn draws_any_screen_size() {
    let mut empty = View::new(sample(Vec::new()), false);
    let mut busy = View::new(sample(entries()), false);
    let mut grouped = View::new(sample(entries()), true);
    busy.act(Action::Help, Instant::now());
    for view in [&mut empty, &mut busy, &mut grouped] {
        for (columns, rows) in [(1, 2), (1, 100), (100, 2), (2, 2), (3, 7), (30, 4), (300, 200)] {
            drawn(view, columns, rows);
        }
        for size in [(0, 0), (1, 1), (100, 1)] {
            assert!(Screen::default().draw(view, size).len() >= usize::from(size.1));
        }
    }
    assert!(texts(&drawn(&mut empty, 40, 10)).join(" ").contains("IPv4 sockets are not listed"));
    assert_eq!(texts(&drawn(&mut empty, 80, 10))[0], "in        -  out        -  0 connections");
}
