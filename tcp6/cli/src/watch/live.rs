//! The live view of `tcp6 watch`: polls the table, draws frames and handles keys.

use std::ops::ControlFlow;
use std::time::Instant;

use tcp6::{Change, Processes, System, Watcher};

use super::keys::{self, Action};
use super::screen::Screen;
use super::view::View;
use super::{Shown, watcher};
use crate::args::Watch;
use crate::live;
use crate::message::Failure;
use crate::owner::names;
use crate::terminal::{Key, Line};

struct Live {
    watcher: Watcher<Shown, System>,
    processes: Processes,
    view: View,
    screen: Screen,
}

pub fn run(options: &Watch) -> Result<(), Failure> {
    // Before the alternate screen is shown, so that an error is printed on the normal screen.
    let (watcher, no_events) = watcher::<Shown>(options)?;
    let mut watcher = watcher.report_initial();
    let baseline = watcher.poll()?.map(Change::row);
    let mut processes = Processes::new();
    let mut view = View::new(options.select.states(), baseline, names(&mut processes), Instant::now());
    view.set_no_events(no_events);
    live::run(Live { watcher, processes, view, screen: Screen::default() }, options.interval)
}

impl live::View for Live {
    fn poll(&mut self, now: Instant) {
        match self.watcher.poll() {
            Ok(changes) => {
                let (brief, missed) = (changes.brief(), changes.missed());
                self.view.update(changes, names(&mut self.processes), now);
                self.view.add_brief(brief, missed, now);
            }
            Err(error) => self.view.fail(&error),
        }
    }

    fn draw(&mut self, now: Instant, size: (u16, u16)) -> Vec<Line> {
        self.view.fade(now);
        self.screen.draw(&mut self.view, now, size)
    }

    fn press(&mut self, key: Key, now: Instant) -> ControlFlow<()> {
        match keys::action(key, self.view.filter().is_typing()) {
            Some(Action::Quit) => return ControlFlow::Break(()),
            Some(action) => {
                self.view.act(action, now);
                self.reset_widths();
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn paused(&self) -> Option<Instant> {
        self.view.paused()
    }

    fn reset_widths(&mut self) {
        self.screen.reset_widths();
    }
}
