//! Draws the live view as lines of styled text.
//!
//! From top to bottom: a title, the row counts by state over time, the rows, errors and help.

use std::time::{Duration, Instant};

use tcp6::{State, StateSet};

use super::keys::HELP;
use super::layout::Widths;
use super::rows::{Entry, Mark, Tally};
use super::view::{Sort, View};
use crate::columns::{pad, truncate_endpoint, width};
use crate::live::lines::{empty, heading, notes, push_filter, wrap};
use crate::terminal::{Color, Line, Style};

/// The bars of the counts, by height in eighths of a line.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws frames. Keeps the widest column widths, so that columns do not move between frames.
#[derive(Debug, Default)]
pub struct Screen {
    widest: Widths,
}

impl Screen {
    /// Resets the column widths, which then fit the content of the next frame.
    pub fn reset_widths(&mut self) {
        self.widest = Widths::default();
    }

    /// Draws a frame. `size` is in columns and rows; the result has one line for each row.
    pub fn draw(&mut self, view: &mut View, now: Instant, size: (u16, u16)) -> Vec<Line> {
        let (columns, rows) = (usize::from(size.0), usize::from(size.1));
        // A placeholder for the title, which needs the range of visible rows.
        let mut lines = vec![Line::default()];

        let states: Vec<State> = view.states().collect();
        lines.extend(states.into_iter().take(rows / 3).map(|state| counts(view, state, columns)));

        let help = view.has_help().then_some(&HELP[..]);
        let mut notes = notes(view.failure(), help, columns);
        if let Some(note) = view.events_note() {
            let lines = wrap(note.split(' '), " ", columns);
            notes.splice(0..0, lines.into_iter().map(|text| Line::new(text, Style::DIM)));
        }
        let heading = 1;
        notes.truncate(rows.saturating_sub(lines.len() + heading));
        view.fit(rows.saturating_sub(lines.len() + heading + notes.len()));
        lines[0] = title(view);
        lines.extend(self.table(view, now, columns));
        lines.truncate(rows.saturating_sub(notes.len()));
        lines.resize(rows.saturating_sub(notes.len()), Line::default());
        lines.append(&mut notes);
        lines
    }

    /// Draws the heading and the visible rows.
    fn table(&mut self, view: &View, now: Instant, columns: usize) -> Vec<Line> {
        let cells: Vec<Cells> = view.visible().map(|entry| Cells::new(entry, now)).collect();
        let headings = headings(view);
        let content = cells.iter().map(Cells::widths).fold(headings.widths(), Widths::max);
        self.widest = self.widest.max(content);
        let widths = self.widest.fit(columns);

        let mut lines = vec![headings.line(widths, columns, Style::REVERSED)];
        lines.extend(view.visible().zip(cells).map(|(entry, cells)| {
            let style = match entry.mark(now) {
                Some(Mark::Added) => Style::color(Color::Green),
                Some(Mark::Removed) => Style::color(Color::Red),
                Some(Mark::Changed { .. }) => Style::color(Color::Yellow),
                Some(Mark::Brief) => Style::color(Color::Cyan),
                None => Style::PLAIN,
            };
            cells.line(widths, columns, style)
        }));
        if view.shown() == 0 {
            lines.extend(empty(columns));
        }
        lines
    }
}

/// The texts of a row, one for each column. Changes have a short text for narrow columns.
struct Cells {
    sign: &'static str,
    state: super::rows::Text,
    local: String,
    remote: String,
    owner: super::rows::Text,
    age: String,
}

impl Cells {
    fn new(entry: &Entry, now: Instant) -> Cells {
        Cells {
            sign: match entry.mark(now) {
                Some(Mark::Added) => "+",
                Some(Mark::Removed) => "-",
                Some(Mark::Changed { .. }) => "~",
                // Added and removed.
                Some(Mark::Brief) => "±",
                None => "",
            },
            state: entry.state_text(now),
            local: entry.local_text(),
            remote: entry.remote_text(),
            owner: entry.owner_text(now),
            age: entry.since().map(|since| age(now.saturating_duration_since(since))).unwrap_or_default(),
        }
    }

    fn widths(&self) -> Widths {
        Widths {
            state: width(&self.state.full),
            local: width(&self.local),
            remote: width(&self.remote),
            owner: width(&self.owner.full),
            age: width(&self.age),
        }
    }

    fn line(self, widths: Widths, columns: usize, style: Style) -> Line {
        let cells = [
            (pad(&self.state.in_columns(widths.state), widths.state), widths.state),
            (pad(&truncate_endpoint(&self.local, widths.local), widths.local), widths.local),
            (pad(&truncate_endpoint(&self.remote, widths.remote), widths.remote), widths.remote),
            (pad(&self.owner.in_columns(widths.owner), widths.owner), widths.owner),
            (pad(&self.age, widths.age), widths.age),
        ];
        let mut text = pad(self.sign, 1);
        for (cell, _) in cells.iter().filter(|(_, width)| *width > 0) {
            text.push(' ');
            text.push_str(cell);
        }
        // The reversed heading fills the line.
        if style.reversed {
            text = pad(&text, columns);
        }
        Line::new(text, style)
    }
}

fn headings(view: &View) -> Cells {
    let heading = |text: &str, sort: Sort| heading(text, view.sort() == sort, view.is_reversed());
    let text = |full| super::rows::Text { full, short: None };
    Cells {
        sign: "",
        state: text(heading("State", Sort::State)),
        local: heading("Local", Sort::Local),
        remote: heading("Remote", Sort::Remote),
        owner: text(heading("Owner", Sort::Owner)),
        // The width of most ages.
        age: pad(&heading("Age", Sort::Age), "59 min".len()),
    }
}

fn title(view: &View) -> Line {
    let Tally { added, removed, changed, brief } = view.tally();
    let lines = view.lines();
    let mut title = Line::new(format!("{} rows", view.total()), Style::BOLD);
    let mut push = |text: String, style: Style| {
        title.push("  ", Style::PLAIN);
        title.push(text, style);
    };
    push(format!("+{added}"), Style::color(Color::Green));
    push(format!("-{removed}"), Style::color(Color::Red));
    push(format!("~{changed}"), Style::color(Color::Yellow));
    if brief > 0 {
        push(format!("±{brief}"), Style::color(Color::Cyan));
    }
    if view.paused().is_some() {
        push(" PAUSED ".to_owned(), Style::REVERSED);
    }
    if let Some(state) = view.state() {
        push(format!("state: {state}"), Style::color(Color::Cyan));
    }
    push_filter(&mut title, view.filter());
    title.push(format!("  lines {}-{} of {}", lines.end.min(lines.start + 1), lines.end, view.shown()), Style::PLAIN);
    title
}

/// A state with its current row count and a bar for each remembered poll, the latest at the right.
fn counts(view: &View, state: State, columns: usize) -> Line {
    let now = view.counts(state).next().unwrap_or(0);
    let label = format!("{:12} {now:>8} ", StateSet::of(state).to_string());
    let bar_columns = columns.saturating_sub(label.len());
    let counts: Vec<usize> = view.counts(state).take(bar_columns).collect();
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    // Rounded up, so that a single row is visible next to thousands.
    let bar = |count: &usize| BARS[(count * 8).div_ceil(max).min(8)];
    let mut bars = " ".repeat(bar_columns - counts.len());
    bars.extend(counts.iter().rev().map(bar));
    let mut line = Line::new(label, Style::PLAIN);
    line.push(bars, Style::color(Color::Cyan));
    line
}

/// Formats a duration in its largest whole unit.
fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests;
