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

    #[derive(Default)]
    struct Table {
        system: Option<System>,
        buffer: Buffer,
    }

    impl Table {
        /// Replaces the system. The last one is dropped before, and what was known of processes with it.
        ///
        /// Returns false if there is no such system.
        fn renew(&mut self, create: CreateSystem) -> bool {
            self.system = None;
            self.system = create();
            self.system.is_some()
        }

        fn refresh<R: Row>(&mut self) -> usize {
            let system = self.system.as_mut().expect("created before");
            system.table::<R>(&Query::all().unsorted(), &mut self.buffer).expect("read the table").len()
        }
    }

    fn open_100() -> Vec<TcpListener> {
        (0..100).map(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("open a listener")).collect()
    }

    benches::live::main(|live| {
        let mut group = live.compare("owners");
        let table = RefCell::new(Table::default());
        let refresh = || table.borrow_mut().refresh::<OwnerPidRow>();
        table.borrow_mut().renew(counts::reported);
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
            if !table.borrow_mut().renew(create) {
                continue;
            }
            let function = |name: &str| format!("{prefix}{name}");
            let renew = || assert!(table.borrow_mut().renew(create), "created before");
            group.time_after(&function("first"), renew, |()| refresh());
            group.time(&function("again"), refresh);
            group.note(
                &function("again"),
                "owner counts",
                format!("{:?}", table.borrow().system.as_ref().map(System::owner_counts)),
            );
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
