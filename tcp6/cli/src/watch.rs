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

use tcp6::{Row, System, Watcher};

use crate::args::{Select, Watch};
use crate::live::require_terminal;
use crate::message::Failure;
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

fn watcher<R: Row>(select: &Select) -> tcp6::Result<Watcher<R, System>> {
    Ok(Watcher::new(System::new()?).report(select.query()))
}
