//! Parser of `/proc/PID/stat`.
//!
//! The file is one line, `PID (NAME) STATE PPID ...`, with 52 fields separated by spaces. The process chooses NAME,
//! which may contain spaces and parentheses; no field after it does. See
//! [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::str;

/// The size in bytes of a buffer for the line up to field 28 (`startstack`).
///
/// The name has at most 64 bytes, each of which may be escaped as two; the other 27 fields have at most 20 digits.
pub(super) const STAT_BUF_LEN: usize = 1024;

/// The identity of a process and of the program that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// The start time in clock ticks since boot.
    pub(super) started: u64,
    /// A hash of the name and of the start addresses of code and stack.
    ///
    /// It changes when the process changes its name, and on `exec`, for which the kernel chooses new addresses. The
    /// kernel shows the addresses, like the path of the executable, only to readers that may trace the process.
    pub(super) image: u64,
}

impl Stat {
    /// Parses the line, which may be cut after field 28.
    ///
    /// Returns `None` in the cases of [`started`].
    pub(super) fn parse(line: &[u8]) -> Option<Stat> {
        let started = started(line)?;
        let (name, rest) = line.split_at(line.iter().rposition(|byte| *byte == b')')?);
        let mut image = DefaultHasher::new();
        // The name begins at the parenthesis after the pid.
        name.iter().position(|byte| *byte == b'(').map(|at| &name[at..]).hash(&mut image);
        let field = |number: usize| rest.split(|byte| *byte == b' ').nth(number - 2);
        (field(26), field(28)).hash(&mut image);
        Some(Stat { started, image: image.finish() })
    }
}

/// Parses the start time of a process in clock ticks since boot.
///
/// The line may be cut after field 22.
///
/// Returns `None` if the line is malformed, or if the process has ended: it remains a zombie until its parent waits for
/// it. If only the main thread has ended, the line has that thread's state, but a thread count above 1.
pub(super) fn started(line: &[u8]) -> Option<u64> {
    let name_ends = line.iter().rposition(|byte| *byte == b')')?;
    let after_name = line[name_ends + 1..].strip_prefix(b" ")?;
    // Fields are numbered from 1; the first one after the name is field 3.
    let mut fields = after_name.split(|byte| *byte == b' ');
    let state = fields.next()?;
    let threads = number(fields.nth(20 - 3 - 1)?)?;
    let started = number(fields.nth(22 - 20 - 1)?)?;
    // The last field of a cut line may be incomplete.
    fields.next()?;
    let has_ended = matches!(state, b"Z" | b"X") && threads <= 1;
    (!has_ended).then_some(started)
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line in the kernel's format, with this name and the start time 7,654,321.
    fn line(name: &str) -> Vec<u8> {
        let numbers =
            "S 1 4242 4242 0 -1 4194560 1200 0 3 0 11 7 0 0 20 0 1 0 7654321 5242880 900 18446744073709551615 1";
        format!("4242 ({name}) {numbers} 1 0 0 0 0\n").into_bytes()
    }

    #[test]
    fn parses_the_start_time_after_any_name() {
        for name in
            ["cat", "", "a b", ")", "a) R 1 (b", "x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 (", "((("]
        {
            assert_eq!(started(&line(name)), Some(7_654_321), "{name}");
        }
        let mut no_utf8 = line("??");
        no_utf8[6..8].copy_from_slice(&[0xFF, 0xC0]);
        assert_eq!(started(&no_utf8), Some(7_654_321));
    }

    #[test]
    fn a_process_has_ended_only_if_no_other_thread_runs() {
        let with = |state: &str, threads: &str| {
            let line = String::from_utf8(line("a")).unwrap();
            let line =
                line.replace(") S", &format!(") {state}")).replace(" 1 0 7654321", &format!(" {threads} 0 7654321"));
            started(line.as_bytes())
        };
        let running = Some(7_654_321);
        assert_eq!((with("Z", "1"), with("X", "0")), (None, None));
        assert_eq!((with("Z", "3"), with("R", "1"), with("D", "2")), (running, running, running));
    }

    #[test]
    fn a_cut_line_never_has_another_start_time() {
        let whole = line("name");
        for end in 0..whole.len() {
            let parsed = started(&whole[..end]);
            assert!(parsed.is_none() || parsed == Some(7_654_321), "{end} bytes: {parsed:?}");
        }
    }

    #[test]
    fn rejects_malformed_lines() {
        for line in ["", ")", "()", ") ", "1 (a)", "1 (a) S", "1 (a)S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"] {
            assert_eq!(started(line.as_bytes()), None, "{line}");
        }
        let negative = String::from_utf8(line("a")).unwrap().replace("7654321", "-1");
        assert_eq!(started(negative.as_bytes()), None);
        let too_large = String::from_utf8(line("a")).unwrap().replace("7654321", "18446744073709551616");
        assert_eq!(started(too_large.as_bytes()), None);
    }

    #[test]
    fn the_buffer_holds_the_longest_line() {
        let numbers = vec![u64::MAX.to_string(); 27].join(" ");
        let longest = format!("4294967295 ({}) {numbers} ", "\\n".repeat(64));
        assert!(longest.len() <= STAT_BUF_LEN);
    }

    #[test]
    fn the_image_depends_only_on_name_and_addresses() {
        let image = |line: &[u8]| Stat::parse(line).unwrap().image;
        let line = |name: &str, times: &str, code: &str, stack: &str| {
            let numbers =
                format!("S 1 4242 4242 0 -1 4194560 1200 0 3 0 {times} 0 0 20 0 1 0 7654321 5242880 900 1844");
            format!("4242 ({name}) {numbers} {code} 94000 {stack} 0 0\n").into_bytes()
        };
        let one = image(&line("server", "11 7", "94111", "140111"));
        assert_eq!(image(&line("server", "99 8", "94111", "140111")), one, "other CPU times");
        for other in [line("client", "11 7", "94111", "140111"), line("server", "11 7", "94222", "140111")] {
            assert_ne!(image(&other), one);
        }
        assert_ne!(image(&line("server", "11 7", "94111", "140222")), one);
    }
}
