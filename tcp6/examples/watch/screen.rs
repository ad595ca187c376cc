//! Draws the view.
//!
//! From the top: a line about the whole, the counts by state over time, the rows, and at the bottom failures and help.

use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Row, Sparkline, Table, Widget};
use tcp6::{State, StateSet};

use super::keys::HELP;
use super::rows::{Entry, Mark, Tally, Text};
use super::view::{Sort, View};

/// From so many columns on a state has room for the longest of the usual changes, and else for what it has come to.
const WIDE: u16 = 80;

/// Sign, state, local end, remote end, owner, age.
fn columns(area: Rect) -> [Rect; 6] {
    let state = if area.width < WIDE { "-> SYN-RECEIVED" } else { "SYN-RECEIVED -> ESTABLISHED" };
    Layout::horizontal([
        Constraint::Length(1),
        Constraint::Length(state.len() as u16),
        Constraint::Fill(1),
        Constraint::Fill(1),
        // An id and a short name at 80 columns, and at 160 no more than leaves long addresses their room.
        Constraint::Length((area.width / 5).min(28)),
        Constraint::Length("59 min".len() as u16),
    ])
    .spacing(1)
    .areas(area)
}

pub fn draw(frame: &mut Frame<'_>, view: &mut View, now: Instant) {
    let notes = notes(view);
    let states: Vec<State> = view.states().collect();
    let height = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
    let [title_area, counts_area, rows_area, notes_area] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(height(states.len()).min(frame.area().height / 3)),
        Constraint::Fill(1),
        Constraint::Length(height(notes.len())),
    ])
    .areas(frame.area());
    let heading = 1;
    view.fit(rows_area.height.saturating_sub(heading).into());

    let buffer = frame.buffer_mut();
    title(view).render(title_area, buffer);
    for (state, area) in states.into_iter().zip(counts_area.rows()) {
        draw_counts(view, state, area, buffer);
    }
    draw_rows(view, now, rows_area, buffer);
    for (note, area) in notes.into_iter().zip(notes_area.rows()) {
        note.render(area, buffer);
    }
}

fn title(view: &View) -> Line<'_> {
    let Tally { added, removed, changed } = view.tally();
    let lines = view.lines();
    let mut parts = vec![
        format!("{} rows", view.total()).bold(),
        format!("+{added}").green(),
        format!("-{removed}").red(),
        format!("~{changed}").yellow(),
        format!("lines {}-{} of {}", lines.end.min(lines.start + 1), lines.end, view.shown()).into(),
    ];
    if let Some(state) = view.state() {
        parts.push(format!("only {state}").cyan());
    }
    if view.is_typing() {
        parts.push(format!("filter: {}_", view.filter()).cyan().bold());
    } else if !view.filter().is_empty() {
        parts.push(format!("filter: {}", view.filter()).cyan());
    }
    if view.paused().is_some() {
        parts.push(" PAUSED ".reversed());
    }
    parts.into_iter().flat_map(|part| [part, "  ".into()]).collect()
}

/// One state: its name, its rows now, and its rows over time up to now, which is at the right.
fn draw_counts(view: &View, state: State, area: Rect, buffer: &mut Buffer) {
    let name = StateSet::of(state).to_string();
    let now = view.counts(state).next().unwrap_or(0);
    let [text_area, bars_area] = Layout::horizontal([Constraint::Length(22), Constraint::Fill(1)]).areas(area);
    Line::from(format!("{name:12} {now:>8}")).render(text_area, buffer);

    // In eighths of a line, rounded up: a few rows are not shown as none because there once were thousands.
    let counts = || view.counts(state).take(bars_area.width.into());
    let most = counts().max().unwrap_or(0).max(1);
    let bars = counts().map(|count| (count * 8).div_ceil(most) as u64);
    let sparkline = Sparkline::default().data(bars).max(8).direction(RenderDirection::RightToLeft);
    sparkline.cyan().render(bars_area, buffer);
}

