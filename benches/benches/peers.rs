//! Other crates and programs that read the same table: their times and the rows that they find.
//!
//! Each peer is called as its documentation recommends. Nothing is kept between calls that the peer does not keep
//! itself. `ss` is measured as a process, from its start to its exit, and psutil inside a Python process that keeps
//! running. A peer that is not installed or fails on this machine is skipped.
//!
//! `peers/owners` also measures the kernel's part of a first pass, the same for every reader: `bare dump` lists the
//! sockets, and `descriptors` reads the link of each descriptor of each process. `bare dump beside descriptors` does
//! both at the same time, as tcp6 does.
//!
//! `peers/changes` compares two snapshots of the table. Between them about 1 % of the rows were removed.

#[cfg(target_os = "linux")]
#[path = "peers/contests.rs"]
mod contests;
#[cfg(target_os = "linux")]
#[path = "peers/programs.rs"]
mod programs;

#[cfg(target_os = "linux")]
fn main() {
    benches::live::main(|live| {
        contests::ends(live);
        contests::owners(live);
        contests::changes(live);
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("skipped peers: they are measured on Linux only");
}
