use std::time::{Duration, SystemTime};

use serde_json::json;

use super::super::entry::tests::connection;
use super::super::traffic::tests::{bytes, traffic};
use super::*;
use crate::live::keys::{Edit, Scroll};

pub fn sample(connections: Vec<Entry>) -> Sample {
    Sample { taken_at: SystemTime::UNIX_EPOCH, connections, no_counters: None }
}

fn view_of(connections: Vec<Entry>) -> View {
    let mut view = View::new(sample(connections), false);
    view.fit(100);
    view
}

/// The local ports of the visible connections.
fn ports(view: &View) -> Vec<u16> {
    view.visible().map(|entry| entry.local().unwrap().port()).collect()
}

fn owners(view: &View) -> Vec<String> {
    view.visible().map(|entry| entry.owner.to_string()).collect()
}

fn mixed() -> Vec<Entry> {
    let with_rtt = |received: u64, again: u64, rtt| {
        traffic(json!({ "bytes_received": received, "bytes_sent": 8, "segments_retransmitted": again }), Some(rtt))
    };
    vec![
        connection(1, 700, Traffic::default()),
        connection(2, 2_000, bytes(10, 900)),
        connection(3, 700, with_rtt(500, 0, 30)),
        connection(4, 0, with_rtt(0, 7, 2_000)),
    ]
}

#[test]
fn rows_are_sorted_by_the_chosen_column_and_unknown_values_are_last() {
    let now = Instant::now();
    let mut view = view_of(mixed());
    assert_eq!((view.sort(), ports(&view)), (Sort::Total, vec![2, 3, 4, 1]));
    for (sort, expected) in [
        (Sort::Received, [3, 2, 4, 1]),
        (Sort::Sent, [2, 3, 4, 1]),
        (Sort::Rtt, [4, 3, 1, 2]),
        (Sort::Retransmits, [4, 3, 1, 2]),
        (Sort::State, [1, 2, 3, 4]),
        (Sort::Local, [1, 2, 3, 4]),
        (Sort::Remote, [1, 2, 3, 4]),
        (Sort::Owner, [2, 1, 3, 4]),
        (Sort::Total, [2, 3, 4, 1]),
    ] {
        view.act(Action::Sort, now);
        assert_eq!((view.sort(), ports(&view)), (sort, expected.to_vec()));
    }
    view.act(Action::Reverse, now);
    assert_eq!(ports(&view), [1, 4, 3, 2]);
    view.act(Action::Own(Own::SortBy(Sort::Received)), now);
    assert_eq!((view.is_reversed(), ports(&view)), (false, vec![3, 2, 4, 1]), "a sort key starts from the highest");
}

#[test]
fn the_order_follows_each_interval() {
    let mut view = view_of(vec![connection(1, 1, bytes(10, 0)), connection(2, 2, bytes(20, 0))]);
    assert_eq!(ports(&view), [2, 1]);
    view.update(sample(vec![connection(1, 1, bytes(30, 0)), connection(2, 2, bytes(20, 0))]));
    assert_eq!(ports(&view), [1, 2]);
    assert_eq!((view.total().0, view.total().1.received()), (2, Some(25.0)));
}

#[test]
fn a_key_switches_to_processes_and_back() {
    let now = Instant::now();
    let mut view = view_of(mixed());
    view.act(Action::Own(Own::SortBy(Sort::Rtt)), now);
    view.act(Action::Own(Own::Group), now);
    assert_eq!((view.processes(), view.sort()), (Some(3), Sort::Rtt));
    assert_eq!(owners(&view), ["nobody", "700 nginx", "2000 curl"]);
    assert_eq!(view.total().0, 4, "the total counts connections");
    let sorts: Vec<Sort> = (0..BY_PROCESS.len())
        .map(|_| {
            view.act(Action::Sort, now);
            view.sort()
        })
        .collect();
    assert!(sorts.contains(&Sort::Connections) && !sorts.contains(&Sort::Local), "{sorts:?}");
    view.act(Action::Own(Own::SortBy(Sort::Total)), now);
    while view.sort() != Sort::Connections {
        view.act(Action::Sort, now);
    }
    assert_eq!(owners(&view)[0], "700 nginx");
    view.act(Action::Own(Own::Group), now);
    assert_eq!((view.processes(), view.sort(), ports(&view)), (None, Sort::Total, vec![2, 3, 4, 1]));
    assert_eq!(View::new(sample(mixed()), true).processes(), Some(3));
}

#[test]
fn the_filter_searches_ends_and_owners() {
    let now = Instant::now();
    let mut view = view_of(mixed());
    for (text, expected) in
        [("NGINX", vec![3, 1]), ("]:2", vec![2]), ("2001:db8", vec![2, 3, 4, 1]), ("nobody", vec![4])]
    {
        view.act(Action::Filter(Edit::Begin), now);
        text.chars().for_each(|typed| view.act(Action::Filter(Edit::Type(typed)), now));
        assert_eq!(ports(&view), expected, "{text}");
        view.act(Action::Filter(Edit::Clear), now);
    }
    view.act(Action::Own(Own::Group), now);
    view.act(Action::Filter(Edit::Begin), now);
    "curl".chars().for_each(|typed| view.act(Action::Filter(Edit::Type(typed)), now));
    assert_eq!(owners(&view), ["2000 curl"]);
}

#[test]
fn scrolling_stops_at_both_ends_and_when_rows_disappear() {
    let now = Instant::now();
    let rows = |count: u16| (1..=count).map(|port| connection(port, 1, bytes(u64::from(1_000 - port), 0))).collect();
    let mut view = view_of(rows(10));
    view.fit(4);
    for (scroll, first) in [(Scroll::Up, 1), (Scroll::PageDown, 5), (Scroll::Bottom, 7), (Scroll::Down, 7)] {
        view.act(Action::Scroll(scroll), now);
        assert_eq!(ports(&view), [first, first + 1, first + 2, first + 3], "{scroll:?}");
    }
    view.update(sample(rows(5)));
    assert_eq!(ports(&view), [2, 3, 4, 5]);
}

#[test]
fn an_error_is_kept_until_the_next_good_reading() {
    let now = Instant::now();
    let mut view = view_of(mixed());
    view.fail(&tcp6::Error::NotSupported);
    assert!(view.failure().is_some());
    assert_eq!(ports(&view).len(), 4, "the rows are kept");
    view.update(Sample { no_counters: Some("because".to_owned()), ..sample(Vec::new()) });
    assert_eq!((view.failure(), view.no_counters(), view.shown()), (None, Some("because"), 0));
    view.act(Action::Pause, now);
    view.act(Action::Help, now);
    assert_eq!((view.paused(), view.has_help()), (Some(now), true));
    view.act(Action::Pause, now + Duration::from_secs(1));
    assert_eq!(view.paused(), None);
}
