//! What others take for the same table in the same minute, and how many of its rows they find.
//!
//! Each is called as its documentation says, with nothing kept between calls that it does not keep itself. The programs
//! (`ss`, psutil) are measured as programs: `ss` from its start to its end, psutil within a Python that stays.

#[cfg(target_os = "linux")]
#[path = "peers/programs.rs"]
mod programs;

#[cfg(target_os = "linux")]
fn main() {
    use std::net::IpAddr;

    use benches::comparison::Comparison;
    use benches::floor::BareDump;
    use netstat2::{AddressFamilyFlags, ProtocolFlags};
    use programs::{Psutil, ss};
    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, System};

    /// Measures one, and notes how many rows of the table it finds.
    fn time(ways: &mut Comparison<'_>, way: &str, mut rows: impl FnMut() -> usize) {
        ways.note(way, "rows", rows());
        ways.time_slow(way, rows);
    }

    benches::live::main(|live| {
        let (query, mut buffer) = (Query::all().unsorted(), Buffer::new());
        let mut system = System::new().expect("a table");
        let (family, protocol) = (AddressFamilyFlags::IPV6, ProtocolFlags::TCP);

        let mut ways = live.compare("peers/ends and states");
        time(&mut ways, "tcp6", || system.table::<BasicRow>(&query, &mut buffer).expect("a table").len());
        if let Some(mut dump) = BareDump::start() {
            time(&mut ways, "bare dump", || dump.walk().expect("a dump"));
        }
        time(&mut ways, "netstat2", || {
            netstat2::iterate_sockets_info_without_pids(family, protocol).expect("a table").flatten().count()
        });
        time(&mut ways, "procfs", || procfs::net::tcp6().expect("a table").len());
        if ss(&["-6tanH"]).is_some() {
            time(&mut ways, "ss -6tan", || ss(&["-6tanH"]).expect("its output"));
        }
        drop(ways);

        let mut ways = live.compare("peers/owners");
        time(&mut ways, "tcp6, first", || {
            let mut system = System::new().expect("a table");
            system.table::<OwnerPidRow>(&query, &mut buffer).expect("a table").len()
        });
        time(&mut ways, "tcp6, again", || system.table::<OwnerPidRow>(&query, &mut buffer).expect("a table").len());
        time(&mut ways, "netstat2", || netstat2::get_sockets_info(family, protocol).expect("a table").len());
        time(&mut ways, "listeners", || {
            let all = listeners::get_all().expect("a table");
            let in_the_table = |row: &&listeners::Listener| {
                row.protocol == listeners::Protocol::TCP && matches!(row.socket.ip(), IpAddr::V6(_))
            };
            all.iter().filter(in_the_table).count()
        });
        if ss(&["-6tanpH"]).is_some() {
            time(&mut ways, "ss -6tanp", || ss(&["-6tanpH"]).expect("its output"));
        }
        if let Some(mut psutil) = Psutil::start() {
            ways.note("psutil", "version", psutil.version());
            time(&mut ways, "psutil", || psutil.rows().expect("its answer"));
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, peers: they are measured on Linux");
}
