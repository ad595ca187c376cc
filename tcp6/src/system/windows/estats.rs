//! The extended statistics of single connections (EStats).
//!
//! Windows has nine types of statistics, such as Data and Path. The collection of each type is disabled by default. It
//! is enabled for one connection and one type by one call, which requires an elevated administrator, and a call for
//! each connection and type reads the values. The switch belongs to the connection: every program sees it.
//!
//! [`types`] chooses the types, [`reading`] reads the connections of a table, [`collection`] enables the collection,
//! and [`rod`] converts values. These compile and are tested on every system, over [`Calls`]; `calls` implements it.
//!
//! | code | meaning here |
//! |---|---|
//! | ERROR_NOT_FOUND (1168) | the connection is gone: it is left out |
//! | ERROR_NOT_SUPPORTED (50), ERROR_CALL_NOT_IMPLEMENTED (120), the function is missing | not supported |
//! | others, such as ERROR_ACCESS_DENIED (5) | failures |
#![cfg_attr(not(windows), allow(dead_code))]

#[cfg(windows)]
mod calls;
mod collection;
mod reading;
mod rod;
#[cfg(test)]
mod script;
mod types;

use tcp6_sys::{ERROR_CALL_NOT_IMPLEMENTED, ERROR_NOT_SUPPORTED, MIB_TCP6ROW};

#[cfg(windows)]
pub(super) use self::calls::Functions;
#[cfg(windows)]
pub(crate) use self::collection::Collection;
#[cfg(windows)]
pub(super) use self::reading::read;
use self::rod::Rod;
use self::types::Type;
use crate::row::state::State;

/// The two functions for one connection. Each method is one call and returns its code.
///
/// `rw` is the switch of the type, EnableCollection: the collection is enabled if it is not zero. A function that the
/// system lacks returns ERROR_CALL_NOT_IMPLEMENTED.
pub(crate) trait Calls {
    /// GetPerTcp6ConnectionEStats for the switch of a type.
    fn read_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: &mut u8) -> u32;

    /// GetPerTcp6ConnectionEStats for the switch and the values of the type of `rod`.
    ///
    /// The values are undefined unless the call succeeds and the switch is on.
    fn read(&mut self, row: &MIB_TCP6ROW, rw: &mut u8, rod: &mut Rod) -> u32;

    /// SetPerTcp6ConnectionEStats.
    fn write_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: u8) -> u32;
}

/// Whether a row in this state is a connection, which can have statistics.
///
/// Unknown states may be connections.
fn is_connection(state: State) -> bool {
    !matches!(state, State::Closed | State::Listen | State::TimeWait | State::DeleteTcb | State::Bound)
}

/// Whether a function with this code does not exist, or does not have the type.
fn is_unsupported(code: u32) -> bool {
    matches!(code, ERROR_NOT_SUPPORTED | ERROR_CALL_NOT_IMPLEMENTED)
}
