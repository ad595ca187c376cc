//! How far a refresh is from what the kernel itself takes: a bare dump of the same request, whose messages are walked and
//! not read. Linux only; Windows has no call below the one that is measured in `refresh`.

#[cfg(target_os = "linux")]
fn main() {
    use benches::floor::BareDump;
    use tcp6::{BasicRow, Buffer, Query, System};

    benches::live::main(|live| {
        let mut ways = live.compare("floor");
        let (mut dump, mut system) = (BareDump::open().expect("a socket"), System::new().expect("a table"));
        let (query, mut buffer) = (Query::all().unsorted(), Buffer::new());
        ways.time("bare dump", || dump.walk().expect("a dump"));
        ways.time("tcp6", || system.table::<BasicRow>(&query, &mut buffer).expect("a table").len());
        // Whatever changes on a shared machine between the first and the last shows here.
        ways.time("bare dump again", || dump.walk().expect("a dump"));
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, floor: only Linux has one");
}
