use super::*;
use crate::live::keys::{Edit, Scroll};
use crate::watch::rows::LINGER;
use crate::watch::rows::tests::{connection, listener, names, owned};

/// The local ports of the visible rows.
fn ports(view: &View) -> Vec<u16> {
    view.visible().map(|entry| entry.row.local().port()).collect()
}

fn view_of(rows: &[Shown], now: Instant) -> View {
    let mut view = View::new(StateSet::all(), rows, names, now);
    view.fit(100);
    view
}

fn type_text(view: &mut View, text: &str, now: Instant) {
    view.act(Action::Filter(Edit::Begin), now);
    for typed in text.chars() {
        view.act(Action::Filter(Edit::Type(typed)), now);
    }
}

#[test]
fn rows_are_sorted_by_the_chosen_column() {
    let start = Instant::now();
    let mut view = view_of(&[connection(State::TimeWait, 10), connection(State::Established, 20), listener(30)], start);
    view.update([Change::Added(&listener(25))], names, start);
    assert_eq!(ports(&view), [25, 30, 20, 10], "by state, then by local endpoint");
    view.act(Action::Reverse, start);
    assert_eq!(ports(&view), [10, 20, 30, 25]);
    view.act(Action::Reverse, start);
    view.act(Action::Sort, start);
    assert_eq!((view.sort(), ports(&view)), (Sort::Local, vec![10, 20, 25, 30]));
    view.act(Action::Sort, start);
    assert_eq!((view.sort(), ports(&view)), (Sort::Remote, vec![25, 30, 10, 20]));
    view.act(Action::Sort, start);
    assert_eq!(view.sort(), Sort::Owner);
    view.act(Action::Sort, start);
    assert_eq!((view.sort(), ports(&view)), (Sort::Age, vec![25, 10, 20, 30]));
    view.act(Action::Sort, start);
    assert_eq!(view.sort(), Sort::State);
}

#[test]
fn filter_applies_while_it_is_typed() {
    let start = Instant::now();
    let mut view = view_of(&[connection(State::Established, 8010), listener(22), listener(8022)], start);
    type_text(&mut view, ":80", start);
    assert!(view.filter().is_typing());
    assert_eq!(ports(&view), [8022, 8010]);
    view.act(Action::Filter(Edit::Keep), start);
    assert!(!view.filter().is_typing());
    type_text(&mut view, "2", start);
    assert_eq!((view.filter().text(), ports(&view)), (":802", vec![8022]));
    view.act(Action::Filter(Edit::Erase), start);
    assert_eq!(ports(&view), [8022, 8010]);
    view.act(Action::Filter(Edit::Clear), start);
    assert_eq!((view.filter().is_typing(), ports(&view).len()), (false, 3));
    type_text(&mut view, "ListeN", start);
    assert_eq!(ports(&view), [22, 8022]);
}

#[test]
fn processes_with_the_same_name_are_adjacent() {
    let start = Instant::now();
    let rows = [
        owned(0, listener(1)),
        owned(1235, listener(2)),
        owned(700, listener(3)),
        owned(999, listener(4)),
        owned(1234, listener(5)),
        owned(1234, listener(6)),
        listener(7),
    ];
    let mut view = view_of(&rows, start);
    while view.sort() != Sort::Owner {
        view.act(Action::Sort, start);
    }
    assert_eq!(ports(&view), [4, 5, 6, 2, 3, 1, 7], "Sshd, nginx (3 times), no name, nobody, unresolved");
}

#[test]
fn filter_matches_owners_and_previous_owners_while_marked() {
    let start = Instant::now();
    let row = connection(State::Established, 10);
    let mut view = view_of(&[owned(1234, row), owned(999, listener(22)), owned(0, listener(80))], start);
    for (text, found) in [("nginx", 10), ("SSHD", 22), ("999 s", 22), ("nobody", 80)] {
        type_text(&mut view, text, start);
        assert_eq!(ports(&view), [found], "{text}");
        view.act(Action::Filter(Edit::Clear), start);
    }
    type_text(&mut view, "1234", start);
    view.update([Change::Changed { before: &owned(1234, row), after: &owned(0, row) }], names, start);
    assert_eq!(ports(&view), [10], "shown until the mark fades");
    view.fade(start + LINGER);
    assert!(ports(&view).is_empty());
}

