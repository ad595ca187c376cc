//! Owners of sockets, checked with processes that the tests start.

use tcp6::{Buffer, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, System};

use crate::support::{Loopback, same_end};

/// Returns the owners of the rows with this local end.
fn owners_of<R: Row>(rows: &[R], local: std::net::SocketAddrV6) -> Vec<Owner> {
    rows.iter().filter(|row| same_end(row.local(), local)).map(Row::owner).collect()
}

fn check_own_sockets<R: Row>() {
    let own = Loopback::open();
    let this_process = Owner::Process(std::process::id());
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for query in [Query::all(), Query::listeners(), Query::all()] {
        let table = system.table::<R>(&query, &mut buffer).unwrap();
        // Wine 8 reports no owner for IPv6 sockets.
        if cfg!(windows) && table.iter().all(|row| row.owner() == Owner::Nobody) {
            eprintln!("skipped: this version of Wine does not report owners");
            return;
        }
        for owner in owners_of(&table, own.listening()) {
            assert_eq!(owner, this_process);
        }
        assert!(table.iter().any(|row| row.is_listener() && same_end(row.local(), own.listening())));
    }
}

#[test]
fn this_process_owns_its_sockets_in_every_class_with_owners() {
    check_own_sockets::<OwnerPidRow>();
    check_own_sockets::<OffloadRow>();
    check_own_sockets::<OwnerModuleRow>();
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
    use crate::agreement::{Observation, assert_agrees};
    use crate::ss;
    use crate::support::{
        Loopback, alone_with_the_table, by_itself, close, connect, eventually, listener, v6, wait_until_closed,
    };

    /// A child of this program that holds sockets until this is dropped.
    struct Holder {
        child: Child,
        /// The child exits when this is shut down.
        lifeline: UnixStream,
    }

    /// The environment variable with the task of a child.
    const TASK: &str = "TCP6_OWNERS_TASK";

    impl Holder {
        /// Starts a child with this task. The second stream of `lifeline` becomes its standard input.
        fn run(task: &str, lifeline: (UnixStream, UnixStream), adjust: impl FnOnce(&mut Command)) -> Holder {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--ignored", "--exact", "owners::linux::a_child_that_holds_sockets", "--nocapture"])
                .env(TASK, task)
                .stdin(Stdio::from(OwnedFd::from(lifeline.1)))
                .stdout(Stdio::piped());
            adjust(&mut command);
            let mut child = command.spawn().unwrap();
            let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
            assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "{task}");
            Holder { child, lifeline: lifeline.0 }
        }

        /// Starts a child that receives this socket over a Unix socket (`SCM_RIGHTS`).
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
            self.lifeline.shutdown(Shutdown::Both).unwrap();
            self.child.wait().unwrap();
        }
    }

    /// Opens a listener with `SO_REUSEPORT`.
    fn reuse_port(port: u16) -> Socket {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into()).unwrap();
        socket.listen(8).unwrap();
        socket
    }

    #[test]
    #[ignore = "not a test: the main function of a holder"]
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

    /// Receives a socket from the standard input.
    fn receive() -> OwnedFd {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(std::io::stdin(), &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty()).unwrap();
        let message = control.drain().next().unwrap();
        let RecvAncillaryMessage::ScmRights(mut sockets) = message else { panic!("expected SCM_RIGHTS") };
        sockets.next().unwrap()
    }

    #[test]
    fn a_socket_passed_to_another_process_has_the_new_owner() {
        let _alone = alone_with_the_table();
        by_itself("owners::linux::a_socket_passed_to_another_process_has_the_new_owner", check_passed_socket);
    }

    fn check_passed_socket() {
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
        wait_until_closed(local);
        assert_eq!(owners(), []);
    }

    #[test]
    fn a_reused_pid_owns_only_the_sockets_of_the_new_process() {
        let _alone = alone_with_the_table();
        by_itself("owners::linux::a_reused_pid_owns_only_the_sockets_of_the_new_process", check_reused_pid);
    }

    fn check_reused_pid() {
        const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
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
        wait_until_closed(at_one);
        for _ in 0..100 {
            if let Err(error) = std::fs::write(LAST_PID, (pid - 1).to_string()) {
                return eprintln!("skipped: {LAST_PID}: {error}");
            }
            let second = Holder::of(&other);
            if second.pid() == pid {
                drop(other);
                assert_eq!(owners(at_one), []);
                assert_eq!(owners(at_other), [Owner::Process(pid)]);
                return;
            }
        }
        eprintln!("skipped: other processes took the pid in all 100 attempts");
    }

    #[test]
    fn holders_equal_those_of_ss() {
        let _alone = alone_with_the_table();
        by_itself("owners::linux::holders_equal_those_of_ss", compare_holders_with_ss);
    }

    fn compare_holders_with_ss() {
        let own = Loopback::open();
        let port = own.listening().port();
        let calling = own.calling();
        // One socket held by several processes, which receive it over Unix sockets.
        let holders: Vec<Holder> = (0..3).map(|_| Holder::of(&own.listener)).collect();
        let _server = Holder::of(&own.server);
        // A child that inherits the socket, as in a forking server.
        let inheritor = Holder::run("inherit", UnixStream::pair().unwrap(), |command| {
            command.stderr(OwnedFd::from(own.listener.try_clone().unwrap()));
        });
        // Workers that share a port.
        let first = reuse_port(0);
        let shared = first.local_addr().unwrap().as_socket().unwrap().port();
        let workers: Vec<Holder> =
            (0..3).map(|_| Holder::run(&format!("listen {shared}"), UnixStream::pair().unwrap(), |_| {})).collect();
        // An orphan whose peer stays open, a connection in TIME-WAIT, and a connection that is not accepted.
        let (orphan, mut peer) = connect(&own.listener);
        drop(orphan);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        let (client, server) = connect(&own.listener);
        close(client, server);
        let _unaccepted = std::net::TcpStream::connect(own.listener.local_addr().unwrap()).unwrap();

        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let is_ours = |line: &[String; 3]| {
            let has = |port: u16| line[1].ends_with(&format!("]:{port}")) || line[2].ends_with(&format!("]:{port}"));
            has(port) || has(shared)
        };
        let mut last = (Vec::new(), OwnerCounts::default());
        let observe = || {
            let before = ss::with_pids()?;
            let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
            let (rows, counts) = (table.to_vec(), system.owner_counts());
            let ours: Vec<([String; 3], BTreeSet<u32>)> = rows
                .iter()
                .map(|row| {
                    let inode = row.socket_info().unwrap().inode;
                    let pids: BTreeSet<u32> = inode.into_iter().flat_map(|inode| system.holders(inode)).collect();
                    assert_eq!(row.owner().pid(), pids.first().copied(), "the owner is the lowest pid");
                    (ss::line(row), pids)
                })
                .collect();
            last = (rows, counts);
            Some(Observation { before, ours, after: ss::with_pids()? })
        };
        // Sockets held by the kernel or by processes that are not in this /proc have no pid in `ss` either.
        let Some(ours) = assert_agrees(observe) else { return };
        let (rows, counts) = last;
        let (mut owned, mut not_owned) = (0, 0);
        for (_, pids) in ours.iter().filter(|(line, _)| is_ours(line)) {
            owned += usize::from(!pids.is_empty());
            not_owned += usize::from(pids.is_empty());
        }
        // The listener, both sides of its connection, the orphan's peer, the client that is not accepted, and four
        // listeners on the shared port.
        assert_eq!(owned, 1 + 2 + 1 + 1 + 4, "{ours:?}");
        assert!(not_owned >= 3, "expected an orphan, a TIME-WAIT and an unaccepted connection: {ours:?}");
        assert_eq!(counts.owned + counts.nobody + counts.unresolved, rows.len());
        let listener = ours.iter().find(|(line, _)| line[0] == "LISTEN" && line[1].ends_with(&format!(":{port}")));
        let expected = holders.iter().chain([&inheritor]).map(Holder::pid).chain([std::process::id()]);
        assert_eq!(listener.unwrap().1, expected.collect());
        assert_eq!(workers.len(), 3);
        // Sockets of other tests can have the client's port too, but with another remote end.
        let is_client = |row: &&OwnerModuleRow| row.local() == calling && row.remote() == Some(own.listening());
        let owners = rows.iter().filter(is_client).map(Row::owner);
        assert!(owners.eq([Owner::Process(std::process::id())]));
    }

    #[test]
    fn an_unprivileged_user_finds_only_its_own_sockets() {
        let own = Loopback::open();
        if !rustix::process::geteuid().is_root() {
            return eprintln!("skipped: changing the uid needs root");
        }
        let nobody = 65_534;
        let mut command = Command::new(std::env::current_exe().unwrap());
        let arguments = ["--ignored", "--exact", "owners::linux::an_unprivileged_child", "--nocapture"];
        command.args(arguments).env(TASK, own.listening().to_string()).uid(nobody).gid(nobody);
        match command.output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => eprintln!("skipped: the user nobody cannot run this test: {error}"),
        }
    }

    #[test]
    #[ignore = "not a test: the main function of a child with another uid"]
    fn an_unprivileged_child() {
        let Ok(others) = std::env::var(TASK) else { return };
        let others = others.parse().unwrap();
        let own = Loopback::open();
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let this_process = Owner::Process(std::process::id());
        assert!(owners_of(&table, own.listening()).iter().all(|owner| *owner == this_process));
        let listeners = table.iter().filter(|row| row.is_listener() && row.local() == others);
        assert!(listeners.map(Row::owner).eq([Owner::Unresolved]));
        let (rows, counts) = (table.len(), system.owner_counts());
        assert!(counts.owned >= 3 && counts.unresolved >= 3, "{counts:?}");
        assert_eq!(counts.owned + counts.nobody + counts.unresolved, rows);
        if std::env::var_os("TCP6_OWNERS_HIDDEN").is_some() {
            // With hidepid=2, processes of other users are not listed and so cannot be refused.
            assert_eq!(counts.refused, 0, "{counts:?}");
        } else {
            assert!(counts.refused > 0 && counts.refused < counts.processes, "{counts:?}");
        }
    }

    #[test]
    fn an_orphan_has_no_owner() {
        let own = Loopback::open();
        SockRef::from(&own.server).set_linger(None).unwrap();
        let calling = own.calling();
        drop(own.client);
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        eventually("the closed client has no owner", || {
            let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
            owners_of(&table, calling).first() == Some(&Owner::Nobody)
        });
    }
}
