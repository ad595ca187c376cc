//! The terminal of the live view, which is as it was before, however the program ends.
//!
//! `unix` and `windows` change its modes, write to it and wait for keys. `canvas` makes the bytes of a frame, `decoder`
//! makes keys of the bytes that a Unix terminal sends.

mod canvas;
#[cfg_attr(not(unix), allow(dead_code, reason = "consoles report keys"))]
mod decoder;
mod key;
#[cfg(all(test, unix))]
mod panic_test;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;
use std::io;
use std::panic;
use std::time::Duration;

pub use self::canvas::{Color, Line, Style};
pub use self::key::Key;

use self::canvas::Canvas;
#[cfg(unix)]
use self::unix as system;
#[cfg(windows)]
use self::windows as system;

/// Another screen, no cursor, and no line break at the right edge.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Undoes [`ENTER`]. CAN ends a sequence of which only a part was written.
const LEAVE: &str = "\x18\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What ends a wait.
#[derive(Debug)]
pub enum Event {
    Key(Key),
    /// The size has changed, or something else was on the screen.
    Redraw,
}

/// The terminal of standard output, in raw mode and showing another screen. Dropping it restores it.
#[derive(Debug)]
pub struct Terminal {
    device: system::Device,
    canvas: Canvas,
}

impl Terminal {
    /// Takes the terminal. From here on it is restored before a signal, a panic or an error ends the program.
    pub fn open() -> io::Result<Terminal> {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First, so that the message is seen.
            system::restore();
            default(info);
        }));
        Ok(Terminal { device: system::Device::open()?, canvas: Canvas::default() })
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        size()
    }

    pub fn draw(&mut self, size: (u16, u16), lines: Vec<Line>) -> io::Result<()> {
        let frame = self.canvas.update(size, lines);
        self.device.write(frame.as_bytes())
    }

    /// Waits for a key, at most for this long.
    ///
    /// # Errors
    ///
    /// Among others if the terminal is gone: its window was closed, or the connection was lost.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        let event = self.device.next(timeout)?;
        if matches!(event, Some(Event::Redraw)) {
            self.canvas.invalidate();
        }
        Ok(event)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        system::restore();
    }
}

/// The size of the terminal of standard output. Some report none: then `COLUMNS` and `LINES`, or else 80 and 24.
pub fn size() -> (u16, u16) {
    or_default(system::size().unwrap_or((0, 0)), |name| env::var(name).ok())
}

fn or_default((columns, rows): (u16, u16), variable: impl Fn(&str) -> Option<String>) -> (u16, u16) {
    let or = |size: u16, name, default| match size {
        0 => variable(name).and_then(|text| text.parse().ok()).filter(|size| *size > 0).unwrap_or(default),
        size => size,
    };
    (or(columns, "COLUMNS", 80), or(rows, "LINES", 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_a_size_has_one() {
        let none = |_: &str| None;
        assert_eq!(or_default((0, 0), none), (80, 24));
        assert_eq!(or_default((0, 50), none), (80, 50));
        assert_eq!(or_default((132, 50), |_| panic!("it is known")), (132, 50));
        let variables = |name: &str| Some(if name == "COLUMNS" { "100" } else { "many" }.to_owned());
        assert_eq!(or_default((0, 0), variables), (100, 24));
        assert_eq!(or_default((0, 0), |_| Some("0".to_owned())), (80, 24));
    }
}
