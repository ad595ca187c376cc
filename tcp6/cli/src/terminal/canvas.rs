//! Lines of styled text, and the escape sequences that draw them. No I/O.

use std::fmt::Write;

use crate::columns;

/// A foreground color, by its SGR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub color: Option<Color>,
    pub bold: bool,
    pub dim: bool,
    pub reversed: bool,
}

impl Style {
    pub const PLAIN: Style = Style { color: None, bold: false, dim: false, reversed: false };
    pub const BOLD: Style = Style { bold: true, ..Style::PLAIN };
    pub const DIM: Style = Style { dim: true, ..Style::PLAIN };
    pub const REVERSED: Style = Style { reversed: true, ..Style::PLAIN };

    pub const fn color(color: Color) -> Style {
        Style { color: Some(color), ..Style::PLAIN }
    }

    pub const fn bold(self) -> Style {
        Style { bold: true, ..self }
    }
}

/// A line of the screen: texts with their styles. The texts contain no control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(String, Style)>,
}

impl Line {
    pub fn new(text: impl Into<String>, style: Style) -> Line {
        Line { spans: vec![(text.into(), style)] }
    }

    pub fn push(&mut self, text: impl Into<String>, style: Style) {
        self.spans.push((text.into(), style));
    }

    /// Appends the line to `out`, truncated to `columns`. Returns the number of columns used.
    fn write(&self, columns: usize, out: &mut String) -> usize {
        let mut used = 0;
        for (text, style) in &self.spans {
            let text = columns::truncate(text, columns - used);
            used += columns::width(&text);
            let codes = [(style.bold, 1), (style.dim, 2), (style.reversed, 7)];
            let codes = codes.into_iter().filter_map(|(is_set, code)| is_set.then_some(code));
            let mut is_styled = false;
            for code in codes.chain(style.color.map(|color| color as u8)) {
                write!(out, "\x1b[{code}m").expect("writing to a String cannot fail");
                is_styled = true;
            }
            out.push_str(&text);
            if is_styled {
                out.push_str("\x1b[m");
            }
        }
        used
    }
}

#[cfg(test)]
impl Line {
    pub fn text(&self) -> String {
        self.spans.iter().map(|(text, _)| &**text).collect()
    }

    /// The style of the first text of the line.
    pub fn style(&self) -> Style {
        self.spans.first().map_or(Style::PLAIN, |(_, style)| *style)
    }
}

/// The content of the screen. A frame writes only the lines that differ from it.
#[derive(Debug, Default)]
pub struct Canvas {
    size: (u16, u16),
    lines: Vec<Line>,
}

impl Canvas {
    /// Returns the text and escape sequences that change the screen to these lines.
    pub fn update(&mut self, size: (u16, u16), mut lines: Vec<Line>) -> String {
        let (columns, rows) = size;
        lines.resize(rows.into(), Line::default());
        let mut out = String::new();
        if self.size != size {
            out.push_str("\x1b[2J");
            self.lines.clear();
            self.size = size;
        }
        for (at, line) in lines.iter().enumerate() {
            let shown = self.lines.get(at);
            if shown == Some(line) || shown.is_none() && *line == Line::default() {
                continue;
            }
            write!(out, "\x1b[{};1H", at + 1).expect("writing to a String cannot fail");
            // After a full line, the cursor is still in its last column, which would be erased.
            if line.write(columns.into(), &mut out) < columns.into() {
                out.push_str("\x1b[K");
            }
        }
        self.lines = lines;
        out
    }

    /// Makes the next frame write all lines, because the content of the screen is unknown.
    pub fn invalidate(&mut self) {
        self.size = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_write_only_the_lines_that_differ() {
        let mut canvas = Canvas::default();
        let line = |text: &str| Line::new(text, Style::PLAIN);
        let first = canvas.update((10, 3), vec![line("one"), line("two")]);
        assert_eq!(first, "\x1b[2J\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K");
        assert_eq!(canvas.update((10, 3), vec![line("one"), line("two")]), "");
        assert_eq!(canvas.update((10, 3), vec![line("one")]), "\x1b[2;1H\x1b[K");
        assert_eq!(canvas.update((3, 1), vec![line("one")]), "\x1b[2J\x1b[1;1Hone", "a full line is not erased");
        canvas.invalidate();
        assert_eq!(canvas.update((3, 1), vec![line("one")]), "\x1b[2J\x1b[1;1Hone");
    }

    #[test]
    fn truncates_lines_and_resets_styles_after_each_text() {
        let mut line = Line::new("red", Style::color(Color::Red).bold());
        line.push("plain", Style::PLAIN);
        let mut out = String::new();
        assert_eq!(line.write(6, &mut out), 6);
        assert_eq!(out, "\x1b[1m\x1b[31mred\x1b[mpl…");
    }
}
