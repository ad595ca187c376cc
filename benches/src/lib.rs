//! What the benches share.

#![allow(missing_debug_implementations, reason = "what criterion gives has none")]

pub mod allocations;
pub mod by_map;
pub mod comparison;
#[path = "../../tcp6/tests/suite/counting.rs"]
mod counting;
#[cfg(target_os = "linux")]
pub mod counts;
#[cfg(target_os = "linux")]
pub mod descriptors;
pub mod facts;
#[cfg(target_os = "linux")]
pub mod floor;
pub mod live;
#[path = "../../tcp6/tests/suite/load.rs"]
pub mod load;
pub mod played;
pub mod pointer;
pub mod random;
pub mod synthetic;

/// The programs of the workspace's README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
