use tcp6::Change;

use super::super::keys::{Action, HELP, Own};
use super::super::rows::LINGER;
use super::super::rows::tests::{connection, listener, names, owned};
use super::*;
use crate::live::keys::{Edit, FIRST_HELP, LAST_HELP};
use crate::live::lines::EMPTY;

fn drawn(view: &mut View, now: Instant, columns: u16, rows: u16) -> Vec<Line> {
    let lines = Screen::default().draw(view, now, (columns, rows));
    assert_eq!(lines.len(), usize::from(rows));
    lines
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
}

/// The line that contains this text, and its color.
fn line_of(lines: &[Line], text: &str) -> (String, Option<Color>) {
    let texts = texts(lines);
    let at = texts.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {texts:#?}"));
    (texts[at].clone(), lines[at].style().color)
}

/// A view with an added, a removed, a changed and an unchanged row.
fn view_with_changes(start: Instant) -> View {
    let (before, after) = (connection(State::Established, 3000), connection(State::FinWait2, 3000));
    let (added, removed, still) = (listener(1000), listener(2000), listener(4000));
    let mut view = View::new(StateSet::all(), &[before, removed, still], names, start);
    let changes =
        [Change::Added(&added), Change::Removed(&removed), Change::Changed { before: &before, after: &after }];
    view.update(changes, names, start);
    view
}

#[test]
fn changes_have_a_color_a_sign_and_a_text() {
    let start = Instant::now();
    let mut view = view_with_changes(start);
    let screen = drawn(&mut view, start, 100, 20);
    let (line, color) = line_of(&screen, "[::1]:1000");
    assert!(line.starts_with("+ LISTEN ") && line.ends_with(" 0 s"), "{line}");
    assert_eq!(color, Some(Color::Green));
    let (line, color) = line_of(&screen, "[::1]:2000");
    assert!(line.starts_with("- LISTEN "), "{line}");
    assert_eq!(color, Some(Color::Red));
    let (line, color) = line_of(&screen, "[::1]:3000");
    assert!(line.starts_with("~ ESTABLISHED -> FIN-WAIT-2 "), "{line}");
    assert_eq!(color, Some(Color::Yellow));
    let (line, color) = line_of(&screen, "[::1]:4000");
    assert!(line.starts_with("  LISTEN "), "{line}");
    assert_eq!(color, None);
    assert_eq!(texts(&screen)[0], "3 rows  +1  -1  ~1  lines 1-4 of 4");
}

#[test]
fn marks_fade() {
    let start = Instant::now();
    let mut view = view_with_changes(start);
    view.fade(start + LINGER);
    let screen = drawn(&mut view, start + LINGER, 100, 20);
    assert!(line_of(&screen, "[::1]:1000").0.starts_with("  LISTEN "));
    assert!(line_of(&screen, "[::1]:3000").0.starts_with("  FIN-WAIT-2 "));
    assert!(!texts(&screen).iter().any(|line| line.contains("[::1]:2000")));
}

#[test]
fn draws_counts_as_bars_with_the_latest_at_the_right() {
    let start = Instant::now();
    let rows: Vec<_> = (1..=100).map(listener).collect();
    let mut view = View::new(StateSet::all(), &rows, names, start);
    view.update(rows[1..].iter().map(Change::Removed), names, start);
    let screen = drawn(&mut view, start, 40, 12);
    let line = line_of(&screen, "LISTEN        ").0;
    assert_eq!(line, format!("LISTEN              1 {}█▁", " ".repeat(16)));
}

#[test]
fn title_and_notes_show_filters_sort_order_and_errors() {
    let start = Instant::now();
    let mut view = view_with_changes(start);
    for action in [
        Action::Own(Own::State),
        Action::Filter(Edit::Begin),
        Action::Filter(Edit::Type('4')),
        Action::Pause,
        Action::Sort,
        Action::Reverse,
    ] {
        view.act(action, start);
    }
    view.fail(&tcp6::Error::NotSupported);
    let seen = texts(&drawn(&mut view, start, 100, 20));
    assert_eq!(seen[0], "3 rows  +1  -1  ~1   PAUSED   state: LISTEN  filter: 4_  lines 1-1 of 1");
    assert!(seen.iter().any(|line| line.contains("Local ▲")), "{seen:#?}");
    assert!(seen[19].starts_with("last poll failed: "), "{seen:#?}");
}

#[test]
fn help_is_wrapped_and_complete_at_any_width() {
    let start = Instant::now();
    let mut view = view_with_changes(start);
    view.act(Action::Help, start);
    for columns in [40, 80, 200] {
        let seen = texts(&drawn(&mut view, start, columns, 24));
        let all = seen.join("\n");
        assert!(FIRST_HELP.iter().chain(&HELP).chain(&LAST_HELP).all(|item| all.contains(item)), "{all}");
        assert!(seen.iter().all(|line| width(line) <= columns.into()), "{all}");
    }
}

#[test]
fn columns_fit_their_content() {
    let start = Instant::now();
    let rows = [owned(999, connection(State::Established, 3000)), owned(1234, listener(22))];
    let mut view = View::new(StateSet::all(), &rows, names, start);
    let seen = texts(&drawn(&mut view, start, 80, 8));
    assert_eq!(seen[4], "  LISTEN      [::1]:22   -         1234 nginx", "{seen:#?}");
    assert_eq!(seen[5], "  ESTABLISHED [::1]:3000 [::1]:443 999 Sshd", "{seen:#?}");
    let seen = texts(&drawn(&mut view, start, 40, 8));
    assert_eq!(seen[5], "  ESTABLISHED [::1]:3000 [::1]:443", "endpoints are not truncated");
}

#[test]
fn columns_do_not_shrink_until_widths_are_reset() {
    let start = Instant::now();
    let wide = connection(State::Established, 30000);
    let mut view = View::new(StateSet::all(), &[wide, listener(22)], names, start);
    let mut screen = Screen::default();
    let remote_at = |lines: Vec<Line>| texts(&lines).iter().find_map(|line| line.find("Remote")).unwrap();
    let before = remote_at(screen.draw(&mut view, start, (80, 20)));
    view.update([Change::Removed(&wide)], names, start);
    view.fade(start + LINGER);
    assert_eq!(remote_at(screen.draw(&mut view, start + LINGER, (80, 20))), before);
    screen.reset_widths();
    assert!(remote_at(screen.draw(&mut view, start + LINGER, (80, 20))) < before);
}

#[test]
fn truncated_endpoints_keep_their_port() {
    let start = Instant::now();
    let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50123".parse().unwrap();
    let row = tcp6::Row::new(State::Established, long, Some(long));
    let mut view = View::new(StateSet::all(), &[row], names, start);
    let (line, _) = line_of(&drawn(&mut view, start, 70, 10), ":50123");
    assert_eq!(line.matches("]:50123").count(), 2, "{line}");
    assert!(line.contains("[2001:db…"), "{line}");
}

#[test]
fn shows_changes_of_owners() {
    let start = Instant::now();
    let (before, gone) = (owned(1234, connection(State::Established, 3000)), owned(999, listener(2000)));
    let after = owned(0, connection(State::FinWait1, 3000));
    let mut view = View::new(StateSet::all(), &[before, gone], names, start);
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let screen = drawn(&mut view, start, 120, 20);
    assert_eq!(words(line_of(&screen, "[::1]:2000").0), "LISTEN [::1]:2000 - 999 Sshd");

    let changes = [Change::Removed(&gone), Change::Changed { before: &before, after: &after }];
    view.update(changes, |_| None, start);
    let screen = drawn(&mut view, start, 120, 20);
    let (line, color) = line_of(&screen, "[::1]:2000");
    assert_eq!((words(line), color), ("- LISTEN [::1]:2000 - 999 Sshd 0 s".to_owned(), Some(Color::Red)));
    let (line, color) = line_of(&screen, "[::1]:3000");
    let shown = "~ ESTABLISHED -> FIN-WAIT-1 [::1]:3000 [::1]:443 1234 nginx -> nobody 0 s".to_owned();
    assert_eq!((words(line), color), (shown, Some(Color::Yellow)));

    let (line, _) = line_of(&drawn(&mut view, start, 60, 20), "[::1]:3000");
    assert_eq!(words(line), "~ -> FIN-WAIT-1 [::1]:3000 [::1]:443 1234 nginx -> 0 s", "too narrow for both owners");
    view.fade(start + LINGER);
    let (line, _) = line_of(&drawn(&mut view, start + LINGER, 120, 20), "[::1]:3000");
    assert_eq!(words(line), "FIN-WAIT-1 [::1]:3000 [::1]:443 nobody 3 s");
}

#[test]
fn empty_table_explains_that_ipv4_is_not_listed() {
    let start = Instant::now();
    let mut empty = View::new(StateSet::all(), &[], names, start);
    assert_eq!(line_of(&drawn(&mut empty, start, 80, 10), "IPv4").0, EMPTY);
    assert_eq!(texts(&drawn(&mut empty, start, 80, 10))[0], "0 rows  +0  -0  ~0  lines 0-0 of 0");
    assert!(texts(&drawn(&mut empty, start, 40, 10)).join(" ").contains(EMPTY));
}

#[test]
fn draws_any_screen_size() {
    let start = Instant::now();
    let mut empty = View::new(StateSet::all(), &[], names, start);
    let mut view_with_changes = view_with_changes(start);
    view_with_changes.act(Action::Help, start);
    for view in [&mut empty, &mut view_with_changes] {
        for (columns, rows) in [(0, 0), (1, 1), (1, 100), (100, 1), (2, 2), (3, 7), (30, 4), (300, 200)] {
            drawn(view, start, columns, rows);
        }
    }
}

#[test]
fn ages_use_the_largest_whole_unit() {
    let ages = [0, 59, 60, 3599, 3600, 86399, 86400, 8_640_000].map(|seconds| age(Duration::from_secs(seconds)));
    assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "100 d"]);
}
