//! The kernel's text, `/proc/net/tcp6`: read if sock_diag is refused.
//!
//! A heading and one line per socket, fields separated by blanks: number, local end, remote end, state, and, in the 8th,
//! 10th and 12th place, uid, inode and the address of the kernel's object. An address is four words of eight hexadecimal
//! digits, each printed as a number in native byte order; a port is a hexadecimal number. There are no scope ids. See
//! `Documentation/networking/proc_net_tcp.rst` of the kernel.
//!
//! # Repeated lines
//!
//! The kernel prints the table piece by piece, and prints a socket again if it moves meanwhile: thousands of lines on a
//! busy machine. A line is dropped only if an earlier one with the same ends provably describes the same socket:
//!
//! * both have the same inode, or
//! * both have the same object, and at most one of them has an inode: a connection gets its inode when it is accepted.
//!
//! Equal ends prove nothing: several listeners share an end, and without scope ids two connections over two links look the
//! same. Neither does an object that the kernel hides: it prints zero to readers without the right to know it
//! (`kptr_restrict`), and `(____ptrval____)` until it has enough entropy to hash addresses, soon after boot. A hashed
//! address (32 bits, the default since Linux 4.15) counts as an object: two sockets with equal ends have equal hashes once
//! in 2^32 such pairs. So a socket without an inode, such as one in TIME-WAIT, may be listed twice if the kernel hides its
//! objects.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::num::NonZeroU64;
use std::str;

use super::socket::Socket;
use crate::error::{Error, Malformed, Result};
use crate::row::endpoint::RawEnd;

/// The text of the calling thread's network namespace. `/proc/net` is the namespace of the process' first thread.
pub(super) const TEXT: &str = "/proc/thread-self/net/tcp6";

/// Opens the kernel's text for the calling thread's network namespace.
///
/// `/proc/thread-self` and `/proc/self/task/TID/net` exist since Linux 3.17. Before, the kernel has the text of the first
/// thread's namespace only, which is opened if `shares_namespace` says that the calling thread is in it.
///
/// # Errors
///
/// The first error of `open` that is not "not found", or else that of [`TEXT`].
pub(super) fn open_text<F>(
    tid: i32,
    shares_namespace: impl FnOnce() -> bool,
    mut open: impl FnMut(&str) -> io::Result<F>,
) -> io::Result<F> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let missing = match open(TEXT) {
        Err(error) if is_missing(&error) => error,
        done => return done,
    };
    match open(&format!("/proc/self/task/{tid}/net/tcp6")) {
        Err(error) if is_missing(&error) => {}
        done => return done,
    }
    if !shares_namespace() {
        return Err(missing);
    }
    match open("/proc/self/net/tcp6") {
        Err(error) if is_missing(&error) => Err(missing),
        done => done,
    }
}

/// Reads the text. It remembers the sockets of one reading, and keeps the memory for the next.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The proofs of the lines so far, and whether a line with that proof had an inode.
    seen: HashMap<(Ends, Proof), bool>,
}

/// Local and remote end.
type Ends = [(u128, u32, u16); 2];

/// What proves, together with its ends, that a line describes a known socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Proof {
    Inode(u32),
    Object(NonZeroU64),
}

impl Text {
    /// Passes every socket of the text to `found`, without [repeated lines](self#repeated-lines).
    pub(super) fn read(&mut self, text: &[u8], mut found: impl FnMut(Socket) -> Result<()>) -> Result<()> {
        self.seen.clear();
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..).skip(1) {
            if line.is_empty() {
                continue;
            }
            let (socket, object) = socket(line).ok_or(Malformed::Line { line: number })?;
            if !self.is_repeated(&socket, object)? {
                found(socket)?;
            }
        }
        Ok(())
    }

    /// Whether an earlier line describes this socket. Remembers the line.
    fn is_repeated(&mut self, socket: &Socket, object: Option<NonZeroU64>) -> Result<bool> {
        let seen = &mut self.seen;
        let bytes = size_of::<((Ends, Proof), bool)>() * seen.len() * 2;
        seen.try_reserve(2).map_err(|_| Error::OutOfMemory { bytes })?;
        let ends = [socket.local.key(), socket.remote.key()];
        let has_inode = socket.inode != 0;
        let same_inode = has_inode && seen.insert((ends, Proof::Inode(socket.inode)), true).is_some();
        let same_object = object.is_some_and(|object| match seen.entry((ends, Proof::Object(object))) {
            Entry::Vacant(entry) => {
                entry.insert(has_inode);
                false
            }
            Entry::Occupied(mut had_inode) => {
                let is_other = has_inode && *had_inode.get();
                *had_inode.get_mut() |= has_inode;
                !is_other
            }
        });
        Ok(same_inode || same_object)
    }
}

