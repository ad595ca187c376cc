//! What a watcher learns from events: short connections, and the final statistics of closed ones.
//!
//! A table shows the connections that exist when it is read. The kernel of Linux also reports each socket that it
//! destroys. A source merges these events with its tables, so that each connection is reported once: by the changes of
//! the table if a table has listed it, and otherwise as a [`Brief`](brief::Brief).

pub(crate) mod brief;
mod closing;
pub(crate) mod options;
pub(crate) mod report;
