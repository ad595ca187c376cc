//! System calls without a safe wrapper: the CPU time of a process, and comparing descriptor tables.
#![allow(unsafe_code)]

use core::cmp::Ordering;
use core::mem::MaybeUninit;

use rustix::io::Errno;

/// The low bits of the clock id of a process' CPU time as counted by the scheduler
/// (`CPUCLOCK_SCHED`).
const CPUCLOCK_SCHED: libc::clockid_t = 2;

/// Selects the comparison of descriptor tables (`KCMP_FILES` of `linux/kcmp.h`).
const KCMP_FILES: libc::c_int = 2;

/// The CPU time of a process in nanoseconds.
///
/// Calls `clock_gettime` with the clock id that
/// [clock_getcpuclockid(3)](https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html) makes of `pid`.
///
/// # Errors
///
/// EINVAL if there is no such process. ERANGE if the kernel reports a negative time.
pub(super) fn process_cpu_time(pid: u32) -> Result<u64, Errno> {
    let clock = !(pid as libc::clockid_t) << 3 | CPUCLOCK_SCHED;
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `time` is valid for writes of one timespec, which is what the call writes.
    let code = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    if code != 0 {
        return Err(last_error());
    }
    // SAFETY: the call has succeeded, so it has written the whole timespec.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::RANGE)?;
    let nanoseconds = u64::try_from(time.tv_nsec).map_err(|_| Errno::RANGE)?;
    Ok(seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds))
}

/// Compares the descriptor tables of two threads. Equal if both use one table.
///
/// Calls [kcmp(2)](https://man7.org/linux/man-pages/man2/kcmp.2.html) with `KCMP_FILES`. The kernel defines the order,
/// which stays the same until the next boot.
///
/// # Errors
///
/// ESRCH if there is no such thread, EPERM if the caller may not trace both, ENOSYS if the kernel lacks the call.
/// EOPNOTSUPP if the tables differ and the kernel gives no order.
pub(super) fn compare_tables(a: u32, b: u32) -> Result<Ordering, Errno> {
    let (a, b) = (a as libc::pid_t, b as libc::pid_t);
    let unused: libc::c_ulong = 0;
    // SAFETY: kcmp takes five integers and writes no memory.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, a, b, KCMP_FILES, unused, unused) };
    match order {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        2 => Ok(Ordering::Greater),
        // The tables differ, without an order.
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
    fn cpu_time_grows_while_the_process_works() {
        let own = std::process::id();
        let before = process_cpu_time(own).unwrap();
        let started = std::time::Instant::now();
        let mut number = 1u64;
        // Several timer ticks: a tick is 10 ms at most.
        while started.elapsed() < std::time::Duration::from_millis(50) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(process_cpu_time(own).unwrap() > before, "{number}");
    }

    #[test]
    fn reports_einval_for_a_missing_process() {
        // Above the maximum pid of Linux, 2^22.
        assert_eq!(process_cpu_time(1 << 23), Err(Errno::INVAL));
    }

    #[test]
    fn a_table_equals_itself_and_differs_from_that_of_a_child() {
        let own = std::process::id();
        match compare_tables(own, own) {
            Ok(order) => assert_eq!(order, Ordering::Equal),
            // A sandbox can refuse the call.
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
