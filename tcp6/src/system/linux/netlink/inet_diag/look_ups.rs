//! Look-ups of single sockets, several in one datagram.

use super::{
    InetDiagMsg, NLMSG_ERROR, NLMSG_OVERRUN, Progress, REQUEST, SOCK_DIAG_BY_FAMILY, SockId, errno, look_up, messages,
    overrun, split_header,
};
use crate::error::Result;

/// The most look-ups that are sent at once: the replies to all of them must fit into the receive buffer.
pub(in crate::system::linux) const MAX_AT_ONCE: usize = 32;

/// No such socket.
const ENOENT: i32 = 2;
/// A socket with these ends, but with another cookie.
const ESTALE: i32 = 116;

/// What the kernel answers to a look-up.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) enum Reply<'a> {
    Found(InetDiagMsg<'a>),
    /// The socket is gone, or the kernel cannot tell it from another one: it looks by ends and then compares the cookie.
    Gone(SockId),
}

/// A batch of look-ups. Each request has its own sequence number, so that each reply belongs to one id.
#[derive(Debug)]
pub(in crate::system::linux) struct LookUps<'a> {
    first_sequence: u32,
    port: u32,
    ids: &'a [SockId],
    /// Bit n: the reply to `ids[n]` has arrived.
    answered: u32,
}

impl<'a> LookUps<'a> {
    /// Look-ups of at most [`MAX_AT_ONCE`] ids, numbered from `first_sequence`, over the socket with this netlink port.
    pub(in crate::system::linux) fn new(first_sequence: u32, port: u32, ids: &'a [SockId]) -> LookUps<'a> {
        let ids = &ids[..ids.len().min(MAX_AT_ONCE)];
        LookUps { first_sequence, port, ids, answered: 0 }
    }

    /// Writes the requests and returns their bytes.
    pub(in crate::system::linux) fn requests<'b>(&self, buffer: &'b mut [[u8; REQUEST]; MAX_AT_ONCE]) -> &'b [u8] {
        for (index, (request, id)) in buffer.iter_mut().zip(self.ids).enumerate() {
            *request = look_up(self.first_sequence.wrapping_add(index as u32), id);
        }
        buffer[..self.ids.len()].as_flattened()
    }

    /// Whether the reply to `ids[index]` has arrived.
    pub(in crate::system::linux) fn is_answered(&self, index: usize) -> bool {
        self.answered & 1 << index != 0
    }

    /// Reads a datagram and passes each reply to `found`. Messages that answer another request are skipped, and so is a
    /// second reply to one request.
    ///
    /// # Errors
    ///
    /// The errno of a request that failed, [`Malformed`](crate::Error::Malformed) for a datagram that is no sequence of
    /// messages, and any error of `found`. Replies that were passed on before that stay answered.
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
                    Some(message) if message.id().is_same_socket(id) => Reply::Found(message),
                    _ => Reply::Gone(*id),
                },
                NLMSG_ERROR => match errno(payload) {
                    Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESTALE)) => Reply::Gone(*id),
                    Err(error) => return Err(error),
                    // An acknowledgement, which was not requested, is no reply.
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
