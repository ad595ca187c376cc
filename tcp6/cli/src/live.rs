//! What the live views share: the loop, keys, the text filter, the scroll position, and the lines around the rows.

pub mod filter;
pub mod keys;
pub mod lines;
pub mod window;

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::message::Failure;
use crate::terminal::{Event, Key, Line, Terminal};

/// The longest time between two frames. Ages grow and marks fade between polls.
const TICK: Duration = Duration::from_millis(250);

/// A live view: it polls the system, and draws what it knows.
pub trait View {
    /// Reads the current state of the system.
    fn poll(&mut self, now: Instant);

    /// Draws a frame. `size` is in columns and rows; the result has one line for each row.
    fn draw(&mut self, now: Instant, size: (u16, u16)) -> Vec<Line>;

    /// Handles a key. Returns `Break` if it quits the view.
    fn press(&mut self, key: Key, now: Instant) -> ControlFlow<()>;

    /// When the view was paused. While it is paused, it is not polled, and `now` is this time.
    fn paused(&self) -> Option<Instant>;

    /// Makes the next frame fit its content, because the whole screen is drawn again.
    fn reset_widths(&mut self);
}

/// Fails if standard output is not a terminal. `command` is the name of the command.
pub fn require_terminal(command: &'static str) -> Result<(), Failure> {
    if io::stdout().is_terminal() { Ok(()) } else { Err(Failure::NoTerminal { command }) }
}

/// Shows a view in the terminal until a key quits it. The first poll is after one interval.
pub fn run(mut view: impl View, interval: Duration) -> Result<(), Failure> {
    let mut terminal = Terminal::open()?;
    let mut due = Instant::now() + interval;
    loop {
        let now = view.paused().unwrap_or_else(Instant::now);
        if view.paused().is_none() && due <= now {
            view.poll(now);
            due = now + interval;
        }
        let size = terminal.size();
        terminal.draw(size, view.draw(now, size))?;

        // A key ends the wait early, so that its effect is drawn at once.
        let until_due = due.saturating_duration_since(Instant::now());
        let mut timeout = if view.paused().is_some() { TICK } else { until_due.min(TICK) };
        while let Some(event) = terminal.next(timeout)? {
            match event {
                Event::Redraw => view.reset_widths(),
                Event::Key(key) => {
                    if view.press(key, now).is_break() {
                        return Ok(());
                    }
                }
            }
            // Handles all pending keys before the next frame.
            timeout = Duration::ZERO;
        }
    }
}
