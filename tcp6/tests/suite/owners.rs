//! Whose sockets they are, looked up for processes of the tests' own.

use tcp6::{Buffer, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, System};

use crate::support::{Loopback, same_end};

/// The owners of the rows with this local end.
fn owners_of<R: Row>(rows: &[R], local: std::net::SocketAddrV6) -> Vec<Owner> {
    rows.iter().filter(|row| same_end(row.local(), local)).map(Row::owner).collect()
}

fn finds_itself<R: Row>() {
    let own = Loopback::open();
    let me = Owner::Process(std::process::id());
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for query in [Query::all(), Query::listeners(), Query::all()] {
        let table = system.table::<R>(&query, &mut buffer).unwrap();
        // Wine 8 knows the owner of no IPv6 socket, its own included.
        if cfg!(windows) && table.iter().all(|row| row.owner() == Owner::Nobody) {
            eprintln!("skipped: this Wine does not know owners");
            return;
        }
        for owner in owners_of(&table, own.listening()) {
            assert_eq!(owner, me);
        }
        assert!(table.iter().any(|row| row.is_listener() && same_end(row.local(), own.listening())));
    }
}

#[test]
fn this_process_owns_its_sockets_in_every_class_that_tells() {
    finds_itself::<OwnerPidRow>();
    finds_itself::<OffloadRow>();
    finds_itself::<OwnerModuleRow>();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::io::{BufRead, BufReader, IoSlice, IoSliceMut, Read};
    use std::mem::MaybeUninit;
    use std::net::{Ipv6Addr, Shutdown, SocketAddr};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use rustix::net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        recvmsg, sendmsg,
    };
    use socket2::{Domain, SockRef, Socket, Type};
    use tcp6::os::linux::{OwnerModuleRowExt, SystemExt};
    use tcp6::{Buffer, Owner, OwnerCounts, OwnerModuleRow, OwnerPidRow, Query, Row, System};

    use super::owners_of;
    use crate::agreement::{Moments, agree};
    use crate::ss;
    use crate::support::{Loopback, alone_with_the_table, by_itself, connect, eventually, listener, v6};

    /// A child of this program that holds on to what it has until this is dropped.
    struct Holder {
        child: Child,
        /// Closed, it tells the child to go.
        _leash: UnixStream,
    }

    const TASK: &str = "TCP6_OWNERS_TASK";

    impl Holder {
        /// Runs a child with this task; the other end of `leash` is its standard input.
        fn run(task: &str, leash: (UnixStream, UnixStream), adjust: impl FnOnce(&mut Command)) -> Holder {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--ignored", "--exact", "owners::linux::a_child_that_holds_sockets", "--nocapture"])
                .env(TASK, task)
                .stdin(Stdio::from(OwnedFd::from(leash.1)))
                .stdout(Stdio::piped());
            adjust(&mut command);
            let mut child = command.spawn().unwrap();
            let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
            assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "{task}");
            Holder { child, _leash: leash.0 }
        }

        /// Runs a child that is handed this socket over a unix socket.
        fn of(socket: impl AsFd) -> Holder {
            let (near, far) = UnixStream::pair().unwrap();
            let sockets = [socket.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(control.push(SendAncillaryMessage::ScmRights(&sockets)));
            sendmsg(&near, &[IoSlice::new(b"!")], &mut control, SendFlags::empty()).unwrap();
            Holder::run("receive", (near, far), |_| {})
        }

        fn pid(&self) -> u32 {
            self.child.id()
        }
    }

    impl Drop for Holder {
        fn drop(&mut self) {
            self._leash.shutdown(Shutdown::Both).unwrap();
            self.child.wait().unwrap();
        }
    }

    fn reuse_port(port: u16) -> Socket {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into()).unwrap();
        socket.listen(8).unwrap();
        socket
    }

    #[test]
    #[ignore = "not a test: what the children do"]
    fn a_child_that_holds_sockets() {
        let Ok(task) = std::env::var(TASK) else { return };
        let _held: OwnedFd = match task.split_once(' ') {
            None if task == "inherit" => std::io::stderr().as_fd().try_clone_to_owned().unwrap(),
            None => receive(),
            Some(("listen", port)) => reuse_port(port.parse().unwrap()).into(),
            Some((task, _)) => panic!("{task}"),
        };
        println!("\nready");
        let _ = std::io::stdin().read(&mut [0]);
    }

    /// The socket that is handed over on the standard input.
    fn receive() -> OwnedFd {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(std::io::stdin(), &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty()).unwrap();
        let message = control.drain().next().unwrap();
        let RecvAncillaryMessage::ScmRights(mut sockets) = message else { panic!("no socket") };
        sockets.next().unwrap()
    }

    #[test]
    fn a_socket_that_is_taken_over_between_two_refreshes_is_named_rightly() {
        let _alone = alone_with_the_table();
        by_itself(
            "owners::linux::a_socket_that_is_taken_over_between_two_refreshes_is_named_rightly",
            take_a_socket_over,
        );
    }

    fn take_a_socket_over() {
        let listener = listener();
        let local = v6(listener.local_addr().unwrap());
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let mut owners = || {
            let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
            owners_of(&table, local)
        };
        assert_eq!(owners(), [Owner::Process(std::process::id())]);
        let first = Holder::of(&listener);
        drop(listener);
        assert_eq!(owners(), [Owner::Process(first.pid())]);
        drop(first);
        assert_eq!(owners(), []);
    }

    #[test]
    fn a_pid_that_another_child_gets_is_that_childs() {
        let _alone = alone_with_the_table();
        by_itself("owners::linux::a_pid_that_another_child_gets_is_that_childs", let_another_child_have_the_pid);
    }

    fn let_another_child_have_the_pid() {
        const LAST: &str = "/proc/sys/kernel/ns_last_pid";
        let [one, other] = [(); 2].map(|()| listener());
        let [at_one, at_other] = [&one, &other].map(|listener| v6(listener.local_addr().unwrap()));
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let mut owners = |local| {
            let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
            owners_of(&table, local)
        };
        let first = Holder::of(&one);
        let pid = first.pid();
        drop(one);
        assert_eq!(owners(at_one), [Owner::Process(pid)]);
        drop(first);
        for _ in 0..100 {
            if let Err(error) = std::fs::write(LAST, (pid - 1).to_string()) {
                return eprintln!("skipped: {LAST}: {error}");
            }
            let second = Holder::of(&other);
            if second.pid() == pid {
                drop(other);
                assert_eq!(owners(at_one), []);
                assert_eq!(owners(at_other), [Owner::Process(pid)]);
                return;
            }
        }
        eprintln!("skipped: others were always first to take the pid");
    }

    #[test]
    fn every_holder_that_ss_knows_is_known() {
        let _alone = alone_with_the_table();
        by_itself("owners::linux::every_holder_that_ss_knows_is_known", compare_holders_with_ss);
    }

    fn compare_holders_with_ss() {
        let own = Loopback::open();
        let port = own.listening().port();
        let calling = own.calling();
        // Several processes on one socket, of which some were handed it.
        let holders: Vec<Holder> = (0..3).map(|_| Holder::of(&own.listener)).collect();
        let _server = Holder::of(&own.server);
        // One that has inherited it, as a server that forks.
        let heir = Holder::run("inherit", UnixStream::pair().unwrap(), |command| {
            command.stderr(OwnedFd::from(own.listener.try_clone().unwrap()));
        });
        // Workers on one end.
        let first = reuse_port(0);
        let shared = first.local_addr().unwrap().as_socket().unwrap().port();
        let workers: Vec<Holder> =
            (0..3).map(|_| Holder::run(&format!("listen {shared}"), UnixStream::pair().unwrap(), |_| {})).collect();
        // An orphan, whose peer does not let it go; a connection in TIME-WAIT; one that nobody accepts.
        let (orphan, _peer) = connect(&own.listener);
        drop(orphan);
        let (client, server) = connect(&own.listener);
        client.shutdown(Shutdown::Both).unwrap();
        drop((client, server));
        let _waiting = std::net::TcpStream::connect(own.listener.local_addr().unwrap()).unwrap();

        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let is_ours = |line: &[String; 3]| {
            let ends = |port: u16| line[1].ends_with(&format!("]:{port}")) || line[2].ends_with(&format!("]:{port}"));
            ends(port) || ends(shared)
        };
        let mut last = (Vec::new(), OwnerCounts::default());
        let look = || {
            let before = ss::with_pids()?;
            let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
            let (rows, resolution) = (table.to_vec(), system.owner_counts());
            let ours: Vec<([String; 3], BTreeSet<u32>)> = rows
                .iter()
                .map(|row| {
                    let inode = row.socket_info().unwrap().inode;
                    let pids: BTreeSet<u32> = inode.into_iter().flat_map(|inode| system.holders(inode)).collect();
                    assert_eq!(row.owner().pid(), pids.first().copied(), "the lowest is named");
                    (ss::line(row), pids)
                })
                .collect();
            last = (rows, resolution);
            Some(Moments { before, ours, after: ss::with_pids()? })
        };
        // What the kernel itself or another machine's processes hold, ss does not name either.
        let Some(ours) = agree(look) else { return };
        let (rows, resolution) = last;
        let (mut named, mut nobody) = (0, 0);
        for (_, pids) in ours.iter().filter(|(line, _)| is_ours(line)) {
            named += usize::from(!pids.is_empty());
            nobody += usize::from(pids.is_empty());
        }
        // A listener, its connection, the orphan's peer, the one who waits; and four workers.
        assert_eq!(named, 1 + 2 + 1 + 1 + 4, "{ours:?}");
        assert!(nobody >= 3, "an orphan, one in TIME-WAIT, one not accepted: {ours:?}");
        let total = resolution.owned + resolution.nobody + resolution.unresolved;
        assert_eq!(total, rows.len());
        let listeners = ours.iter().find(|(line, _)| line[0] == "LISTEN" && line[1].ends_with(&format!(":{port}")));
        let everyone = holders.iter().chain([&heir]).map(Holder::pid).chain([std::process::id()]);
        assert_eq!(listeners.unwrap().1, everyone.collect());
        assert_eq!(workers.len(), 3);
        // Sockets of other tests may have the client's port as well, but not with this remote end.
        let is_client = |row: &&OwnerModuleRow| row.local() == calling && row.remote() == Some(own.listening());
        let owners = rows.iter().filter(is_client).map(Row::owner);
        assert!(owners.eq([Owner::Process(std::process::id())]));
    }

    #[test]
    fn who_may_not_look_into_others_knows_its_own_and_says_so() {
        let own = Loopback::open();
        if !rustix::process::geteuid().is_root() {
            return eprintln!("skipped: only root can become somebody else");
        }
        let nobody = 65_534;
        let mut command = Command::new(std::env::current_exe().unwrap());
        let arguments = ["--ignored", "--exact", "owners::linux::a_look_around_as_nobody", "--nocapture"];
        command.args(arguments).env(TASK, own.listening().to_string()).uid(nobody).gid(nobody);
        match command.output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => eprintln!("skipped: nobody may not run this test: {error}"),
        }
    }

    #[test]
    #[ignore = "not a test: what a child does as another user"]
    fn a_look_around_as_nobody() {
        let Ok(others) = std::env::var(TASK) else { return };
        let others = others.parse().unwrap();
        let own = Loopback::open();
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let me = Owner::Process(std::process::id());
        assert!(owners_of(&table, own.listening()).iter().all(|owner| *owner == me));
        let listeners = table.iter().filter(|row| row.is_listener() && row.local() == others);
        assert!(listeners.map(Row::owner).eq([Owner::Unresolved]));
        let (rows, resolution) = (table.len(), system.owner_counts());
        assert!(resolution.owned >= 3 && resolution.unresolved >= 3, "{resolution:?}");
        assert_eq!(resolution.owned + resolution.nobody + resolution.unresolved, rows);
        if std::env::var_os("TCP6_OWNERS_HIDDEN").is_some() {
            // With hidepid the others are not even there.
            assert_eq!(resolution.refused, 0, "{resolution:?}");
        } else {
            assert!(resolution.refused > 0 && resolution.refused < resolution.processes, "{resolution:?}");
        }
    }

    #[test]
    fn a_socket_of_which_all_is_closed_is_nobodys() {
        let own = Loopback::open();
        SockRef::from(&own.server).set_linger(None).unwrap();
        let calling = own.calling();
        drop(own.client);
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        eventually("nobody's", || {
            let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
            owners_of(&table, calling).first() == Some(&Owner::Nobody)
        });
    }
}
