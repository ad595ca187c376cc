//! The live view of `tcp6 top`: reads connections, draws frames and handles keys.

use std::ops::ControlFlow;
use std::time::Instant;

use super::keys::{self, Action};
use super::sampler::Sampler;
use super::screen::Screen;
use super::view::View;
use crate::args::Top;
use crate::live;
use crate::message::Failure;
use crate::terminal::{Key, Line};

struct Live {
    sampler: Sampler,
    view: View,
    screen: Screen,
}

pub fn run(options: &Top) -> Result<(), Failure> {
    // Before the alternate screen is shown, so that an error is printed on the normal screen.
    let mut sampler = super::sampler(options)?;
    let view = View::new(sampler.read()?, options.processes);
    live::run(Live { sampler, view, screen: Screen::default() }, options.interval)
}

impl live::View for Live {
    fn poll(&mut self, _: Instant) {
        match self.sampler.read() {
            Ok(sample) => self.view.update(sample),
            Err(error) => self.view.fail(&error),
        }
    }

    fn draw(&mut self, _: Instant, size: (u16, u16)) -> Vec<Line> {
        self.screen.draw(&mut self.view, size)
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
