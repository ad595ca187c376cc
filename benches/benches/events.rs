//! Polls of a watcher with destroy events, compared with polls without.
//!
//! * `without`, `nothing to drain`: nothing has changed. In both, the table is read, copied and compared.
//! * `4,000 connections`: both sides of as many connections were opened and closed since the last poll.

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Write;
    use std::net::{Ipv6Addr, TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use benches::live::Live;
    use tcp6::{BasicRow, Change, System, Watcher};

    /// The connections of a second of churn. Each makes two events.
    const CONNECTIONS: usize = 4_000;

    /// The size of the table with which connections are opened and closed.
    const CHURNING: usize = 2_000;

    /// Opens a connection and closes it so that neither side stays in TIME-WAIT, and the kernel
    /// reports both ends.
    fn short_connection(listener: &TcpListener) {
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connect to ::1");
        let (mut server, _) = listener.accept().expect("accept the connection");
        server.write_all(b"x").expect("write to the client");
        // Closing with unread data resets the connection.
        drop(client);
    }

    fn watcher() -> Watcher<BasicRow, System> {
        Watcher::new(System::new().expect("open a system"))
    }

    pub fn events(live: &mut Live<'_>) {
        let size = live.size;
        let (mut without, Ok(mut with)) = (watcher(), watcher().with_events()) else {
            return eprintln!("skipped: no events");
        };
        let mut group = live.compare("events");
        group.time("without", || without.poll().expect("poll").count());
        group.time("nothing to drain", || with.poll().expect("poll").count());
        group.time("without again", || without.poll().expect("poll").count());
        if size != CHURNING {
            return;
        }
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("listen on ::1");
        let end = listener.local_addr().expect("bound");
        let (mut brief, mut missed) = (0, 0);
        with.poll().expect("poll");
        let setup = || {
            (0..CONNECTIONS).for_each(|_| short_connection(&listener));
            // The kernel sends events from a work queue.
            thread::sleep(Duration::from_millis(50));
        };
        group.time_after("4,000 connections", setup, |()| {
            let changes = with.poll().expect("poll");
            brief +=
                changes.brief().filter(|brief| end == brief.local().into() || end == brief.remote().into()).count();
            missed += changes.missed();
            changes.filter(|change| matches!(change, Change::Added(_))).count()
        });
        assert!(missed > 0 || brief % (2 * CONNECTIONS) == 0, "{brief} sides of connections");
        group.note("4,000 connections", "missed", missed);
    }
}

fn main() {
    benches::live::main(|_live| {
        #[cfg(target_os = "linux")]
        linux::events(_live);
    });
}
