//! The kernel's line on a process, `/proc/PID/stat`.
//!
//! `PID (NAME) STATE PPID ...`: 52 fields between blanks. The second is whatever the process calls itself, and may have
//! blanks and parentheses in it; what follows it has not. See
//! [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).

use std::str;

/// So many bytes hold everything up to `starttime`: a name of at most 64 bytes, each of which may be printed as two,
/// and 21 numbers of at most 20 digits.
pub(super) const ENOUGH: usize = 1024;

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
        let numbers = vec![u64::MAX.to_string(); 21].join(" ");
        let longest = format!("4294967295 ({}) {numbers} ", "\\n".repeat(64));
        assert!(longest.len() <= ENOUGH);
    }
}
