//! Code shared by the fuzz targets.
//!
//! A target passes bytes to one parser of the crate, and checks invariants of the result or compares it with that of a
//! simple, slow model. `cargo xtask fuzz` runs the targets.

#[path = "../../tests/suite/counting.rs"]
mod counting;
pub mod frames;
pub mod memory;
pub mod model;
pub mod rows;

/// Calls a function that is generic over the row class once for each class.
#[macro_export]
macro_rules! for_each_class {
    ($function:ident($($argument:expr),*)) => {{
        $function::<tcp6::BasicRow>($($argument),*);
        $function::<tcp6::OwnerPidRow>($($argument),*);
        $function::<tcp6::OffloadRow>($($argument),*);
        $function::<tcp6::OwnerModuleRow>($($argument),*);
    }};
}
