//! The IPv6 TCP table of this machine.
#![deny(unsafe_code)]

mod buffer;
mod class;
mod endpoint;
mod error;
mod linux;
mod order;
pub mod os;
#[cfg(not(any(windows, target_os = "linux")))]
mod other;
mod owner;
mod query;
mod row;
mod source;
mod state;
mod system;
mod table;
mod view;
mod windows;

pub use buffer::{Buffer, Writer};
pub use class::Class;
pub use error::{Error, Malformed, Result};
pub use owner::Owner;
pub use query::Query;
pub use row::{BasicRow, OffloadRow, OffloadState, OwnerModuleRow, OwnerPidRow, Row};
pub use source::Source;
pub use state::{ParseStateError, State, StateSet};
pub use system::System;
pub use table::Table;
