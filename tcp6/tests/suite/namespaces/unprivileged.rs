//! Namespaces that the caller may not enter.
//!
//! The tests that change the user run in a child, which is this program run again.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use tcp6::os::linux::{OwnerModuleRowExt, SystemExt, namespaces};
use tcp6::{Buffer, Error, OwnerModuleRow, Query, StateSet, System, Watcher};

use super::listing::read_while_they_vanish;
use super::{Sleeper, Space, is_root, listeners};

/// The environment variable with the pid of a process in another namespace.
const OTHER: &str = "TCP6_OTHER_NAMESPACE";

/// The uid and gid of the user nobody.
const NOBODY: u32 = 65_534;

#[test]
fn a_namespace_that_may_not_be_entered_is_read_from_proc() {
    if !is_root() {
        return;
    }
    let space = Space::new();
    let (sleeper, _listener) = (space.sleeper(), space.listener(80));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "namespaces::unprivileged::as_nobody", "--nocapture"]);
    command.env(OTHER, sleeper.pid().to_string()).uid(NOBODY).gid(NOBODY);
    // The descriptor of the other namespace, which the child could not open.
    command.stdin(space.file.try_clone().unwrap());
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
            text.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
        }
        Err(error) => eprintln!("skipped: starting the child failed: {error}"),
    }
}

#[test]
#[ignore = "not a test: the main function of a child without privileges"]
fn as_nobody() {
    let Ok(pid) = std::env::var(OTHER) else { return };
    let pid: u32 = pid.parse().unwrap();
    let base = System::new().unwrap();
    let error = base.in_namespace(std::io::stdin()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(1), "EPERM: {error}");

    let mut other = base.in_namespace_of(pid).unwrap();
    assert!(other.is_text() && !base.is_text());
    let found = listeners(&mut other);
    assert_eq!(found.iter().map(|(end, _)| end.to_string()).collect::<Vec<_>>(), ["[::1]:80"]);
    let mut buffer = Buffer::new();
    let table = other.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    let info = table[0].socket_info().unwrap();
    assert_eq!((table.len(), info.cookie, info.interface), (1, None, None));
    assert!(info.inode.is_some());
    assert_eq!(other.interface_names().unwrap().name(1), None);
    // The counters are those of the other namespace, in which no connection was opened.
    assert_eq!(other.statistics().unwrap().active_opens, 0);
    // The text has no bound sockets, which is not an empty table.
    let bound = other.table::<OwnerModuleRow>(&Query::all().states(StateSet::BOUND), &mut buffer);
    assert!(matches!(bound, Err(Error::NotSupported)), "{bound:?}");
    let events = Watcher::<OwnerModuleRow, _>::new(other).with_events();
    assert!(matches!(events, Err(Error::NotSupported)), "the text has no cookies");

    let all = namespaces().unwrap();
    assert!(all.refused > 0, "root processes cannot be traced");
    assert!(all.list[0].is_own);
    in_a_user_namespace(&base);
}

/// A namespace of this user, in a user namespace: its process can be traced, and it cannot be entered.
fn in_a_user_namespace(base: &System) {
    let mut command = Command::new("unshare");
    command.args(["-Urn", "sh", "-c", "ip link set lo up && echo ready && exec sleep 86400"]);
    let Ok(child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        return eprintln!("skipped: unshare is not installed");
    };
    let mut sleeper = Sleeper(child);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(sleeper.0.stdout.take().unwrap()), &mut line).unwrap();
    if line != "ready\n" {
        return eprintln!("skipped: user namespaces are not permitted");
    }
    let all = namespaces().unwrap();
    let namespace = all.list.iter().find(|one| one.pid == Some(sleeper.pid())).expect("it is listed");
    let file: File = namespace.open().unwrap().into();
    assert_eq!(base.in_namespace(&file).unwrap_err().raw_os_error(), Some(1));
    let mut system = namespace.system(base).unwrap();
    assert!(system.is_text());
    assert_eq!(listeners(&mut system), []);
    // The text keeps the namespace alive, too.
    let pid = sleeper.pid();
    drop((sleeper, file));
    assert_eq!(listeners(&mut system), []);
    for error in [namespace.system(base).unwrap_err(), base.in_namespace_of(pid).unwrap_err()] {
        assert_eq!(error.raw_os_error(), Some(2), "{error}");
    }
    let read = read_while_they_vanish(base, &["-Urn"]);
    assert!(read > 10, "{read}");
}