/// The socket that a line describes, and the kernel's object unless it is hidden.
fn socket(line: &[u8]) -> Option<(Socket, Option<NonZeroU64>)> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let local = end(fields.nth(1)?)?;
    let remote = end(fields.next()?)?;
    let state = hex(fields.next()?, 2)? as u8;
    let uid = decimal(fields.nth(3)?)?;
    let inode = decimal(fields.nth(1)?)?;
    let object = object(fields.nth(1)?)?;
    Some((Socket { state, local, remote, inode, uid, cookie: 0 }, object))
}

/// The kernel's object: `Some(None)` if it is hidden.
fn object(text: &str) -> Option<Option<NonZeroU64>> {
    // Instead of addresses: "(____ptrval____)", on 32-bit machines "(ptrval)", and what Linux prints where it cannot tell
    // whether it may print one.
    if text == "pK-error" || (text.starts_with('(') && text.ends_with(')')) {
        return Some(None);
    }
    hex(text, 16).map(NonZeroU64::new)
}

fn end(text: &str) -> Option<RawEnd> {
    let (words, port) = text.split_once(':')?;
    if words.len() != 32 || !words.is_ascii() {
        return None;
    }
    let mut address = [0; 16];
    for (i, word) in address.chunks_exact_mut(4).enumerate() {
        let number = hex(&words[i * 8..][..8], 8)? as u32;
        word.copy_from_slice(&number.to_ne_bytes());
    }
    let port = hex(port, 4)? as u16;
    Some(RawEnd { address, scope_id: 0, port: u32::from(port.to_be()) })
}

/// A hexadecimal number of at most `digits` digits, at most 16, and nothing else: no sign.
fn hex(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number { u64::from_str_radix(text, 16).ok() } else { None }
}