#[test]
fn state_filter_cycles_through_states_that_have_rows() {
    let start = Instant::now();
    let (before, after) = (connection(State::Established, 10), connection(State::TimeWait, 10));
    let mut view = view_of(&[before, listener(30)], start);
    view.act(Action::Own(Own::State), start);
    assert_eq!((view.state(), ports(&view)), (Some(StateSet::LISTEN), vec![30]));
    view.act(Action::Own(Own::State), start);
    assert_eq!((view.state(), ports(&view)), (Some(StateSet::ESTABLISHED), vec![10]));
    view.update([Change::Changed { before: &before, after: &after }], names, start);
    assert_eq!(ports(&view), [10], "shown until the mark fades");
    view.fade(start + LINGER);
    assert!(ports(&view).is_empty());
    view.act(Action::Own(Own::State), start);
    assert_eq!((view.state(), ports(&view)), (Some(StateSet::TIME_WAIT), vec![10]));
    view.act(Action::Own(Own::State), start);
    assert_eq!((view.state(), ports(&view).len()), (None, 2));
}

#[test]
fn scrolling_stops_at_both_ends() {
    let start = Instant::now();
    let rows: Vec<Shown> = (1..=10).map(listener).collect();
    let mut view = view_of(&rows, start);
    view.fit(4);
    for (scroll, first) in [
        (Scroll::Up, 1),
        (Scroll::Down, 2),
        (Scroll::PageDown, 6),
        (Scroll::PageDown, 7),
        (Scroll::Down, 7),
        (Scroll::PageUp, 3),
        (Scroll::Bottom, 7),
        (Scroll::Top, 1),
    ] {
        view.act(Action::Scroll(scroll), start);
        assert_eq!(ports(&view), [first, first + 1, first + 2, first + 3], "{scroll:?}");
    }
    view.act(Action::Scroll(Scroll::Bottom), start);
    view.fit(20);
    assert_eq!(ports(&view).len(), 10, "a larger window shows more");
    view.fit(0);
    view.act(Action::Scroll(Scroll::PageDown), start);
    assert!(ports(&view).is_empty());
}

#[test]
fn keeps_counts_and_shows_an_error_until_the_next_successful_poll() {
    let start = Instant::now();
    let mut view = view_of(&[listener(1)], start);
    view.update([Change::Added(&listener(2))], names, start);
    view.update([Change::Removed(&listener(1)), Change::Removed(&listener(2))], names, start);
    view.fail(&tcp6::Error::NotSupported);
    assert!(view.failure().is_some());
    assert_eq!(view.tally(), Tally { removed: 2, ..Tally::default() });
    view.update([], names, start);
    assert_eq!(view.failure(), None);
    assert_eq!(view.states().collect::<Vec<_>>(), [State::Listen], "the state had rows at an earlier poll");
    assert_eq!(view.counts(State::Listen).collect::<Vec<_>>(), [0, 0, 2, 1]);
    for _ in 0..HISTORY {
        view.update([], names, start);
    }
    assert_eq!(view.counts(State::Listen).count(), HISTORY);
    assert_eq!(view.states().count(), 0);
}

#[test]
fn filter_matches_names_as_displayed() {
    let start = Instant::now();
    let named = |row: &Shown| match row.owner().pid()? {
        1 => Some("Bob's \"app\" a\\b".into()),
        2 => Some("ΟΔΟΣ".into()),
        3 => Some("\u{1b}[31mred".into()),
        _ => None,
    };
    let rows = [owned(1, listener(1)), owned(2, listener(2)), owned(3, listener(3)), owned(4, listener(4))];
    let mut view = View::new(StateSet::all(), &rows, named, start);
    view.fit(100);
    let found = [("bob's", 1), ("\"APP\"", 1), ("a\\b", 1), ("οδοσ", 2), ("ΟΔΟΣ", 2), ("\\u{1b}[31m", 3)];
    for (text, port) in found {
        type_text(&mut view, text, start);
        assert_eq!(ports(&view), [port], "{text}");
        view.act(Action::Filter(Edit::Clear), start);
    }
    assert_eq!(ports(&view).len(), 4);
}
