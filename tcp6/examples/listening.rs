//! Who holds a port: `cargo run --example listening 8080`.

use std::process::ExitCode;

use tcp6::{Buffer, Owner, OwnerPidRow, Processes, Query, System};

fn main() -> tcp6::Result<ExitCode> {
    let Some(port) = std::env::args().nth(1).and_then(|port| port.parse().ok()) else {
        eprintln!("usage: listening PORT");
        return Ok(ExitCode::from(2));
    };
    let (mut system, mut buffer) = (System::new()?, Buffer::new());
    // On Linux the kernel sends nothing but listeners.
    let table = system.table::<OwnerPidRow>(&Query::listeners().port(port), &mut buffer)?;

    let mut processes = Processes::new();
    for row in table {
        match row.owner() {
            Owner::Process(pid) => {
                // A process may choose any name. Debug escapes what a terminal would act on.
                let name = processes.get(pid).map(|process| process.name().to_owned()).unwrap_or_default();
                println!("{} {pid} {name:?}", row.local());
            }
            // Not the same: nobody has it, or somebody does whom this user cannot look into.
            other => println!("{} {other}", row.local()),
        }
    }
    if table.is_empty() {
        println!("nobody listens on port {port}, not by IPv6");
    }
    Ok(ExitCode::SUCCESS)
}
