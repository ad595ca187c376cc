//! The lines around the rows of a live view.

use super::filter::Filter;
use super::keys::{FIRST_HELP, LAST_HELP};
use crate::columns::width;
use crate::terminal::{Color, Line, Style};

/// What a view shows if no row passes its filters.
pub const EMPTY: &str = "no matching sockets (IPv4 sockets are not listed)";

/// The lines that explain an empty table.
pub fn empty(columns: usize) -> impl Iterator<Item = Line> {
    wrap(EMPTY.split(' '), " ", columns).into_iter().map(|text| Line::new(text, Style::DIM))
}

/// A heading, with an arrow if the rows are sorted by its column.
pub fn heading(text: &str, is_sorted: bool, points_up: bool) -> String {
    let arrow = match (is_sorted, points_up) {
        (false, _) => "",
        (true, false) => " ▼",
        (true, true) => " ▲",
    };
    format!("{text}{arrow}")
}

/// Appends the text filter to the title.
pub fn push_filter(title: &mut Line, filter: &Filter) {
    let (text, style) = match (filter.is_typing(), filter.text()) {
        (true, text) => (format!("filter: {text}_"), Style::color(Color::Cyan).bold()),
        (false, "") => return,
        (false, text) => (format!("filter: {text}"), Style::color(Color::Cyan)),
    };
    title.push("  ", Style::PLAIN);
    title.push(text, style);
}

/// The lines below the rows: the error of the last poll, the help or the key hint. `own_help` are the own keys of the
/// view, if the help is shown. An entry of the help is never split across lines.
pub fn notes(failure: Option<&str>, own_help: Option<&[&str]>, columns: usize) -> Vec<Line> {
    let mut notes = Vec::new();
    if let Some(failure) = failure {
        let text = format!("last poll failed: {failure}");
        let lines = wrap(text.split(' '), " ", columns);
        notes.extend(lines.into_iter().map(|text| Line::new(text, Style::color(Color::Red).bold())));
    }
    if let Some(own) = own_help {
        let help = FIRST_HELP.iter().chain(own).chain(&LAST_HELP).copied();
        notes.extend(wrap(help, "  ", columns).into_iter().map(|text| Line::new(text, Style::PLAIN)));
    } else if notes.is_empty() {
        notes.push(Line::new("h help  q quit", Style::DIM));
    }
    notes
}

/// Joins items into lines of at most `columns`. An item wider than that has a line of its own.
pub fn wrap<'a>(items: impl IntoIterator<Item = &'a str>, separator: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if width(line) + separator.len() + width(item) <= columns => {
                line.push_str(separator);
                line.push_str(item);
            }
            _ => lines.push(item.to_owned()),
        }
    }
    lines
}
