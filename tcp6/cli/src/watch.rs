//! `tcp6 watch`: the changes of the table, as a live view or as JSON.
//!
//! `live` has the terminal and the clock. It drives `view` (with its `rows`), which knows neither; `keys` maps keys to
//! actions, `screen` draws the view, `layout` sizes its columns.

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

/// The class of rows of the live view.
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
    let watcher = Watcher::new(System::new()?).only_states(select.states());
    Ok(match select.port {
        Some(port) => watcher.only_port(port),
        None => watcher,
    })
}
