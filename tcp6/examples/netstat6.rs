//! The C example from the documentation of [GetTcp6Table], in Rust.
//!
//! Prints the state and both endpoints of each row. The output is the same as that of the C program, on Linux too.
//!
//! [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table

use std::net::{Ipv6Addr, SocketAddrV6};

use tcp6::{BasicRow, Buffer, Query, System};

fn main() -> tcp6::Result<()> {
    let mut system = System::new()?;
    // The C program calls twice, for the size and for the table. The buffer handles the size.
    let mut buffer = Buffer::new();
    let table = system.table::<BasicRow>(&Query::all(), &mut buffer)?;

    println!("\tNumber of entries: {}", table.len());
    for (i, row) in table.iter().enumerate() {
        let state = row.state();
        let name = state.name().unwrap_or("UNKNOWN dwState value");
        println!("\n\tTCP[{i}] State: {} - {name}", state.as_raw());
        print_end(i, "Local", row.local());
        // A listener has no remote endpoint. The C program prints zeros.
        let none = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);
        print_end(i, "Remote", row.remote().unwrap_or(none));
    }
    Ok(())
}

fn print_end(i: usize, side: &str, end: SocketAddrV6) {
    println!("\tTCP[{i}] {side} Addr: {}", end.ip());
    println!("\tTCP[{i}] {side} Scope ID: {}", end.scope_id());
    println!("\tTCP[{i}] {side} Port: {}", end.port());
}