fn draw_rows(view: &View, now: Instant, area: Rect, buffer: &mut Buffer) {
    // Laid out here and not by the table, as what does not fit loses what matters least: an end keeps its port, and a
    // change the side that tells more.
    let widths = columns(area).map(|column| column.width);
    let [_, state, local, remote, owner, _] = widths;
    let row = |entry: &Entry| {
        let (sign, style) = match entry.mark(now) {
            Some(Mark::Added) => ("+", Color::Green.into()),
            Some(Mark::Removed) => ("-", Color::Red.into()),
            Some(Mark::Changed { .. }) => ("~", Color::Yellow.into()),
            None => ("", Style::new()),
        };
        let cells = [
            sign.to_owned(),
            fit(entry.state_text(now), state),
            shorten(entry.local_text(), local),
            shorten(entry.remote_text(), remote),
            fit(entry.owner_text(now), owner),
            entry.since().map(|since| age(now.saturating_duration_since(since))).unwrap_or_default(),
        ];
        Row::new(cells).style(style)
    };
    let heading = |text: &str, sort: Sort| {
        let arrow = match (view.sort() == sort, view.is_reversed()) {
            (false, _) => "",
            (true, false) => " ▼",
            (true, true) => " ▲",
        };
        format!("{text}{arrow}")
    };
    let headings = [
        String::new(),
        heading("State", Sort::State),
        heading("Local", Sort::Local),
        heading("Remote", Sort::Remote),
        heading("Owner", Sort::Owner),
        heading("Age", Sort::Age),
    ];
    let table = Table::new(view.visible().map(row), widths).column_spacing(1).header(Row::new(headings).reversed());
    Widget::render(table, area, buffer);
}

/// What stands below the rows.
fn notes(view: &View) -> Vec<Line<'static>> {
    let mut notes = Vec::new();
    if let Some(failure) = view.failure() {
        notes.push(format!("the last poll failed: {failure}").red().bold().into());
    }
    if view.has_help() {
        notes.extend(HELP.map(Line::from));
    } else if notes.is_empty() {
        notes.push(Line::from("h help  q quit").dim());
    }
    notes
}

/// What there is room for. Names are in any script: a letter may be as wide as two.
fn fit(text: Text, width: u16) -> String {
    match text.short {
        Some(short) if Span::raw(&text.full).width() > width.into() => short,
        _ => text.full,
    }
}

/// The end of the text, if all of it does not fit.
fn shorten(text: String, width: u16) -> String {
    match text.len().checked_sub(width.into()) {
        None | Some(0) => text,
        Some(excess) => format!("…{}", text.get(excess + 1..).unwrap_or_default()),
    }
}

