//! Records what the fuzz targets begin with: `seeds FOLDER`, in a network namespace of its own.
//!
//! It opens a few sockets, so that there is a row of every kind, and writes what the kernel says of them: its messages,
//! its text, the tables made of them, a capture and what serde writes. `cargo xtask fuzz --seeds` runs it.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    linux::record(folder.as_ref())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("seeds are recorded on Linux");
}
