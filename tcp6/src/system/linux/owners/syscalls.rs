//! Two system calls that no safe wrapper offers.
#![allow(unsafe_code)]

use core::cmp::Ordering;
use core::mem::MaybeUninit;

use rustix::io::Errno;

/// The low bits of the clock id of a process' CPU time, counted by the scheduler (`CPUCLOCK_SCHED`).
const CPUCLOCK_SCHED: libc::clockid_t = 2;

/// The descriptor tables are compared (`KCMP_FILES` of `linux/kcmp.h`).
const KCMP_FILES: libc::c_int = 2;

/// The CPU time of a process in nanoseconds: `clock_gettime` with the clock id that
/// [clock_getcpuclockid(3)](https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html) makes of `pid`.
///
/// # Errors
///
/// EINVAL if there is no such process.
pub(super) fn process_cpu_time(pid: u32) -> Result<u64, Errno> {
    let clock = !(pid as libc::clockid_t) << 3 | CPUCLOCK_SCHED;
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `time` has room for the timespec that the call writes.
    let code = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    if code != 0 {
        return Err(last_error());
    }
    // SAFETY: the call has succeeded, so it has written the timespec.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::RANGE)?;
    let nanoseconds = u64::try_from(time.tv_nsec).map_err(|_| Errno::RANGE)?;
    Ok(seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds))
}

/// How the descriptor tables of two threads compare:
/// [kcmp(2)](https://man7.org/linux/man-pages/man2/kcmp.2.html) with `KCMP_FILES`.
///
/// The order is the kernel's own and lasts until the machine is booted. Equal means that both share one table.
pub(super) fn compare_tables(a: u32, b: u32) -> Result<Ordering, Errno> {
    let none: libc::c_ulong = 0;
    // SAFETY: kcmp takes five integers and writes no memory.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, a as libc::pid_t, b as libc::pid_t, KCMP_FILES, none, none) };
    match order {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        2 => Ok(Ordering::Greater),
        // Unequal, without an order.
        3 => Err(Errno::OPNOTSUPP),
        _ => Err(last_error()),
    }
}

fn last_error() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_this_process_grows_while_it_works() {
        let own = std::process::id();
        let before = process_cpu_time(own).unwrap();
        let started = std::time::Instant::now();
        let mut number = 1u64;
        // Much longer than a timer tick.
        while started.elapsed() < std::time::Duration::from_millis(50) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(process_cpu_time(own).unwrap() > before, "{number}");
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_cpu_time() {
        // Above the largest id that Linux gives out (2^22).
        assert_eq!(process_cpu_time(1 << 23), Err(Errno::INVAL));
    }

    #[test]
    fn a_process_shares_its_table_with_itself_and_not_with_a_child() {
        let own = std::process::id();
        match compare_tables(own, own) {
            Ok(order) => assert_eq!(order, Ordering::Equal),
            // Sandboxes refuse the call.
            Err(errno) => return assert!([Errno::NOSYS, Errno::PERM, Errno::ACCESS].contains(&errno), "{errno}"),
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let order = compare_tables(own, child.id()).unwrap();
        assert_ne!(order, Ordering::Equal);
        assert_eq!(compare_tables(child.id(), own), Ok(order.reverse()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
