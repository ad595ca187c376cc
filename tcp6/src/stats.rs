//! Statistics of connections: what a source reports of a socket besides its row.
//!
//! Values that change with every segment stay out of rows, or a watcher would report every connection as changed. They
//! are in a side table ([`Stats`](table::Stats)), which a source fills together with a table.

pub(crate) mod connection;
pub(crate) mod connection_delta;
mod index;
pub(crate) mod kinds;
pub(crate) mod linux;
pub(crate) mod memory;
pub(crate) mod table;
pub(crate) mod tcp_info;
pub(crate) mod timer;
