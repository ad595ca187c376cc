//! What the benches share.

#[path = "../../tcp6/tests/suite/load.rs"]
pub mod load;
