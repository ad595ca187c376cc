//! What others take for the same table in the same minute, and how many of its rows they find.
//!
//! Each is called as its documentation says, with nothing kept between calls that it does not keep itself. The programs
//! (`ss`, psutil) are measured as programs: `ss` from its start to its end, psutil within a Python that stays. One that is
//! not there, or fails on this machine, is left out.
//!
//! Beside the owners stand `bare dump` and `descriptors`: the least that the kernel takes to list the sockets, and to tell
//! what each descriptor of each process is, whoever asks it. A first pass needs both: `bare dump beside descriptors` asks for
//! them at the same time, as tcp6 does.
//!
//! `peers/changes` compares two snapshots of the table, between which about one row of a hundred went away.

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
    eprintln!("left out, peers: they are measured on Linux");
}
