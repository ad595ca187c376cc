//! What the fuzz targets share.
//!
//! A target feeds bytes to one reader of the crate and holds what comes out against laws, or against a model that is too
//! slow to be wrong. `cargo xtask fuzz` runs them.

#[path = "../../tests/suite/counting.rs"]
mod counting;
pub mod frames;
pub mod memory;
pub mod model;
pub mod rows;

/// Calls a function that is generic over the class of row once for each class.
#[macro_export]
macro_rules! for_each_class {
    ($function:ident($($argument:expr),*)) => {{
        $function::<tcp6::BasicRow>($($argument),*);
        $function::<tcp6::OwnerPidRow>($($argument),*);
        $function::<tcp6::OffloadRow>($($argument),*);
        $function::<tcp6::OwnerModuleRow>($($argument),*);
    }};
}
