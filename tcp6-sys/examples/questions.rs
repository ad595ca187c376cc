//! Reports how these functions behave on real Windows, for `cargo xtask windows-report`.
//!
//! Each line is a question and the answer of this machine. The output has codes, sizes and counts, but no addresses,
//! ports or process names of the machine. See WINDOWS.md in the repository.

#[cfg(windows)]
#[path = "questions/windows.rs"]
mod windows;

fn main() {
    #[cfg(windows)]
    windows::ask();
    #[cfg(not(windows))]
    eprintln!("this example runs on Windows only");
}