/// A decimal number without a sign.
fn decimal(text: &str) -> Option<u32> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::linux::OwnerModuleRowExt;
    use crate::row::Row;
    use crate::row::class::{BasicRow, OwnerModuleRow, OwnerPidRow};
    use crate::row::owner::Owner;
    use crate::row::state::State;

    const HEADING: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn rows<R: Row>(text: &str) -> Result<Vec<R>> {
        let mut rows = Vec::new();
        Text::default().read(text.as_bytes(), |socket| {
            rows.push(socket.to_row::<R>());
            Ok(())
        })?;
        Ok(rows)
    }

    /// A line as a little-endian machine prints it, or as this one would.
    fn line(local: &str, remote: &str, state: &str, inode: u32, object: &str) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 {object} 100 0 0 10 0\n"
        )
    }

    #[cfg(target_endian = "little")]
    const LOOPBACK: &str = "00000000000000000000000001000000";
    #[cfg(target_endian = "big")]
    const LOOPBACK: &str = "00000000000000000000000000000001";
    const ANY: &str = "00000000000000000000000000000000";

    #[test]
    fn a_line_is_a_row() {
        let text = HEADING.to_owned()
            + &line(&format!("{LOOPBACK}:1F90"), &format!("{ANY}:0000"), "0A", 4_294_967_295, "ffff888012345678")
            + &format!(
                "   1: {LOOPBACK}:1F90 {LOOPBACK}:C350 06 00000000:00000000 03:000004D2 00000000     0        0 0 3 0000000000000000\n"
            );
        let rows = rows::<OwnerPidRow>(&text).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].state(), State::Listen);
        assert_eq!(rows[0].local(), "[::1]:8080".parse().unwrap());
        assert_eq!(rows[0].remote(), None);
        assert_eq!(rows[0].owner(), Owner::Unresolved);
        assert_eq!(rows[1].state(), State::TimeWait);
        assert_eq!(rows[1].remote(), Some("[::1]:50000".parse().unwrap()));
        assert_eq!(rows[1].owner(), Owner::Nobody);
        let info = |row: &OwnerModuleRow| row.socket_info().map(|info| (info.inode, info.uid, info.cookie)).unwrap();
        let infos: Vec<_> = self::rows(&text).unwrap().iter().map(info).collect();
        assert_eq!(infos, [(Some(u32::MAX), Some(1000), None), (None, None, None)]);
    }

    /// A text of these lines of one pair of ends.
    fn count(lines: &[(u32, &str)]) -> usize {
        let [local, remote] = [format!("{LOOPBACK}:0050"), format!("{LOOPBACK}:C350")];
        let lines: String = lines.iter().map(|(inode, object)| line(&local, &remote, "01", *inode, object)).collect();
        rows::<BasicRow>(&(HEADING.to_owned() + &lines)).unwrap().len()
    }

    const ZERO: &str = "0000000000000000";
    const PTRVAL: &str = "(____ptrval____)";

    #[test]
    fn a_text_from_soon_after_boot_is_read() {
        let text = HEADING.to_owned()
            + &format!(
                "   0: {LOOPBACK}:1F90 {ANY}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 {PTRVAL} 100 0 0 10 0"
            );
        let rows = rows::<OwnerModuleRow>(&text).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].state(), rows[0].local()), (State::Listen, "[::1]:8080".parse().unwrap()));
        assert_eq!(rows[0].socket_info().map(|info| info.inode), Some(Some(12345)));
        for hidden in [PTRVAL, "(ptrval)", "pK-error", ZERO, "00000000"] {
            assert_eq!(object(hidden), Some(None), "{hidden}");
        }
        for bad in ["", "(", "+1", "-1", "12345678123456781", "ptrval"] {
            assert_eq!(object(bad).flatten(), None, "{bad}");
        }
        assert_eq!(object("ffff888012345678"), Some(NonZeroU64::new(0xFFFF_8880_1234_5678)));
    }

    #[test]
    fn a_line_with_the_same_inode_or_object_is_dropped() {
        for object in ["1234", ZERO, PTRVAL] {
            assert_eq!(count(&[(7, object), (7, object), (7, object)]), 1, "{object}");
        }
        assert_eq!(count(&[(0, "1234"), (0, "1234")]), 1);
        // Accepted between the two lines.
        assert_eq!(count(&[(0, "1234"), (7, "1234"), (7, "1234"), (0, "1234")]), 1);
        // A state that changed between the two lines.
        let line = |state| line(&format!("{LOOPBACK}:0050"), &format!("{LOOPBACK}:C350"), state, 7, "1234");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{}{}", line("01"), line("04"))).unwrap().len(), 1);
    }

    #[test]
    fn equal_ends_do_not_prove_that_two_lines_are_one_socket() {
        for hidden in [ZERO, PTRVAL, "(ptrval)"] {
            // TIME-WAIT on two links: no scope ids, no inodes.
            assert_eq!(count(&[(0, hidden), (0, hidden)]), 2, "{hidden}");
            // Listeners on one end.
            assert_eq!(count(&[(7, hidden), (8, hidden)]), 2, "{hidden}");
        }
        assert_eq!(count(&[(0, "1234"), (0, "5678")]), 2);
        // A socket that was closed, and another one at the address of its object.
        assert_eq!(count(&[(7, "1234"), (8, "1234"), (7, "1234")]), 2);
        assert_eq!(count(&[(0, "1234"), (7, "1234"), (8, "1234")]), 2);
    }

    #[test]
    fn the_same_inode_and_object_with_other_ends_are_another_socket() {
        let line = |port| line(&format!("{LOOPBACK}:{port}"), &format!("{ANY}:0000"), "0A", 7, "1234");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{}{}", line("0050"), line("0051"))).unwrap().len(), 2);
    }

    /// What [`open_text`] opens in a `/proc` that has these files.
    fn opened(files: &[&str], shares_namespace: bool) -> io::Result<String> {
        open_text(
            17,
            || shares_namespace,
            |path| {
                let path = files.contains(&path).then(|| path.to_owned());
                path.ok_or_else(|| io::ErrorKind::NotFound.into())
            },
        )
    }

    #[test]
    fn the_text_is_that_of_the_callers_namespace() {
        let [own, task, first] = [TEXT, "/proc/self/task/17/net/tcp6", "/proc/self/net/tcp6"];
        for shares_namespace in [true, false] {
            assert_eq!(opened(&[own, task, first], shares_namespace).unwrap(), own);
            assert_eq!(opened(&[task, first], shares_namespace).unwrap(), task);
        }
        // Linux 3.16 and earlier.
        assert_eq!(opened(&[first], true).unwrap(), first);
        assert_eq!(opened(&[first], false).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(opened(&[], true).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_text_that_is_refused_is_not_looked_for_elsewhere() {
        let mut paths = Vec::new();
        let refused = open_text(
            17,
            || true,
            |path| {
                paths.push(path.to_owned());
                Err::<(), _>(io::ErrorKind::PermissionDenied.into())
            },
        );
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(paths, [TEXT]);
    }

    #[test]
    fn what_is_not_such_a_text_is_an_error_that_names_the_line() {
        let good = line(&format!("{LOOPBACK}:0050"), &format!("{ANY}:0000"), "0A", 7, "0");
        for bad in [
            "x",
            "0: 1:2 3:4 0A",
            "   0: ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ:0050",
            &good[..good.len() / 2],
            &good.replace("0A", "WW"),
            &good.replace(LOOPBACK, &LOOPBACK[1..]),
            &good.replace(":0050", "0:0050"),
            &good.replace(":0050", ":+050"),
            &good.replace(" 0A ", " +A "),
            &good.replace(" 7 1", " +7 1"),
            &good.replace(" 1000 ", " +1000 "),
            &good.replace(" 1 0 ", " 1 (0 "),
        ] {
            let error = rows::<BasicRow>(&format!("{HEADING}{good}{bad}\n")).unwrap_err();
            assert!(matches!(error, Error::Malformed(Malformed::Line { line: 3 })), "{bad}: {error}");
        }
    }

    #[test]
    fn no_sockets_are_no_rows() {
        assert!(rows::<BasicRow>(HEADING).unwrap().is_empty());
        assert!(rows::<BasicRow>("").unwrap().is_empty());
    }
}
