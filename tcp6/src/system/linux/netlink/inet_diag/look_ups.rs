//! Batches of look-ups of single sockets: several requests in one datagram.

use super::{
    Extensions, InetDiagMsg, NLMSG_ERROR, NLMSG_OVERRUN, Progress, REQUEST, SOCK_DIAG_BY_FAMILY, SockId, errno,
    look_up, messages, overrun, split_header,
};
use crate::error::Result;

/// The maximum number of look-ups in a batch.
///
/// The replies to all of them must fit into the receive buffer.
pub(in crate::system::linux) const MAX_BATCH: usize = 32;

/// No such socket.
const ENOENT: i32 = 2;
/// A socket with these ends, but with another cookie.
const ESTALE: i32 = match () {
    #[cfg(target_os = "linux")]
    () => rustix::io::Errno::STALE.raw_os_error(),
    // For the tests on other systems.
    #[cfg(not(target_os = "linux"))]
    () => 116,
};

/// The reply to a look-up.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) enum Reply<'a> {
    /// The socket still exists.
    Found(InetDiagMsg<'a>),
    /// The look-up did not find the socket.
    ///
    /// The socket is gone, or it shares its ends with another one: the kernel finds one socket by its ends, and then
    /// compares the cookie.
    Gone(SockId),
}

/// A batch of look-ups. The sequence number of a reply determines the id to which it belongs.
#[derive(Debug)]
pub(in crate::system::linux) struct LookUps<'a> {
    first_sequence: u32,
    port: u32,
    ids: &'a [SockId],
    /// Bit n: the reply to `ids[n]` has arrived.
    answered: u32,
}

impl<'a> LookUps<'a> {
    /// Creates a batch for at most [`MAX_BATCH`] ids.
    ///
    /// Sequence numbers begin with `first_sequence`; `port` is the netlink port of the socket.
    pub(in crate::system::linux) fn new(first_sequence: u32, port: u32, ids: &'a [SockId]) -> LookUps<'a> {
        let ids = &ids[..ids.len().min(MAX_BATCH)];
        LookUps { first_sequence, port, ids, answered: 0 }
    }

    /// Writes the requests for the sockets with these attributes, and returns their bytes.
    pub(in crate::system::linux) fn requests<'b>(
        &self,
        extensions: Extensions,
        buffer: &'b mut [[u8; REQUEST]; MAX_BATCH],
    ) -> &'b [u8] {
        for (index, (request, id)) in buffer.iter_mut().zip(self.ids).enumerate() {
            *request = look_up(self.first_sequence.wrapping_add(index as u32), id, extensions);
        }
        buffer[..self.ids.len()].as_flattened()
    }

    /// Whether the reply to `ids[index]` has arrived.
    pub(in crate::system::linux) fn is_answered(&self, index: usize) -> bool {
        self.answered & 1 << index != 0
    }

    /// Reads a datagram and passes each reply to `found`.
    ///
    /// Skips messages that reply to other requests, and further replies to the same request.
    ///
    /// # Errors
    ///
    /// The errno of a failed request, [`Malformed`](crate::Error::Malformed) for a datagram that is not a sequence of
    /// messages, and any error of `found`. Requests whose replies came before the error stay answered.
    pub(in crate::system::linux) fn read(
        &mut self,
        datagram: &[u8],
        mut found: impl FnMut(Reply<'_>) -> Result<()>,
    ) -> Result<Progress> {
        for message in messages(datagram) {
            let (header, payload) = split_header(message?);
            let index = header.sequence.wrapping_sub(self.first_sequence) as usize;
            let Some(id) = self.ids.get(index) else { continue };
            if header.port != self.port || self.is_answered(index) {
                continue;
            }
            let reply = match header.kind {
                SOCK_DIAG_BY_FAMILY => match InetDiagMsg::new(payload)? {
                    Some(message) if id.selects(&message.id()) && !message.has_left() => Reply::Found(message),
                    _ => Reply::Gone(*id),
                },
                NLMSG_ERROR => match errno(payload) {
                    Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESTALE)) => Reply::Gone(*id),
                    Err(error) => return Err(error),
                    // An acknowledgement, which was not requested.
                    Ok(()) => continue,
                },
                NLMSG_OVERRUN => return Err(overrun()),
                _ => continue,
            };
            self.answered |= 1 << index;
            found(reply)?;
        }
        let all = (0..self.ids.len()).all(|index| self.is_answered(index));
        Ok(if all { Progress::Done } else { Progress::More })
    }
}
