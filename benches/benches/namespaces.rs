//! The cost of owners in a second network namespace on Linux (as root).
//!
//! Each function reads the table of this namespace with owners, and then that of another one, which is empty. The kernel
//! walks the sockets of all namespaces for both.
//!
//! * `first, one with owners` and `first, one with owners again`: new systems; the second table is without owners.
//! * `first, both with owners`: new systems, measured between these.
//! * `again, one with owners` and `again, both with owners`: the same systems, after nothing has changed.

#[cfg(target_os = "linux")]
fn main() {
    use std::cell::RefCell;

    use benches::namespace::OtherNamespace;
    use tcp6::os::linux::SystemExt;
    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Row, System};

    struct Tables<'a> {
        other: &'a OtherNamespace,
        /// That of this namespace and that of the other one.
        systems: Option<[System; 2]>,
        buffer: Buffer,
    }

    impl Tables<'_> {
        /// Replaces the systems. The last ones are dropped before, and what was known of processes with them.
        fn renew(&mut self) {
            self.systems = None;
            let system = System::new().expect("open a system");
            let entered = system.in_namespace(&self.other.file).expect("enter a namespace");
            self.systems = Some([system, entered]);
        }

        /// Reads both tables, the second one as `R`.
        fn refresh<R: Row>(&mut self) -> usize {
            let query = Query::all().unsorted();
            let [own, other] = self.systems.as_mut().expect("renewed before");
            let rows = own.table::<OwnerPidRow>(&query, &mut self.buffer).expect("read the table").len();
            rows + other.table::<R>(&query, &mut self.buffer).expect("read the other table").len()
        }
    }

    benches::live::main(|live| {
        let Some(other) = OtherNamespace::create() else { return };
        let mut group = live.compare("namespaces");
        let tables = RefCell::new(Tables { other: &other, systems: None, buffer: Buffer::new() });
        let renew = || tables.borrow_mut().renew();
        let one = |()| tables.borrow_mut().refresh::<BasicRow>();
        group.time_after("first, one with owners", renew, one);
        group.time_after("first, both with owners", renew, |()| tables.borrow_mut().refresh::<OwnerPidRow>());
        group.time_after("first, one with owners again", renew, one);
        renew();
        group.time("again, one with owners", || tables.borrow_mut().refresh::<BasicRow>());
        group.time("again, both with owners", || tables.borrow_mut().refresh::<OwnerPidRow>());
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("skipped namespaces: there are network namespaces on Linux only");
}
