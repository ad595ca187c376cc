//! Draws the live view as lines of styled text.
//!
//! From top to bottom: a title with the sums, the rows, errors and help.

use std::net::SocketAddrV6;

use super::entry::Entry;
use super::keys::HELP;
use super::layout::Widths;
use super::traffic::Traffic;
use super::view::{Sort, View};
use crate::columns::{pad, truncate, truncate_endpoint, width};
use crate::live::lines::{empty, heading, notes, push_filter, wrap};
use crate::terminal::{Color, Line, Style};
use crate::units::{RATE_WIDTH, rate, time};

/// Draws frames. Keeps the widest column widths, so that columns do not move between frames.
#[derive(Debug, Default)]
pub struct Screen {
    widest: Option<Widths>,
}

impl Screen {
    /// Resets the column widths, which then fit the content of the next frame.
    pub fn reset_widths(&mut self) {
        self.widest = None;
    }

    /// Draws a frame. `size` is in columns and rows; the result has one line for each row.
    pub fn draw(&mut self, view: &mut View, size: (u16, u16)) -> Vec<Line> {
        let (columns, rows) = (usize::from(size.0), usize::from(size.1));
        let mut notes = notes(view.failure(), view.has_help().then_some(&HELP[..]), columns);
        if let Some(reason) = view.no_counters() {
            let reason = format!("no rates: {reason}");
            let lines = wrap(reason.split(' '), " ", columns);
            notes.splice(0..0, lines.into_iter().map(|text| Line::new(text, Style::color(Color::Yellow))));
        }
        let title_and_heading = 2;
        notes.truncate(rows.saturating_sub(title_and_heading));
        view.fit(rows.saturating_sub(title_and_heading + notes.len()));

        let mut lines = vec![title(view)];
        lines.extend(self.table(view, columns));
        lines.resize(rows.saturating_sub(notes.len()), Line::default());
        lines.append(&mut notes);
        lines
    }

    /// Draws the heading and the visible rows.
    fn table(&mut self, view: &View, columns: usize) -> Vec<Line> {
        let headings = headings(view);
        let cells: Vec<Cells> = view.visible().map(Cells::new).collect();
        let is_by_process = view.processes().is_some();
        let content = cells.iter().chain([&headings]).map(|cells| cells.widths(is_by_process));
        let content = content.chain(self.widest).reduce(Widths::max);
        self.widest = content;
        let widths = content.unwrap_or(Widths::of_processes(0)).fit(columns);

        let mut lines = vec![Line::new(pad(&headings.texts(widths).concat(), columns), Style::REVERSED)];
        lines.extend(view.visible().zip(&cells).map(|(entry, cells)| row(&entry.traffic, cells, widths)));
        if view.shown() == 0 {
            lines.extend(empty(columns));
        }
        lines
    }
}

/// A row. What is zero is dim, as is the row if nothing was sent or received, and retransmits are colored.
fn row(traffic: &Traffic, cells: &Cells, widths: Widths) -> Line {
    let style = if traffic.is_idle() { Style::DIM } else { Style::PLAIN };
    let of_rate = |rate: Option<f64>| if rate == Some(0.0) { Style::DIM } else { style };
    let has_retransmits = traffic.retransmitted().is_some_and(|segments| segments > 0);
    let styles = [
        of_rate(traffic.received()),
        of_rate(traffic.sent()),
        style,
        if has_retransmits { Style::color(Color::Yellow).bold() } else { style },
        style,
    ];
    let mut line = Line::default();
    for (text, style) in cells.texts(widths).into_iter().zip(styles) {
        line.push(text, style);
    }
    line
}

/// The texts of a row, one for each column.
struct Cells {
    received: String,
    sent: String,
    rtt: String,
    retransmits: String,
    connections: String,
    state: String,
    local: String,
    remote: String,
    owner: String,
}

