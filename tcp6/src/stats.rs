//! Statistics: of connections, and of the TCP stack.
//!
//! Values that change with every segment stay out of rows, or a watcher would report every connection as changed. They
//! are in a side table ([`Stats`](table::Stats)), which a source fills together with a table. The counters of the stack
//! are [`Statistics`](statistics::Statistics). These are pure types and parsers; `system` reads the values.

pub(crate) mod connection;
pub(crate) mod connection_delta;
pub(crate) mod counter;
pub(crate) mod delta;
mod entry;
pub(crate) mod failures;
mod index;
pub(crate) mod kinds;
pub(crate) mod linux;
pub(crate) mod memory;
#[cfg_attr(not(any(target_os = "linux", fuzzing)), allow(dead_code))]
pub(crate) mod proc_text;
pub(crate) mod rto_algorithm;
pub(crate) mod scope;
pub(crate) mod sender;
pub(crate) mod statistics;
pub(crate) mod table;
pub(crate) mod tcp_info;
pub(crate) mod timer;
