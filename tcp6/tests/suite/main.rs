//! The tests that use the crate as its users do, in one binary.

mod allocations;
#[cfg(windows)]
mod c_program;
mod laws;
mod live;
#[cfg(target_os = "linux")]
mod load;
mod netstat6;
mod source;
#[cfg(target_os = "linux")]
mod ss;
mod support;
