//! Parser of `/proc/net/tcp6`, which is read if sock_diag is refused.
//!
//! The text has a heading and one line per socket. Fields are separated by spaces:
//!
//! | fields | content |
//! |---|---|
//! | 1 to 4 | the line number, the local end, the remote end and the state |
//! | 5 | `tx_queue:rx_queue`, hexadecimal |
//! | 6 | `tr:tm->when`: the timer and the ticks until it expires, hexadecimal |
//! | 7 and 9 | retransmissions, hexadecimal, and probes without a reply |
//! | 8, 10 and 12 | the uid, the inode and the address of the kernel's socket object |
//!
//! An IPv6 address is four words of eight hexadecimal digits, each the value of 32 bits in
//! native byte order. A port is a hexadecimal number. There are no scope ids. See
//! `Documentation/networking/proc_net_tcp.rst` of the kernel.
//!
//! # Repeated lines
//!
//! The kernel prints the table in pieces, and repeats a socket that moves in the table between two pieces: thousands of
//! lines on a busy machine. A line is dropped only if it describes the same socket as an earlier line with equal ends:
//!
//! * both have the same inode, or
//! * both have the same object, and at most one of them has an inode: a connection gets its inode when it is accepted.
//!
//! Equal ends are no proof: several listeners can share an end, and without scope ids two connections over two links
//! have equal ends. A hidden object is no proof either: the kernel prints zero to readers without the privilege
//! (`kptr_restrict`), and `(____ptrval____)` early after boot, until it has the entropy to hash addresses. A hashed
//! address (32 bits, the default since Linux 4.15) counts as an object: two sockets with equal ends have equal hashes
//! once in 2^32 such pairs. A socket without an inode, such as one in TIME-WAIT, may therefore be listed twice if the
//! kernel hides its objects.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU64;
use std::str;

use super::socket::Socket;
use crate::error::{Error, Malformed, Result};
use crate::row::endpoint::RawEnd;
use crate::stats::linux::BaseValues;
use crate::stats::timer;

/// The table of the calling thread's network namespace. `/proc/net` has that of the main thread.
pub(super) const PROC_NET_TCP6: &str = "/proc/thread-self/net/tcp6";

/// A reader of the text that drops [repeated lines](self#repeated-lines).
///
/// It reuses its memory in the next pass.
#[derive(Debug, Default)]
pub(super) struct TextReader {
    /// The proofs of the lines read so far, with whether a line with this proof had an inode.
    seen: HashMap<(Ends, Proof), bool>,
}

/// The local and the remote end.
type Ends = [(u128, u32, u16); 2];

/// The field that identifies a socket among those with equal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Proof {
    Inode(u32),
    Object(NonZeroU64),
}

impl TextReader {
    /// Passes each socket of the text to `found`, without [repeated lines](self#repeated-lines).
    ///
    /// # Errors
    ///
    /// [`Malformed::Line`], [`Error::OutOfMemory`], and any error of `found`.
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

    /// Records a line. Returns whether an earlier line describes the same socket.
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

/// Parses a line: the socket, and the kernel's object unless it is hidden.
fn socket(line: &[u8]) -> Option<(Socket, Option<NonZeroU64>)> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let local = end(fields.nth(1)?)?;
    let remote = end(fields.next()?)?;
    let state = hex(fields.next()?, 2)? as u8;
    let (send_queue, receive_queue) = pair(fields.next()?)?;
    let (timer, ticks) = pair(fields.next()?)?;
    let retransmissions = hex(fields.next()?, 16)?;
    let uid = decimal(fields.next()?)?;
    let probes = decimal(fields.next()?)?;
    let inode = decimal(fields.next()?)?;
    let object = object(fields.nth(1)?)?;
    let timer = u8::try_from(timer).ok()?;
    let values = BaseValues {
        timer,
        count: if timer == timer::RETRANSMISSION { saturated(retransmissions) } else { probes },
        expires_in: saturated(ticks.saturating_mul(MILLISECONDS_PER_TICK)),
        receive_queue: saturated(receive_queue),
        // The kernel prints unacknowledged bytes for a listener too, which has none.
        send_queue: (state != TCP_LISTEN).then_some(saturated(send_queue)),
    };
    Some((Socket { state, local, remote, inode, uid, cookie: 0, interface: 0, values }, object))
}

/// The kernel's number of the state LISTEN.
const TCP_LISTEN: u8 = 10;

/// The length of the ticks in which `/proc` reports times (USER_HZ), which is the same on all
/// machines that Rust supports.
const MILLISECONDS_PER_TICK: u64 = 10;

/// Parses two hexadecimal numbers that are separated by a colon.
fn pair(text: &str) -> Option<(u64, u64)> {
    let (first, second) = text.split_once(':')?;
    Some((hex(first, 16)?, hex(second, 16)?))
}

fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Parses the address of the kernel's object; `Some(None)` if it is hidden.
fn object(text: &str) -> Option<Option<NonZeroU64>> {
    // The kernel prints "(____ptrval____)", or "(ptrval)" on 32-bit machines, instead of an address, and "pK-error"
    // where it cannot check the privilege of the reader.
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

/// Parses a hexadecimal number without a sign, of at most `digits` digits. `digits` is at most 16.
fn hex(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Parses a decimal number without a sign.
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
        TextReader::default().read(text.as_bytes(), |socket| {
            rows.push(socket.to_row::<R>());
            Ok(())
        })?;
        Ok(rows)
    }

    /// A line in the kernel's format.
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
    fn converts_lines_to_rows() {
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

    /// The values of a line in this state with these fields 5 to 9.
    fn values(state: &str, fields: &str) -> Result<BaseValues> {
        let line = format!("   0: {LOOPBACK}:0050 {LOOPBACK}:C350 {state} {fields} 7 1 0 100 0 0 10 0\n");
        let mut values = None;
        TextReader::default().read(format!("{HEADING}{line}").as_bytes(), |socket| {
            values = Some(socket.values);
            Ok(())
        })?;
        Ok(values.expect("one line"))
    }

    #[test]
    fn reads_queues_and_timers() {
        let sending = BaseValues { timer: 1, count: 18, expires_in: 210, receive_queue: 3, send_queue: Some(0xABCDE) };
        assert_eq!(values("01", "000ABCDE:00000003 01:00000015 00000012  1000        5").unwrap(), sending);
        let probing = BaseValues { timer: 4, count: 5, ..sending };
        assert_eq!(values("01", "000ABCDE:00000003 04:00000015 00000012  1000        5").unwrap(), probing);
        let waiting = BaseValues { timer: 3, expires_in: 59_990, send_queue: Some(0), ..BaseValues::default() };
        assert_eq!(values("06", "00000000:00000000 03:0000176F 00000000     0        0").unwrap(), waiting);
        // For a listener, the kernel prints the accept queue, and not the backlog.
        let listening = BaseValues { receive_queue: 2, ..BaseValues::default() };
        assert_eq!(values("0A", "00000000:00000002 00:00000000 00000000  1000        0").unwrap(), listening);
        // Times beyond 32 bits, as old kernels print for an overdue timer.
        let overdue = values("06", "00000000:00000000 03:FFFFFFFFFFFFFFF0 00000000     0        0").unwrap();
        assert_eq!(overdue.expires_in, u32::MAX);
        for bad in ["0:0 000 0 0 0", "0 00:0 0 0 0", "0:+0 00:0 0 0 0", "0:0 100:0 0 0 0", "0:0 00:0 W 0 0"] {
            assert!(matches!(values("01", bad), Err(Error::Malformed(Malformed::Line { line: 2 }))), "{bad}");
        }
    }

    /// The number of rows read from lines with equal ends, each an inode and an object.
    fn count(lines: &[(u32, &str)]) -> usize {
        let [local, remote] = [format!("{LOOPBACK}:0050"), format!("{LOOPBACK}:C350")];
        let lines: String = lines.iter().map(|(inode, object)| line(&local, &remote, "01", *inode, object)).collect();
        rows::<BasicRow>(&(HEADING.to_owned() + &lines)).unwrap().len()
    }

    const ZERO: &str = "0000000000000000";
    const PTRVAL: &str = "(____ptrval____)";

    #[test]
    fn accepts_hidden_object_addresses() {
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
    fn drops_lines_with_the_same_inode_or_object() {
        for object in ["1234", ZERO, PTRVAL] {
            assert_eq!(count(&[(7, object), (7, object), (7, object)]), 1, "{object}");
        }
        assert_eq!(count(&[(0, "1234"), (0, "1234")]), 1);
        // The connection is accepted between the first two lines.
        assert_eq!(count(&[(0, "1234"), (7, "1234"), (7, "1234"), (0, "1234")]), 1);
        // The state changes between the two lines.
        let line = |state| line(&format!("{LOOPBACK}:0050"), &format!("{LOOPBACK}:C350"), state, 7, "1234");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{}{}", line("01"), line("04"))).unwrap().len(), 1);
    }

    #[test]
    fn keeps_lines_with_equal_ends_but_no_common_inode_or_object() {
        for hidden in [ZERO, PTRVAL, "(ptrval)"] {
            // Two sockets in TIME-WAIT on two links, without scope ids and inodes.
            assert_eq!(count(&[(0, hidden), (0, hidden)]), 2, "{hidden}");
            // Two listeners on one end.
            assert_eq!(count(&[(7, hidden), (8, hidden)]), 2, "{hidden}");
        }
        assert_eq!(count(&[(0, "1234"), (0, "5678")]), 2);
        // A new socket reuses the address of a closed one.
        assert_eq!(count(&[(7, "1234"), (8, "1234"), (7, "1234")]), 2);
        assert_eq!(count(&[(0, "1234"), (7, "1234"), (8, "1234")]), 2);
    }

    #[test]
    fn keeps_lines_with_different_ends() {
        let line = |port| line(&format!("{LOOPBACK}:{port}"), &format!("{ANY}:0000"), "0A", 7, "1234");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{}{}", line("0050"), line("0051"))).unwrap().len(), 2);
    }

    #[test]
    fn reports_the_number_of_a_malformed_line() {
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
    fn text_without_sockets_has_no_rows() {
        assert!(rows::<BasicRow>(HEADING).unwrap().is_empty());
        assert!(rows::<BasicRow>("").unwrap().is_empty());
    }
}
