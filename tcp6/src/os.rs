//! Extensions that are specific to one system.

pub mod linux;
pub mod windows;
