//! Prints what only a real Windows can tell about these functions, for a report: `cargo xtask windows-report`.
//!
//! Each line is a question and what this machine answers. Addresses, ports and process names of the machine are not
//! printed, only codes, sizes and counts. See WINDOWS.md in the repository.

#[cfg(windows)]
#[path = "questions/windows.rs"]
mod windows;

fn main() {
    #[cfg(windows)]
    windows::ask();
    #[cfg(not(windows))]
    eprintln!("these functions are Windows'");
}
