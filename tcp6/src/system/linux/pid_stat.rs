//! The kernel's line on a process, `/proc/PID/stat`.
//!
//! `PID (NAME) STATE PPID ...`: 52 fields between blanks. The second is whatever the process calls itself, and may have
//! blanks and parentheses in it; what follows it has not. See
//! [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::str;

/// The number of bytes that hold everything up to `startstack`, the 28th field: a name of at most 64 bytes, each of which
/// may be printed as two, and 27 numbers of at most 20 digits.
pub(super) const STAT_BUF_LEN: usize = 1024;

/// What tells a process from every other one, and a program from the one that the process ran before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// See [`started`].
    pub(super) started: u64,
    /// Differs after `exec` and after the process has changed its name: made of the name and of the addresses at which the
    /// program's code and its stack begin. The kernel chooses these anew for each program. It tells them, and the path of
    /// the executable, to those who may trace the process.
    pub(super) image: u64,
}

impl Stat {
    /// `None` as for [`started`]. The line may be cut after the 28th field.
    pub(super) fn parse(line: &[u8]) -> Option<Stat> {
        let started = started(line)?;
        let (name, rest) = line.split_at(line.iter().rposition(|byte| *byte == b')')?);
        let mut image = DefaultHasher::new();
        // From the parenthesis after the pid.
        name.iter().position(|byte| *byte == b'(').map(|at| &name[at..]).hash(&mut image);
        let field = |number: usize| rest.split(|byte| *byte == b' ').nth(number - 2);
        (field(26), field(28)).hash(&mut image);
        Some(Stat { started, image: image.finish() })
    }
}

/// When the process was started, in clock ticks since the machine was booted; `None` if it has ended, or if this is no
/// such line. The line may be cut behind that field.
///
/// A process that has ended keeps its line, as a zombie, until its parent has waited for it. One whose first thread has
/// ended shows that thread's state, but has more than one.
pub(super) fn started(line: &[u8]) -> Option<u64> {
    let name_ends = line.iter().rposition(|byte| *byte == b')')?;
    let behind_name = line[name_ends + 1..].strip_prefix(b" ")?;
    // Fields have numbers from 1, and the first behind the name is the 3rd.
    let mut fields = behind_name.split(|byte| *byte == b' ');
    let state = fields.next()?;
    let threads = number(fields.nth(20 - 3 - 1)?)?;
    let started = number(fields.nth(22 - 20 - 1)?)?;
    // What ends with the line may be half a number.
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

    /// A line as the kernel writes it, of a process with this name that was started at tick 7,654,321.
    fn line(name: &str) -> Vec<u8> {
        let numbers =
            "S 1 4242 4242 0 -1 4194560 1200 0 3 0 11 7 0 0 20 0 1 0 7654321 5242880 900 18446744073709551615 1";
        format!("4242 ({name}) {numbers} 1 0 0 0 0\n").into_bytes()
    }

    #[test]
    fn the_start_is_found_behind_any_name() {
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
    fn a_process_has_ended_with_its_last_thread() {
        let with = |state: &str, threads: &str| {
            let line = String::from_utf8(line("a")).unwrap();
            let line =
                line.replace(") S", &format!(") {state}")).replace(" 1 0 7654321", &format!(" {threads} 0 7654321"));
            started(line.as_bytes())
        };
        let runs = Some(7_654_321);
        assert_eq!((with("Z", "1"), with("X", "0")), (None, None));
        assert_eq!((with("Z", "3"), with("R", "1"), with("D", "2")), (runs, runs, runs));
    }

    #[test]
    fn a_line_that_is_cut_is_no_line_of_another_start() {
        let whole = line("name");
        for end in 0..whole.len() {
            let told = started(&whole[..end]);
            assert!(told.is_none() || told == Some(7_654_321), "{end} bytes: {told:?}");
        }
    }

    #[test]
    fn what_is_no_line_has_no_start() {
        for line in ["", ")", "()", ") ", "1 (a)", "1 (a) S", "1 (a)S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"] {
            assert_eq!(started(line.as_bytes()), None, "{line}");
        }
        let minus = String::from_utf8(line("a")).unwrap().replace("7654321", "-1");
        assert_eq!(started(minus.as_bytes()), None);
        let beyond = String::from_utf8(line("a")).unwrap().replace("7654321", "18446744073709551616");
        assert_eq!(started(beyond.as_bytes()), None);
    }

    #[test]
    fn the_longest_line_is_not_cut_before_the_start() {
        let numbers = vec![u64::MAX.to_string(); 27].join(" ");
        let longest = format!("4294967295 ({}) {numbers} ", "\\n".repeat(64));
        assert!(longest.len() <= STAT_BUF_LEN);
    }

    #[test]
    fn the_image_differs_by_name_and_addresses_alone() {
        let image = |line: &[u8]| Stat::parse(line).unwrap().image;
        let line = |name: &str, times: &str, code: &str, stack: &str| {
            let numbers =
                format!("S 1 4242 4242 0 -1 4194560 1200 0 3 0 {times} 0 0 20 0 1 0 7654321 5242880 900 1844");
            format!("4242 ({name}) {numbers} {code} 94000 {stack} 0 0\n").into_bytes()
        };
        let one = image(&line("server", "11 7", "94111", "140111"));
        assert_eq!(image(&line("server", "99 8", "94111", "140111")), one, "it has worked meanwhile");
        for other in [line("client", "11 7", "94111", "140111"), line("server", "11 7", "94222", "140111")] {
            assert_ne!(image(&other), one);
        }
        assert_ne!(image(&line("server", "11 7", "94111", "140222")), one);
    }
}
