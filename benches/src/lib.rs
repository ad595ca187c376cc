//! Code shared by the benches.

#![allow(missing_debug_implementations, reason = "the types of criterion do not implement Debug")]

pub mod allocations;
pub mod comparison;
#[path = "../../tcp6/tests/suite/counting.rs"]
mod counting;
#[cfg(target_os = "linux")]
pub mod counts;
#[cfg(target_os = "linux")]
pub mod descriptors;
#[cfg(target_os = "linux")]
pub mod floor;
pub mod hashmap_diff;
pub mod live;
#[path = "../../tcp6/tests/suite/load.rs"]
pub mod load;
pub mod metrics;
#[cfg(target_os = "linux")]
pub mod namespace;
pub mod pointer;
pub mod random;
pub mod replayed;
pub mod synthetic;

/// Compiles the examples in the README of the workspace.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
