//! `tcp6 watch`: shows the changes of the table as a live view or as JSON.
//!
//! `live` polls the table and connects the parts of the live view. `view` and `rows` hold its state, and use neither the
//! terminal nor the clock. `keys` maps keys to actions, `screen` draws the view, and `layout` computes the column widths.

mod json;
mod keys;
mod layout;
mod live;
mod rows;
mod screen;
mod view;

use tcp6::{Query, Row, StateSet, System, Watcher};

use crate::args::{Select, Watch};
use crate::live::require_terminal;
use crate::message::Failure;
use crate::netns;
use crate::owner::Owned;

/// The row class of the live view.
type Shown = Owned;

pub fn run(options: &Watch) -> Result<(), Failure> {
    if options.json {
        return json::run(options);
    }
    require_terminal("watch")?;
    live::run(options)
}

fn watcher<R: Row>(select: &Select) -> Result<Watcher<R, System>, Failure> {
    let system = netns::open_one(select)?;
    let filter = netns::query(select, &system)?;
    // A table lists sockets that are only bound on request.
    let states = StateSet::all() | select.states() & StateSet::BOUND;
    Ok(Watcher::new(system).with_query(Query::all().states(states)).report(filter))
}
