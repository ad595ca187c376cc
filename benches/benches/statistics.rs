//! The counters of the TCP stack.
//!
//! * `bare pread` (Linux): the kernel's part, one pread of each of the same files into a reused buffer, without parsing.
//! * `bare pread of snmp` (Linux): the smaller one of them, which has the counters that Windows has too.
//! * `tcp6`: [`System::statistics`].
//! * `bare pread again`: the bare pread after it, which shows how much a shared machine changed meanwhile.

use benches::comparison::{Comparison, criterion};
use tcp6::System;

/// An open file and a buffer, both reused: the minimum that a reading needs.
#[cfg(target_os = "linux")]
struct BareFile {
    file: std::fs::File,
    bytes: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl BareFile {
    fn open(name: &str) -> BareFile {
        let file = std::fs::File::open(format!("/proc/thread-self/net/{name}")).expect("open a file of /proc/net");
        BareFile { file, bytes: vec![0; 16 << 10] }
    }

    fn read(&mut self) -> usize {
        std::os::unix::fs::FileExt::read_at(&self.file, &mut self.bytes, 0).expect("read a file of /proc/net")
    }
}

fn main() {
    let mut criterion = criterion();
    let mut group = Comparison::new(&mut criterion, "statistics", 1);
    let mut system = System::new().expect("open a system");
    #[cfg(target_os = "linux")]
    let (mut snmp, mut netstat) = (BareFile::open("snmp"), BareFile::open("netstat"));
    #[cfg(target_os = "linux")]
    group.time("bare pread", || snmp.read() + netstat.read());
    group.time("tcp6", || system.statistics().expect("read the counters"));
    #[cfg(target_os = "linux")]
    group.time("bare pread again", || snmp.read() + netstat.read());
    #[cfg(target_os = "linux")]
    group.time("bare pread of snmp", || snmp.read());
    drop(group);
    criterion.final_summary();
}
