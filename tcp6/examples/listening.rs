//! Prints the processes that listen on a port: `cargo run --example listening 8080`.

use std::process::ExitCode;

use tcp6::{Buffer, Owner, OwnerPidRow, Processes, Query, System};

fn main() -> tcp6::Result<ExitCode> {
    let Some(port) = std::env::args().nth(1).and_then(|port| port.parse().ok()) else {
        eprintln!("usage: listening PORT");
        return Ok(ExitCode::from(2));
    };
    let (mut system, mut buffer) = (System::new()?, Buffer::new());
    // On Linux, the kernel itself filters by state and sends only listeners.
    let table = system.table::<OwnerPidRow>(&Query::listeners().port(port), &mut buffer)?;

    let mut processes = Processes::new();
    for row in table {
        match row.owner() {
            Owner::Process(pid) => {
                // A process can choose any name. Debug formatting escapes control characters.
                let name = processes.get(pid).map(|process| process.name().to_owned()).unwrap_or_default();
                println!("{} {pid} {name:?}", row.local());
            }
            // `Nobody` (no process), `Kernel`, or `Unresolved` (for example, a process of another user).
            other => println!("{} {other}", row.local()),
        }
    }
    if table.is_empty() {
        println!("no IPv6 listener on port {port}");
    }
    Ok(ExitCode::SUCCESS)
}
