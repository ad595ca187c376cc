//! Records the seeds of the fuzz targets: `seeds FOLDER`. Run it in a separate network namespace.
//!
//! It opens sockets so that the table has a row of every kind. It records the kernel's messages and text, the tables
//! made from them, captures, and serialized snapshots. `cargo xtask fuzz --seeds` runs it.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    linux::record(folder.as_ref())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("seeds can be recorded on Linux only");
}
