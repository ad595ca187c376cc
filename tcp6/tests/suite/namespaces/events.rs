//! Short connections of another namespace.

use std::time::Duration;

use tcp6::os::linux::SystemExt;
use tcp6::{BasicRow, Buffer, Query, State, System, Watcher};

use super::{Space, is_root};
use crate::support::{close, connect, eventually, v6};

/// The events come from the namespace of the system, and those of two namespaces are not mixed.
#[test]
fn short_connections_of_another_namespace_are_reported() {
    if !is_root() {
        return;
    }
    let base = System::new().unwrap();
    let spaces = [Space::new(), Space::new()];
    let mut watchers = spaces.each_ref().map(|space| {
        let mut watcher = Watcher::<BasicRow, _>::new(base.in_namespace(space).unwrap()).with_events().unwrap();
        assert_eq!(watcher.poll().unwrap().count(), 0);
        watcher
    });
    let listener = spaces[0].listener(80);
    let address = v6(listener.local_addr().unwrap());
    let clients = spaces[0].within(move || {
        (0..10)
            .map(|_| {
                let (client, server) = connect(&listener);
                let local = v6(client.local_addr().unwrap());
                // The server closes first, so that it stays in TIME-WAIT and the client does not.
                close(server, client);
                local
            })
            .collect::<Vec<_>>()
    });
    let (mut system, mut buffer) = (base.in_namespace(&spaces[0]).unwrap(), Buffer::new());
    eventually("the clients are closed", || {
        let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().all(|row| row.state() == State::TimeWait)
    });
    let mut seen = Vec::new();
    eventually("all clients", || {
        std::thread::sleep(Duration::from_millis(5));
        let changes = watchers[0].poll().unwrap();
        assert_eq!(changes.missed(), 0);
        seen.extend(changes.brief().map(|brief| (brief.local(), brief.remote())));
        seen.len() >= clients.len()
    });
    // The events are in the order of the closes, which may differ from that of the calls.
    seen.sort_unstable();
    let mut expected: Vec<_> = clients.iter().map(|client| (*client, address)).collect();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let changes = watchers[1].poll().unwrap();
    assert_eq!((changes.brief().len(), changes.ignored(), changes.missed(), changes.count()), (0, 0, 0, 0));
}