/// In the largest unit that it fills.
fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use tcp6::Change;

    use super::super::keys::{Action, Edit};
    use super::super::rows::LINGER;
    use super::super::rows::tests::{connection, listener, names, owned};
    use super::*;

    /// What is on a screen of this size.
    fn drawn(view: &mut View, now: Instant, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view, now)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn lines(screen: &Buffer) -> Vec<String> {
        let line = |row: Rect| row.positions().map(|place| screen[place].symbol()).collect::<String>();
        screen.area.rows().map(|row| line(row).trim_end().to_owned()).collect()
    }

    /// The line with this text, its first character and its colour.
    fn line_of(screen: &Buffer, text: &str) -> (String, Color) {
        let lines = lines(screen);
        let place = lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:#?}"));
        (lines[place].clone(), screen[(0, place as u16)].fg)
    }

    /// One row that appeared, one that vanished, one that changed, and one that did nothing.
    fn eventful(start: Instant) -> View {
        let (before, after) = (connection(State::Established, 3000), connection(State::FinWait2, 3000));
        let (added, removed, still) = (listener(1000), listener(2000), listener(4000));
        let mut view = View::new(StateSet::all(), &[before, removed, still], names, start);
        let changes =
            [Change::Added(&added), Change::Removed(&removed), Change::Changed { before: &before, after: &after }];
        view.update(changes, names, start);
        view
    }

    #[test]
    fn what_happened_to_a_row_is_seen_by_colour_sign_and_text() {
        let start = Instant::now();
        let mut view = eventful(start);
        let screen = drawn(&mut view, start, 100, 20);
        let (line, colour) = line_of(&screen, "[::1]:1000");
        assert!(line.starts_with("+ LISTEN ") && line.ends_with(" 0 s"), "{line}");
        assert_eq!(colour, Color::Green);
        let (line, colour) = line_of(&screen, "[::1]:2000");
        assert!(line.starts_with("- LISTEN "), "{line}");
        assert_eq!(colour, Color::Red);
        let (line, colour) = line_of(&screen, "[::1]:3000");
        assert!(line.starts_with("~ ESTABLISHED -> FIN-WAIT-2 "), "{line}");
        assert_eq!(colour, Color::Yellow);
        let (line, colour) = line_of(&screen, "[::1]:4000");
        assert!(line.starts_with("  LISTEN "), "{line}");
        assert_eq!(colour, Color::Reset);
        assert!(lines(&screen)[0].starts_with("3 rows  +1  -1  ~1  lines 1-4 of 4"), "{:?}", lines(&screen)[0]);
    }

    #[test]
    fn what_happened_is_forgotten_after_a_while() {
        let start = Instant::now();
        let mut view = eventful(start);
        view.fade(start + LINGER);
        let screen = drawn(&mut view, start + LINGER, 100, 20);
        assert!(line_of(&screen, "[::1]:1000").0.starts_with("  LISTEN "));
        assert!(line_of(&screen, "[::1]:3000").0.starts_with("  FIN-WAIT-2 "));
        assert!(!lines(&screen).iter().any(|line| line.contains("[::1]:2000")));
    }

    #[test]
    fn counts_are_bars_with_the_latest_at_the_right() {
        let start = Instant::now();
        let rows: Vec<_> = (1..=100).map(listener).collect();
        let mut view = View::new(StateSet::all(), &rows, names, start);
        view.update(rows[1..].iter().map(Change::Removed), names, start);
        let screen = drawn(&mut view, start, 40, 12);
        let (line, _) = line_of(&screen, "LISTEN        ");
        assert!(line.starts_with("LISTEN              1 ") && line.ends_with(" █▁"), "{line}");
    }

    #[test]
    fn title_and_notes_say_how_it_is_looked_at() {
        let start = Instant::now();
        let mut view = eventful(start);
        for action in [
            Action::State,
            Action::Filter(Edit::Begin),
            Action::Filter(Edit::Type('4')),
            Action::Pause,
            Action::Sort,
            Action::Reverse,
        ] {
            view.act(action, start);
        }
        view.fail(&tcp6::Error::NotSupported);
        let seen = lines(&drawn(&mut view, start, 100, 20));
        assert_eq!(seen[0], "3 rows  +1  -1  ~1  lines 1-1 of 1  only LISTEN  filter: 4_   PAUSED");
        assert!(seen.iter().any(|line| line.contains("Local ▲")), "{seen:#?}");
        assert!(seen[19].starts_with("the last poll failed: "), "{seen:#?}");
        view.act(Action::Help, start);
        let seen = lines(&drawn(&mut view, start, 100, 20));
        assert_eq!(seen[18..], HELP);
    }

    #[test]
    fn an_end_that_does_not_fit_keeps_its_port() {
        let start = Instant::now();
        let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50123";
        let row = tcp6::Row::new(State::Listen, long.parse().unwrap(), None);
        let screen = drawn(&mut View::new(StateSet::all(), &[row], names, start), start, 70, 10);
        assert!(line_of(&screen, ":50123").0.starts_with("  LISTEN          …"));
        assert_eq!(shorten("[::1]:80".to_owned(), 8), "[::1]:80");
        assert_eq!(shorten("[::1]:80".to_owned(), 7), "…:1]:80");
        assert_eq!(shorten("[::1]:80".to_owned(), 0), "…");
    }

    #[test]
    fn whose_a_row_is_is_told_with_its_change() {
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
        let (line, colour) = line_of(&screen, "[::1]:2000");
        assert_eq!((words(line), colour), ("- LISTEN [::1]:2000 - 999 Sshd 0 s".to_owned(), Color::Red));
        let (line, colour) = line_of(&screen, "[::1]:3000");
        let told = "~ ESTABLISHED -> FIN-WAIT-1 [::1]:3000 [::1]:443 1234 nginx -> nobody 0 s".to_owned();
        assert_eq!((words(line), colour), (told, Color::Yellow));

        let (line, _) = line_of(&drawn(&mut view, start, 70, 20), "[::1]:3000");
        assert_eq!(words(line), "~ -> FIN-WAIT-1 [::1]:3000 [::1]:443 1234 nginx -> 0 s", "there is no room for more");
        view.fade(start + LINGER);
        let (line, _) = line_of(&drawn(&mut view, start + LINGER, 120, 20), "[::1]:3000");
        assert_eq!(words(line), "FIN-WAIT-1 [::1]:3000 [::1]:443 nobody 3 s");
    }

    #[test]
    fn no_size_and_no_table_is_too_small() {
        let start = Instant::now();
        let mut empty = View::new(StateSet::all(), &[], names, start);
        let mut eventful = eventful(start);
        eventful.act(Action::Help, start);
        for view in [&mut empty, &mut eventful] {
            for (width, height) in [(0, 0), (1, 1), (1, 100), (100, 1), (2, 2), (3, 7), (30, 4), (300, 200)] {
                drawn(view, start, width, height);
            }
        }
        assert_eq!(lines(&drawn(&mut empty, start, 80, 10))[0], "0 rows  +0  -0  ~0  lines 0-0 of 0");
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let told = [0, 59, 60, 3599, 3600, 86399, 86400, 8_640_000].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(told, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "100 d"]);
    }
}
