//! `tcp6 top`: shows the bytes per second of connections and processes, as a live view or as JSON.
//!
//! `sampler` reads connections with their counters, which `collecting` enables on Windows; `entry` has the rows, and
//! `traffic` what they sent and received. `live` connects the parts of the live view: `view` holds its state and uses neither the terminal nor the clock, `keys`
//! maps keys to actions, `screen` draws the view, and `layout` computes the column widths.

#[cfg(windows)]
mod collecting;
mod entry;
mod json;
mod keys;
mod layout;
mod live;
mod sampler;
mod screen;
mod traffic;
mod view;

use tcp6::StateSet;

use self::sampler::Sampler;
use crate::args::Top;
use crate::live::require_terminal;
use crate::message::Failure;
use crate::netns;

pub fn run(options: &Top) -> Result<(), Failure> {
    if options.json {
        return json::run(options);
    }
    require_terminal("top")?;
    live::run(options)
}

/// Reads the connections to show. By default, those that can still send or receive.
fn sampler(options: &Top) -> Result<Sampler, Failure> {
    let system = netns::open_one(&options.select)?;
    let open = StateSet::all().difference(StateSet::LISTEN | StateSet::TIME_WAIT);
    let query = netns::query(&options.select, &system)?.states(options.select.states.unwrap_or(open));
    Ok(Sampler::new(system, query))
}
