//! The IPv6 TCP table of this machine.
#![deny(unsafe_code)]

mod apply;
mod buffer;
mod capture;
mod class;
mod counts;
mod diff;
mod endpoint;
mod error;
mod linux;
mod order;
pub mod os;
#[cfg(not(any(windows, target_os = "linux")))]
mod other;
mod owner;
mod query;
mod replay;
mod row;
#[cfg(feature = "serde")]
mod serde;
mod snapshot;
mod source;
mod state;
mod system;
mod table;
mod text;
mod view;
mod watch;
mod windows;

pub use buffer::{Buffer, Writer};
pub use capture::{Recorder, Recording};
pub use class::Class;
pub use counts::StateCounts;
pub use diff::{Change, Diff, Fields};
pub use error::{Error, Malformed, Result};
pub use owner::Owner;
pub use query::Query;
pub use replay::Replay;
pub use row::{BasicRow, OffloadRow, OffloadState, OwnerModuleRow, OwnerPidRow, Row};
pub use snapshot::Snapshot;
pub use source::Source;
pub use state::{ParseStateError, State, StateSet};
pub use system::System;
pub use table::Table;
pub use watch::{Changes, Watcher};
