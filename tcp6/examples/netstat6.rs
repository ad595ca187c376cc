//! The C example on the page of [GetTcp6Table], in Rust: the state and both ends of every row.
//!
//! It prints what the C program prints, on Linux as well.
//!
//! [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table

use std::net::{Ipv6Addr, SocketAddrV6};

use tcp6::{BasicRow, Buffer, Query, System};

fn main() -> tcp6::Result<()> {
    let mut system = System::new()?;
    // The C program asks for the size, allocates and asks again. A buffer does that inside.
    let mut buffer = Buffer::new();
    let table = system.table::<BasicRow>(&Query::all(), &mut buffer)?;

    println!("\tNumber of entries: {}", table.len());
    for (i, row) in table.iter().enumerate() {
        let state = row.state();
        let name = state.name().unwrap_or("UNKNOWN dwState value");
        println!("\n\tTCP[{i}] State: {} - {name}", state.as_raw());
        print_end(i, "Local", row.local());
        // A listener has no remote end, for which the C program prints zeros.
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
