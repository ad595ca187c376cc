//! The loop of the live view: polls the table, draws frames and handles keys.

use std::time::{Duration, Instant};

use tcp6::{Change, Processes, System, Watcher};

use super::keys::{self, Action};
use super::screen::Screen;
use super::view::View;
use super::{Shown, watcher};
use crate::args::Watch;
use crate::message::Failure;
use crate::owner::names;
use crate::terminal::{Event, Terminal};

/// The longest time between two frames. Ages grow and marks fade between polls.
const TICK: Duration = Duration::from_millis(250);

pub fn run(options: &Watch) -> Result<(), Failure> {
    // Before the alternate screen is shown, so that an error is printed on the normal screen.
    let mut watcher = watcher::<Shown>(&options.select)?.report_initial();
    let baseline = watcher.poll()?.map(Change::row);
    let mut processes = Processes::new();
    let view = View::new(options.select.states(), baseline, names(&mut processes), Instant::now());

    let mut terminal = Terminal::open()?;
    watch(&mut terminal, watcher, processes, view, options.interval)
}

fn watch(
    terminal: &mut Terminal,
    mut watcher: Watcher<Shown, System>,
    mut processes: Processes,
    mut view: View,
    interval: Duration,
) -> Result<(), Failure> {
    let mut screen = Screen::default();
    let mut due = Instant::now() + interval;
    loop {
        let now = view.paused().unwrap_or_else(Instant::now);
        if view.paused().is_none() && due <= now {
            match watcher.poll() {
                Ok(changes) => view.update(changes, names(&mut processes), now),
                Err(error) => view.fail(&error),
            }
            due = now + interval;
        }
        view.fade(now);
        let size = terminal.size();
        terminal.draw(size, screen.draw(&mut view, now, size))?;

        // A key ends the wait early, so that its effect is drawn at once.
        let until_due = due.saturating_duration_since(Instant::now());
        let mut timeout = if view.paused().is_some() { TICK } else { until_due.min(TICK) };
        while let Some(event) = terminal.next(timeout)? {
            match event {
                Event::Redraw => screen.reset_widths(),
                Event::Key(key) => match keys::action(key, view.is_typing()) {
                    Some(Action::Quit) => return Ok(()),
                    Some(action) => {
                        view.act(action, now);
                        screen.reset_widths();
                    }
                    None => {}
                },
            }
            // Handles all pending keys before the next frame.
            timeout = Duration::ZERO;
        }
    }
}
