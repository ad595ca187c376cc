//! What only one system knows.

pub mod linux;
