//! Whose rows they are, on Linux: what it takes to find out, and to keep up with.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a system that has seen nothing yet, which looks through the descriptors of every process.
//! * `again`: the same system again, where nothing has changed.
//! * `again, 100 new`: the same, after a process has opened a hundred sockets.
//! * `again, 100 replaced`: the same, after it has closed as many before.

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
            self.system.table::<R>(&Query::all().unsorted(), &mut self.buffer).expect("a table").len()
        }
    }

    fn a_hundred() -> Vec<TcpListener> {
        (0..100).map(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a listener")).collect()
    }

    benches::live::main(|live| {
        let mut ways = live.compare("owners");
        let mut table = Table { system: System::new().expect("a table"), buffer: Buffer::new() };
        ways.time("without owners", || table.refresh::<BasicRow>());
        ways.time_slow("first", || {
            table.system = System::new().expect("a table");
            table.refresh::<OwnerPidRow>()
        });
        ways.time("again", || table.refresh::<OwnerPidRow>());
        ways.note("again", "resolution", format!("{:?}", table.system.owner_counts()));

        let (table, opened) = (RefCell::new(table), RefCell::new(Vec::new()));
        let open = || {
            opened.take();
            table.borrow_mut().refresh::<OwnerPidRow>();
            opened.replace(a_hundred());
        };
        ways.time_after("again, 100 new", open, |()| table.borrow_mut().refresh::<OwnerPidRow>());
        let replace = || {
            opened.take();
            opened.replace(a_hundred());
        };
        ways.time_after("again, 100 replaced", replace, |()| table.borrow_mut().refresh::<OwnerPidRow>());
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, owners: the calls that `refresh` measures tell them");
}
