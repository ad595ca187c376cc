//! The live view: the terminal, the clock, and the polls in between.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tcp6::{Change, Processes, System, Watcher};

use super::keys::{self, Action};
use super::owner::names;
use super::screen;
use super::view::View;
use super::{Options, Shown};

/// Ages grow and marks fade at least so often, however long the interval is.
const TICK: Duration = Duration::from_millis(250);

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    // Before the terminal is touched: what fails here is told as by any other program.
    let mut watcher = options.watcher()?.with_initial();
    let baseline = watcher.poll()?.map(Change::row);
    let mut processes = Processes::new();
    let view = View::new(options.states(), baseline, names(&mut processes), Instant::now());

    // It also has a panic leave the terminal as it was, before the message is printed.
    let mut terminal = ratatui::try_init()?;
    let done = watch(&mut terminal, watcher, processes, view, options.interval());
    ratatui::restore();
    Ok(done?)
}

fn watch(
    terminal: &mut DefaultTerminal,
    mut watcher: Watcher<Shown, System>,
    mut processes: Processes,
    mut view: View,
    interval: Duration,
) -> io::Result<()> {
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
        terminal.draw(|frame| screen::draw(frame, &mut view, now))?;

        // A key ends the wait, so that the answer to it does not depend on the interval.
        let until_due = due.saturating_duration_since(Instant::now());
        let mut wait = if view.paused().is_some() { TICK } else { until_due.min(TICK) };
        while event::poll(wait)? {
            // Any other event, as that the size has changed, is answered by drawing.
            if let Event::Key(key) = event::read()? {
                match keys::action(key, view.is_typing()) {
                    Some(Action::Quit) => return Ok(()),
                    Some(action) => view.act(action, now),
                    None => {}
                }
            }
            // What else has been typed is done before it is drawn.
            wait = Duration::ZERO;
        }
    }
}
