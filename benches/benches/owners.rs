//! Whose rows they are, on Linux: what it takes to find out, and to keep up with.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a system that has seen nothing yet, which looks through the descriptors of every process.
//! * `again`: the same system again, where nothing has changed.
//! * `again, one new socket`: the same, after a process has opened one.

#[cfg(target_os = "linux")]
fn main() {
    use std::net::{Ipv6Addr, TcpListener};

    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, System};

    benches::live::main(|live| {
        let mut ways = live.compare("owners");
        let (query, mut buffer) = (Query::all().unsorted(), Buffer::new());
        let mut system = System::new().expect("a table");
        ways.time("without owners", || system.table::<BasicRow>(&query, &mut buffer).expect("a table").len());
        ways.time_slow("first", || {
            let mut system = System::new().expect("a table");
            system.table::<OwnerPidRow>(&query, &mut buffer).expect("a table").len()
        });
        ways.time("again", || system.table::<OwnerPidRow>(&query, &mut buffer).expect("a table").len());
        ways.note("again", "resolution", format!("{:?}", system.resolution()));
        let mut opened = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a listener");
        ways.time("again, one new socket", || {
            let new = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a listener");
            drop(std::mem::replace(&mut opened, new));
            system.table::<OwnerPidRow>(&query, &mut buffer).expect("a table").len()
        });
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, owners: the calls that `refresh` measures tell them");
}
