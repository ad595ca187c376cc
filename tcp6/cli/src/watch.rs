//! `tcp6 watch`: shows the changes of the table as a live view or as JSON.
//!
//! `live` runs the live view: it owns the terminal and reads the clock. `view` and `rows` hold the state of the view
//! and use neither. `keys` maps keys to actions, `screen` draws the view, and `layout` computes the column widths.

mod json;
mod keys;
mod layout;
mod live;
mod rows;
mod screen;
mod view;

use std::io::{self, IsTerminal};

use tcp6::{Row, System, Watcher};

use crate::args::{Select, Watch};
use crate::message::Failure;
use crate::owner::Owned;

/// The row class of the live view.
type Shown = Owned;

pub fn run(options: &Watch) -> Result<(), Failure> {
    if options.json {
        return json::run(options);
    }
    if !io::stdout().is_terminal() {
        return Err(Failure::NoTerminal);
    }
    live::run(options)
}

fn watcher<R: Row>(select: &Select) -> tcp6::Result<Watcher<R, System>> {
    Ok(Watcher::new(System::new()?).report(select.query()))
}
