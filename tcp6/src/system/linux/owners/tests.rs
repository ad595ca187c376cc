//! Tests of [`Owners`](super::Owners) with scripted processes.

mod budget;
mod changes;
mod namespaces;
mod processes;
mod read_ahead;
mod sharing;
mod systems;
mod unreadable;
