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

use tcp6::{EventOptions, Query, Row, StateSet, System, Watcher};

use crate::args::Watch;
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

/// A watcher for these options, and the reason why it does not report short connections.
///
/// On other systems than Linux there are no events, and no reason is given.
fn watcher<R: Row>(options: &Watch) -> Result<(Watcher<R, System>, Option<String>), Failure> {
    let system = netns::open_one(&options.select)?;
    let filter = netns::query(&options.select, &system)?;
    // A table lists sockets that are only bound on request.
    let states = StateSet::all() | options.select.states() & StateSet::BOUND;
    let mut watcher = Watcher::new(system).with_query(Query::all().states(states)).report(filter);
    let subscribed = if options.events && cfg!(target_os = "linux") { watcher.subscribe(&EVENTS) } else { Ok(()) };
    let reason = subscribed.err().map(|error| format!("short connections are not shown: {error}"));
    Ok((watcher, reason))
}

/// A thread receives the events, because the receive buffer is small without privileges.
const EVENTS: EventOptions = EventOptions::new().thread(true);
