//! Watches the table: prints opened and closed sockets with their owners, and state changes.
//!
//! `cargo run --example changes 10` exits after 10 polls.

use std::thread;
use std::time::Duration;

use tcp6::{Change, OwnerPidRow, Processes, System, Watcher};

fn main() -> tcp6::Result<()> {
    let polls = std::env::args().nth(1).and_then(|polls| polls.parse().ok()).unwrap_or(u64::MAX);
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new()?);
    let mut processes = Processes::new();

    watcher.poll()?; // The baseline. Existing rows are not reported.
    println!("watching");
    for _ in 0..polls {
        thread::sleep(Duration::from_millis(500));
        let changes = match watcher.poll() {
            Ok(changes) => changes,
            Err(error) => {
                // No change is lost: the next poll is compared with the last table that was read.
                eprintln!("{error}");
                continue;
            }
        };
        // A batch looks up each process once, even if it owns many rows.
        let mut batch = processes.batch();
        let mut owner = |row: &OwnerPidRow| {
            let name = row.owner().pid().and_then(|pid| batch.get(pid)).map(|process| process.name());
            // A process can choose any name. Debug formatting escapes control characters.
            name.map_or_else(|| row.owner().to_string(), |name| format!("{} {name:?}", row.owner()))
        };
        for change in changes {
            let row = change.row();
            let remote = row.remote().map_or_else(String::new, |remote| format!(" <-> {remote}"));
            match change {
                Change::Added(row) => println!("+ {}{remote} {}", row.local(), owner(row)),
                Change::Removed(row) => println!("- {}{remote} {}", row.local(), owner(row)),
                Change::Changed { before, after } => {
                    println!("~ {}{remote} {} -> {}", after.local(), before.state(), after.state());
                }
            }
        }
    }
    Ok(())
}
