//! A watcher with names: each connection that is opened or closed, and by which process.
//!
//! `cargo run --example changes 10` ends after 10 polls.

use std::thread;
use std::time::Duration;

use tcp6::{Change, OwnerPidRow, Processes, System, Watcher};

fn main() -> tcp6::Result<()> {
    let polls = std::env::args().nth(1).and_then(|polls| polls.parse().ok()).unwrap_or(u64::MAX);
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new()?);
    let mut processes = Processes::new();

    watcher.poll()?; // The baseline: what is there already is no change.
    println!("watching");
    for _ in 0..polls {
        thread::sleep(Duration::from_millis(500));
        let changes = match watcher.poll() {
            Ok(changes) => changes,
            Err(error) => {
                // The next poll is compared with the last good table: nothing is lost.
                eprintln!("{error}");
                continue;
            }
        };
        // Within a batch each process is looked up once, however many rows it has.
        let mut batch = processes.batch();
        let mut owner = |row: &OwnerPidRow| {
            let name = row.owner().pid().and_then(|pid| batch.get(pid)).map(|process| process.name());
            // A process may choose any name. Debug escapes what a terminal would act on.
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
