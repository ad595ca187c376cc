//! Whose rows they are, on Linux: what it takes to find out, and to keep up with.
//!
//! * `without owners`: the same table as BasicRow.
//! * `first`: a system that was just made, which looks through the descriptors of every process.
//! * `again`: the same system again, where nothing has changed.
//! * `again, 100 new`: the same, after a process has opened a hundred sockets.
//! * `again, 100 replaced`: the same, after it has closed as many before.
//! * `no counts: ...`: the same where `/proc` does not tell the number of descriptors, as before Linux 6.2. This takes root.

#[cfg(target_os = "linux")]
fn main() {
    use std::cell::RefCell;
    use std::net::{Ipv6Addr, TcpListener};

    use benches::counts::{not_told, told};
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
        let (system, buffer) = (System::new().expect("a table"), Buffer::new());
        let table = RefCell::new(Table { system, buffer });
        let refresh = || table.borrow_mut().refresh::<OwnerPidRow>();
        ways.time("without owners", || table.borrow_mut().refresh::<BasicRow>());
        let opened = RefCell::new(Vec::new());
        let open = || {
            opened.take();
            refresh();
            opened.replace(a_hundred());
        };
        let replace = || {
            opened.take();
            opened.replace(a_hundred());
        };
        for prefix in ["", "no counts: "] {
            let make: fn() -> Option<System> = if prefix.is_empty() { told } else { not_told };
            let Some(system) = make() else { continue };
            table.borrow_mut().system = system;
            let way = |name: &str| format!("{prefix}{name}");
            let renew = || table.borrow_mut().system = make().expect("as before");
            ways.time_after(&way("first"), renew, |()| refresh());
            ways.time(&way("again"), refresh);
            ways.note(&way("again"), "resolution", format!("{:?}", table.borrow().system.resolution()));
            ways.time_after(&way("again, 100 new"), open, |()| refresh());
            ways.time_after(&way("again, 100 replaced"), replace, |()| refresh());
            opened.take();
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, owners: the calls that `refresh` measures tell them");
}
