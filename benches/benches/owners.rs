//! The cost of owners on Linux, in the first table and in later ones.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a new system, which reads the descriptors of every process.
//! * `again`: the same system, after nothing has changed.
//! * `again, 100 new`: the same system, after a process has opened 100 sockets.
//! * `again, 100 replaced`: the same system, after a process has closed 100 sockets and opened 100 others.

#[cfg(target_os = "linux")]
fn main() {
    use std::cell::RefCell;
    use std::net::{Ipv6Addr, TcpListener};

    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Row, System};

    struct Table {
        system: System,
        buffer: Buffer,
    }

    impl Table {
        fn refresh<R: Row>(&mut self) -> usize {
            self.system.table::<R>(&Query::all().unsorted(), &mut self.buffer).expect("read the table").len()
        }
    }

    fn open_100() -> Vec<TcpListener> {
        (0..100).map(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("open a listener")).collect()
    }

    benches::live::main(|live| {
        let mut group = live.compare("owners");
        let mut table = Table { system: System::new().expect("open a system"), buffer: Buffer::new() };
        group.time("without owners", || table.refresh::<BasicRow>());
        group.time_slow("first", || {
            table.system = System::new().expect("open a system");
            table.refresh::<OwnerPidRow>()
        });
        group.time("again", || table.refresh::<OwnerPidRow>());
        group.note("again", "owner counts", format!("{:?}", table.system.owner_counts()));

        let (table, opened) = (RefCell::new(table), RefCell::new(Vec::new()));
        let open = || {
            opened.take();
            table.borrow_mut().refresh::<OwnerPidRow>();
            opened.replace(open_100());
        };
        group.time_after("again, 100 new", open, |()| table.borrow_mut().refresh::<OwnerPidRow>());
        let replace = || {
            opened.take();
            opened.replace(open_100());
        };
        group.time_after("again, 100 replaced", replace, |()| table.borrow_mut().refresh::<OwnerPidRow>());
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("skipped owners: on this system the calls that `refresh` measures report them");
}
