//! The terminal of the live view. It is restored however the program ends.
//!
//! `unix` and `windows` set the terminal modes, write to the terminal and wait for keys. `canvas` produces the bytes of
//! a frame. `decoder` decodes the bytes that a Unix terminal sends into keys.

mod canvas;
#[cfg_attr(not(unix), allow(dead_code, reason = "Windows consoles report keys, not bytes"))]
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

/// Switches to the alternate screen, hides the cursor and disables automatic line wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Undoes [`ENTER`].
///
/// It starts with CAN, which aborts an escape sequence that was written only in part.
const LEAVE: &str = "\x18\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// An event that ends a wait.
#[derive(Debug)]
pub enum Event {
    Key(Key),
    /// The whole screen must be drawn again: its size changed, or another program may have written
    /// to it.
    Redraw,
}

/// The terminal of standard output in raw mode, showing the alternate screen. Restored on drop.
#[derive(Debug)]
pub struct Terminal {
    device: system::Device,
    canvas: Canvas,
}

impl Terminal {
    /// Enters raw mode and the alternate screen.
    ///
    /// From here on, the terminal is restored before a signal, a panic or an error ends the program.
    pub fn open() -> io::Result<Terminal> {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Before the message, which would otherwise vanish with the alternate screen.
            system::restore();
            default(info);
        }));
        Ok(Terminal { device: system::Device::open()?, canvas: Canvas::default() })
    }

    /// The size in columns and rows.
    pub fn size(&self) -> (u16, u16) {
        size()
    }

    /// Draws a frame. Writes only the lines that differ from the previous frame.
    pub fn draw(&mut self, size: (u16, u16), lines: Vec<Line>) -> io::Result<()> {
        let frame = self.canvas.update(size, lines);
        self.device.write(frame.as_bytes())
    }

    /// Waits for an event. Returns `None` after `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the terminal cannot be read, for example because its window was closed or the connection was lost.
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

/// The size of the terminal of standard output, in columns and rows.
///
/// If the terminal reports no size, the variables `COLUMNS` and `LINES` are used, or else 80 and 24.
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
    fn missing_size_comes_from_variables_or_defaults() {
        let none = |_: &str| None;
        assert_eq!(or_default((0, 0), none), (80, 24));
        assert_eq!(or_default((0, 50), none), (80, 50));
        assert_eq!(or_default((132, 50), |_| panic!("the size is known")), (132, 50));
        let variables = |name: &str| Some(if name == "COLUMNS" { "100" } else { "many" }.to_owned());
        assert_eq!(or_default((0, 0), variables), (100, 24));
        assert_eq!(or_default((0, 0), |_| Some("0".to_owned())), (80, 24));
    }
}
