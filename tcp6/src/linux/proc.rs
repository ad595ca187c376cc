//! The kernel's text, `/proc/net/tcp6`: what there is where sock_diag is refused.
//!
//! A heading and a line a socket, fields between blanks: number, local end, remote end, state, and, at the 10th and the
//! 12th place, inode and the address of the kernel's object. An address is four words of eight hexadecimal digits, each
//! printed as a number in native byte order; a port is a hexadecimal number. There are no scope ids. See
//! `Documentation/networking/proc_net_tcp.rst` of the kernel.
//!
//! The kernel prints the table piece by piece, and what moves meanwhile is printed twice: thousands of lines on a busy
//! machine. A line that tells of the same object again is left out.

use std::collections::HashSet;
use std::str;

use super::socket::Socket;
use crate::endpoint::RawEnd;
use crate::error::{Error, Malformed, Result};

/// Reads the text. It remembers the sockets of one reading, and keeps the memory for the next.
#[derive(Debug, Default)]
pub(super) struct Text {
    seen: HashSet<Seen>,
}

/// What tells one socket from another: its ends, its inode (which tells apart listeners on one end) and the kernel's
/// object, which is printed as zero or as a hash to those who may not know it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Seen {
    local: (u128, u32, u16),
    remote: (u128, u32, u16),
    inode: u32,
    object: u64,
}

impl Text {
    /// Gives every socket of the text to `found`, once.
    pub(super) fn read(&mut self, text: &[u8], mut found: impl FnMut(Socket) -> Result<()>) -> Result<()> {
        self.seen.clear();
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..).skip(1) {
            if line.is_empty() {
                continue;
            }
            let (socket, object) = socket(line).ok_or(Malformed::Line { line: number })?;
            let seen = Seen { local: socket.local.key(), remote: socket.remote.key(), inode: socket.inode, object };
            self.seen
                .try_reserve(1)
                .map_err(|_| Error::OutOfMemory { bytes: size_of::<Seen>() * self.seen.len() * 2 })?;
            if self.seen.insert(seen) {
                found(socket)?;
            }
        }
        Ok(())
    }
}

/// The socket that a line tells of, and the kernel's object for it.
fn socket(line: &[u8]) -> Option<(Socket, u64)> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let local = end(fields.nth(1)?)?;
    let remote = end(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let object = u64::from_str_radix(fields.nth(1)?, 16).ok()?;
    Some((Socket { state, local, remote, inode, uid, cookie: 0 }, object))
}

fn end(text: &str) -> Option<RawEnd> {
    let (words, port) = text.split_once(':')?;
    if words.len() != 32 || !words.is_ascii() {
        return None;
    }
    let mut address = [0; 16];
    for (i, word) in address.chunks_exact_mut(4).enumerate() {
        let number = u32::from_str_radix(&words[i * 8..][..8], 16).ok()?;
        word.copy_from_slice(&number.to_ne_bytes());
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(RawEnd { address, scope_id: 0, port: u32::from(port.to_be()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::linux::OwnerModuleRowExt;
    use crate::{BasicRow, Owner, OwnerModuleRow, OwnerPidRow, Row, State};

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

    #[test]
    fn a_socket_that_is_printed_twice_is_one_row() {
        let one = line(&format!("{LOOPBACK}:0050"), &format!("{LOOPBACK}:C350"), "01", 7, "1234");
        let changed = line(&format!("{LOOPBACK}:0050"), &format!("{LOOPBACK}:C350"), "04", 7, "1234");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{one}{one}{changed}")).unwrap().len(), 1);
    }

    #[test]
    fn listeners_on_one_end_are_as_many_rows() {
        let one = line(&format!("{LOOPBACK}:0050"), &format!("{ANY}:0000"), "0A", 7, "0000000000000000");
        let other = line(&format!("{LOOPBACK}:0050"), &format!("{ANY}:0000"), "0A", 8, "0000000000000000");
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{one}{other}")).unwrap().len(), 2);
    }

    #[test]
    fn connections_of_the_same_ends_on_two_links_are_two_rows() {
        // The text has no scope ids, and sockets in TIME-WAIT have no inodes.
        let line = |object| line(&format!("{LOOPBACK}:0050"), &format!("{LOOPBACK}:C350"), "06", 0, object);
        assert_eq!(rows::<BasicRow>(&format!("{HEADING}{}{}", line("1234"), line("5678"))).unwrap().len(), 2);
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
