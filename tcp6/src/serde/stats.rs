//! Serializes the statistics of connections.
//!
//! `connection` and `delta` have the formats that can be read again. `socket`, `tcp_info`, `memory` and `timer` are
//! written only. `object` writes fields that can be unknown, and `micros` times.

mod connection;
mod delta;
mod memory;
mod micros;
mod object;
mod socket;
mod tcp_info;
#[cfg(test)]
mod tests;
mod timer;
