use super::*;

fn whole(expected: Option<u64>) -> FdRange {
    FdRange { from: 0, max: u64::MAX, expected }
}

#[test]
fn reads_the_descriptors_of_this_process() {
    let proc = Proc::open().unwrap();
    let own = std::process::id();
    let mut pids = Vec::new();
    proc.pids(&mut pids).unwrap();
    assert!(pids.contains(&own));
    assert!(proc.start_time(own).is_some());
    let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
    let inode = rustix::fs::fstat(&socket).unwrap().st_ino as u32;
    let mut found = None;
    // An unknown number, too few, the exact number, too many.
    for expected in [None, Some(1), proc.summary(own).count, Some(100_000)] {
        let mut descriptors = Vec::new();
        let scan = proc.scan(own, whole(expected), &mut |descriptor, link| {
            descriptors.push(descriptor);
            if link == Link::Socket(inode) {
                found = Some(descriptor);
            }
        });
        assert_eq!(scan, Scan { access: Access::Granted, next: None });
        assert!(descriptors.is_sorted_by(|a, b| a < b), "{descriptors:?}");
        // Standard input.
        assert_eq!(descriptors.first(), Some(&0), "{expected:?}");
        assert!(descriptors.contains(&found.unwrap()), "{expected:?}");
    }
    assert_eq!(proc.link(own, found.unwrap()), Link::Socket(inode));
    // The descriptor of the directory being read is not reported.
    let dir = std::path::PathBuf::from(format!("/proc/{own}/fd"));
    for expected in [None, proc.summary(own).count] {
        proc.scan(own, whole(expected), &mut |descriptor, link| {
            let target = std::fs::read_link(dir.join(descriptor.to_string()));
            assert!(link == Link::None || !target.is_ok_and(|target| target == dir), "{descriptor}, {expected:?}");
        });
    }
    assert_eq!(proc.link(own, u32::MAX), Link::None);
    assert_eq!(proc.summary(u32::MAX).inode, None);
    assert_eq!(proc.summary(own).inode, proc.summary(own).inode);
    assert_eq!(proc.start_time(u32::MAX), None);
    assert_eq!(proc.live_thread(u32::MAX), None);
}

/// A child process that holds the descriptors 0, 1, 2 and others.
struct Child(std::process::Child);

impl Child {
    fn holding(descriptors: &[u32]) -> Child {
        use std::io::Read;
        let open: String = descriptors.iter().map(|descriptor| format!("exec {descriptor}</dev/null\n")).collect();
        let mut command = std::process::Command::new("bash");
        command.arg("-c").arg(format!("{open}echo ready\nread line"));
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("bash");
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        Child(child)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn partial_scans_read_all_descriptors_counted_or_listed() {
    let opened = [3, 4, 5, 7, 50, 51, 200];
    let child = Child::holding(&opened);
    let (proc, pid) = (Proc::open().unwrap(), child.0.id());
    let read = |range: FdRange| {
        let mut descriptors = Vec::new();
        let scan = proc.scan(pid, range, &mut |descriptor, link| {
            if link != Link::None {
                descriptors.push(descriptor);
            }
        });
        assert_eq!(scan.access, Access::Granted);
        (descriptors, scan.next)
    };
    let all = read(whole(None));
    // The shell has others of its own.
    assert!([0, 1, 2].iter().chain(&opened).all(|descriptor| all.0.contains(descriptor)), "{all:?}");
    assert_eq!(all.1, None);
    if proc.has_counts {
        assert_eq!(proc.summary(pid).count, Some(all.0.len() as u64));
    }
    for is_counted in [false, true] {
        for max in 1..=all.0.len() as u64 + 1 {
            let (mut slices, mut from) = (Vec::new(), 0);
            loop {
                let expected =
                    is_counted.then(|| all.0.iter().filter(|descriptor| **descriptor >= from).count() as u64);
                let (slice, next) = read(FdRange { from, max, expected });
                assert!(slice.len() as u64 <= max);
                slices.extend(slice);
                match next {
                    Some(next) => from = next,
                    None => break,
                }
            }
            assert_eq!(slices, all.0, "{max} at a time, counted: {is_counted}");
        }
    }
}

#[test]
fn lists_the_directory_after_many_gaps() {
    let highest = 1_000_000;
    let probes = core::cell::Cell::new(0);
    let read = |descriptor: u32, _: &CStr| {
        probes.set(probes.get() + 1);
        Ok(if descriptor < 100 || descriptor == highest { Link::Other } else { Link::None })
    };
    let range = FdRange { from: 0, max: 1_000, expected: Some(101) };
    let counted = count_up(range, read, &mut |_, _| {}).unwrap();
    let from = probes.get();
    assert_eq!(counted, Rest::ToList { from, max: 900 });
    assert!(from < 200, "{from} probes");
}

#[test]
fn parses_loadavg() {
    let read = |line: &str| activity(line.as_bytes()).map(|activity| (activity.last_pid, activity.is_quiet));
    assert_eq!(read("0.20 0.18 0.12 1/80 11206\n"), Some((Some(11_206), true)));
    assert_eq!(read("0.20 0.18 0.12 11/80 11206\n"), Some((Some(11_206), false)));
    assert_eq!(read("0.20 0.18 0.12 1/80\n"), None);
    for line in ["", "0.20 0.18 0.12", "0.20 0.18 0.12 1 11206", "\u{ff}"] {
        assert_eq!(read(line), None, "{line:?}");
    }
}

#[test]
fn uses_cpu_times_if_pids_are_those_of_system_calls() {
    let proc = Proc::open().unwrap();
    let own = std::process::id();
    if proc.own_pid == Some(own) && proc.has_one_pid() {
        assert!(proc.has_cpu_times);
        assert!(matches!(proc.cpu_time(own), CpuTime::Nanoseconds(_)));
        assert_eq!(proc.cpu_time(1 << 23), CpuTime::Gone);
        assert!(proc.activity().last_pid.is_some());
    }
}