impl Cells {
    fn new(entry: &Entry) -> Cells {
        let unknown = || "-".to_owned();
        let end = |end: Option<SocketAddrV6>| end.map_or_else(unknown, |end| end.to_string());
        let traffic = &entry.traffic;
        Cells {
            received: traffic.received().map_or_else(unknown, rate),
            sent: traffic.sent().map_or_else(unknown, rate),
            rtt: traffic.rtt.map_or_else(unknown, time),
            retransmits: traffic.retransmitted().map_or_else(unknown, |segments| segments.to_string()),
            connections: entry.connections().to_string(),
            state: entry.state().map_or_else(unknown, |state| state.to_string()),
            local: end(entry.local()),
            remote: end(entry.remote()),
            owner: entry.owner.to_string(),
        }
    }

    fn widths(&self, is_by_process: bool) -> Widths {
        if is_by_process {
            Widths::of_processes(width(&self.owner))
        } else {
            Widths::of_connections(width(&self.state), width(&self.local), width(&self.remote), width(&self.owner))
        }
    }

    /// The texts of the first four columns and of all others.
    fn texts(&self, widths: Widths) -> [String; 5] {
        // A number that exceeds its column is not truncated to another number.
        let number = |text: &str, width: usize| if width == 0 { String::new() } else { format!("{text:>width$}") };
        let gap = |text: String| if text.is_empty() { text } else { format!(" {text}") };
        let rest = [
            number(&self.connections, widths.connections),
            pad(&self.state, widths.state),
            pad(&truncate_endpoint(&self.local, widths.local), widths.local),
            pad(&truncate_endpoint(&self.remote, widths.remote), widths.remote),
            truncate_owner(&self.owner, widths.owner),
        ];
        [
            number(&self.received, widths.received),
            gap(number(&self.sent, widths.sent)),
            gap(number(&self.rtt, widths.rtt)),
            gap(number(&self.retransmits, widths.retransmits)),
            rest.map(gap).concat(),
        ]
    }
}

/// Truncates an owner. If its name would be lost, the process ID alone is shown, without an ellipsis.
fn truncate_owner(owner: &str, columns: usize) -> String {
    match owner.split_once(' ') {
        Some((pid, _)) if width(owner) > columns && width(pid) + 1 >= columns => truncate(pid, columns),
        _ => truncate(owner, columns),
    }
}

fn headings(view: &View) -> Cells {
    let sort = view.sort();
    let column = |text: &str, column: Sort| {
        let is_total = sort == Sort::Total && matches!(column, Sort::Received | Sort::Sent);
        heading(text, is_total || sort == column, view.is_reversed())
    };
    Cells {
        received: column("In", Sort::Received),
        sent: column("Out", Sort::Sent),
        rtt: column("RTT", Sort::Rtt),
        retransmits: column("Retr", Sort::Retransmits),
        connections: column("Conns", Sort::Connections),
        state: column("State", Sort::State),
        local: column("Local", Sort::Local),
        remote: column("Remote", Sort::Remote),
        owner: column(if view.processes().is_some() { "Process" } else { "Owner" }, Sort::Owner),
    }
}

/// The sum of all connections first, because it is what a narrow screen should show.
fn title(view: &View) -> Line {
    let (connections, sum) = view.total();
    let shown = |per_second: Option<f64>| format!("{:>RATE_WIDTH$}", per_second.map_or("-".to_owned(), rate));
    let counted = |count: usize, one: &str, many: &str| format!("  {count} {}", if count == 1 { one } else { many });
    let mut title = Line::new(format!("in {}", shown(sum.received())), Style::color(Color::Green).bold());
    title.push(format!("  out {}", shown(sum.sent())), Style::color(Color::Cyan).bold());
    title.push(counted(connections, "connection", "connections"), Style::PLAIN);
    if let Some(processes) = view.processes() {
        title.push(counted(processes, "process", "processes"), Style::PLAIN);
    }
    if view.paused().is_some() {
        title.push("  ", Style::PLAIN);
        title.push(" PAUSED ", Style::REVERSED);
    }
    push_filter(&mut title, view.filter());
    let lines = view.lines();
    if lines.len() < view.shown() {
        let first = lines.end.min(lines.start + 1);
        title.push(format!("  lines {first}-{} of {}", lines.end, view.shown()), Style::PLAIN);
    }
    title
}

#[cfg(test)]
mod tests;
