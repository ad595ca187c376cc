//! The cost of owners on Linux, in the first table and in later ones.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a new system, which reads the descriptors of every process.
//! * `again`: the same system, after nothing has changed.
//! * `again, 100 new`: the same system, after a process has opened 100 sockets.
//! * `again, 100 replaced`: the same system, after a process has closed 100 sockets and opened 100 others.
//! * `no counts: ...`: the same if the kernel does not report the number of descriptors, as before Linux 6.2 (as root).

#[cfg(target_os = "linux")]
fn main() {
    use std::cell::RefCell;
    use std::net::{Ipv6Addr, TcpListener};

    use benches::counts;
    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Row, System};

    type CreateSystem = fn() -> Option<System>;

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
        let (system, buffer) = (System::new().expect("open a system"), Buffer::new());
        let table = RefCell::new(Table { system, buffer });
        let refresh = || table.borrow_mut().refresh::<OwnerPidRow>();
        group.time("without owners", || table.borrow_mut().refresh::<BasicRow>());
        let opened = RefCell::new(Vec::new());
        let open = || {
            opened.take();
            refresh();
            opened.replace(open_100());
        };
        let replace = || {
            opened.take();
            opened.replace(open_100());
        };
        let kernels: [(&str, CreateSystem); 2] = [("", counts::reported), ("no counts: ", counts::hidden)];
        for (prefix, create) in kernels {
            let Some(system) = create() else { continue };
            table.borrow_mut().system = system;
            let function = |name: &str| format!("{prefix}{name}");
            let renew = || table.borrow_mut().system = create().expect("created before");
            group.time_after(&function("first"), renew, |()| refresh());
            group.time(&function("again"), refresh);
            group.note(&function("again"), "owner counts", format!("{:?}", table.borrow().system.owner_counts()));
            group.time_after(&function("again, 100 new"), open, |()| refresh());
            group.time_after(&function("again, 100 replaced"), replace, |()| refresh());
            opened.take();
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("skipped owners: on this system the calls that `refresh` measures report them");
}
