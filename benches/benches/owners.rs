//! The cost of owners on Linux, in the first table and in later ones.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a new system, which reads the descriptors of every process.
//! * `again`: the same system, after nothing has changed.
//! * `again, 100 new`: the same system, after a process has opened 100 sockets.
//! * `again, 100 replaced`: the same system, after a process has closed 100 sockets and opened 100 others.
//! * `first, two namespaces` and `again, two namespaces`: the same, and after it the table of another network namespace,
//!   which is empty (as root).
//! * `no counts: ...`: the same if the kernel does not report the number of descriptors, as before Linux 6.2 (as root).

#[cfg(target_os = "linux")]
fn main() {
    use std::cell::RefCell;
    use std::net::{Ipv6Addr, TcpListener};

    use benches::counts;
    use benches::namespace::OtherNamespace;
    use tcp6::os::linux::SystemExt;
    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Row, System};

    type CreateSystem = fn() -> Option<System>;

    /// The tables of one or two systems, which share what is known of processes.
    #[derive(Default)]
    struct Tables {
        systems: Vec<System>,
        buffer: Buffer,
    }

    impl Tables {
        /// Replaces the systems. The last ones are dropped before, and what was known of processes with them.
        fn renew(&mut self, create: CreateSystem, other: Option<&OtherNamespace>) {
            self.systems.clear();
            let system = create().expect("created before");
            let entered = other.map(|other| system.in_namespace(&other.file).expect("enter a namespace"));
            self.systems.extend([system].into_iter().chain(entered));
        }

        fn refresh<R: Row>(&mut self) -> usize {
            let query = Query::all().unsorted();
            let rows = |system: &mut System| system.table::<R>(&query, &mut self.buffer).expect("read the table").len();
            self.systems.iter_mut().map(rows).sum()
        }
    }

    fn open_100() -> Vec<TcpListener> {
        (0..100).map(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("open a listener")).collect()
    }

    benches::live::main(|live| {
        let mut group = live.compare("owners");
        let tables = RefCell::new(Tables::default());
        let refresh = || tables.borrow_mut().refresh::<OwnerPidRow>();
        tables.borrow_mut().renew(counts::reported, None);
        group.time("without owners", || tables.borrow_mut().refresh::<BasicRow>());
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
            tables.borrow_mut().systems.clear();
            if create().is_none() {
                continue;
            }
            let function = |name: &str| format!("{prefix}{name}");
            let renew = || tables.borrow_mut().renew(create, None);
            group.time_after(&function("first"), renew, |()| refresh());
            group.time(&function("again"), refresh);
            group.note(&function("again"), "owner counts", format!("{:?}", tables.borrow().systems[0].owner_counts()));
            group.time_after(&function("again, 100 new"), open, |()| refresh());
            group.time_after(&function("again, 100 replaced"), replace, |()| refresh());
            opened.take();
        }
        if let Some(other) = OtherNamespace::create() {
            let renew = || tables.borrow_mut().renew(counts::reported, Some(&other));
            group.time_after("first, two namespaces", renew, |()| refresh());
            group.time("again, two namespaces", refresh);
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("skipped owners: on this system the calls that `refresh` measures report them");
}
