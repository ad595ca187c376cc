//! The message of one socket (`inet_diag_msg`) and its id (`inet_diag_sockid`).
//!
//! The request for a look-up contains the id from a dump. Ports and addresses are in network byte order, everything
//! else in native byte order. See `include/uapi/linux/inet_diag.h` of the kernel.

use core::num::NonZeroU64;
use std::net::SocketAddrV6;

use super::{AF_INET6, chunk, u16_at, u32_at};
use crate::error::{Malformed, Result};
use crate::row::endpoint::RawEnd;
use crate::stats::linux::BaseValues;
use crate::stats::timer;
use crate::system::linux::socket::{Socket, scope_id};

/// Offsets in `inet_diag_msg`.
pub(super) const FAMILY: usize = 0;
pub(super) const STATE: usize = 1;
pub(super) const TIMER: usize = 2;
pub(super) const RETRANS: usize = 3;
pub(super) const ID: usize = 4;
pub(super) const EXPIRES: usize = 52;
pub(super) const RQUEUE: usize = 56;
pub(super) const WQUEUE: usize = 60;
pub(super) const UID: usize = 64;
pub(super) const INODE: usize = 68;
/// The size of `inet_diag_msg`.
pub(super) const MESSAGE: usize = 72;

/// Offsets in `inet_diag_sockid`.
pub(super) const SPORT: usize = 0;
pub(super) const DPORT: usize = 2;
pub(super) const SRC: usize = 4;
pub(super) const DST: usize = 20;
pub(super) const IF: usize = 36;
pub(super) const COOKIE: usize = 40;
/// The size of `inet_diag_sockid`.
pub(super) const SOCKID: usize = 48;

/// The kernel's number of the state.
const TCP_TIME_WAIT: u8 = 6;
const TCP_CLOSE: u8 = 7;

/// `INET_DIAG_NOCOOKIE`: in a request, it matches any socket.
const NOCOOKIE: u64 = u64::MAX;

/// The id of a socket: ends, interface and cookie, as three words for fast comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::system::linux) struct SockId(u128, u128, u128);

impl SockId {
    /// The id in a request that matches all sockets.
    pub(in crate::system::linux) const ANY: SockId = {
        let [a, b, c, d, e, f, g, h] = NOCOOKIE.to_ne_bytes();
        SockId(0, 0, u128::from_ne_bytes([0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h]))
    };

    /// The id in a request that matches all sockets with these ports; 0 matches any port.
    pub(in crate::system::linux) fn of_ports(local: u16, remote: u16) -> SockId {
        let mut bytes = SockId::ANY.to_bytes();
        bytes[SPORT..][..2].copy_from_slice(&local.to_be_bytes());
        bytes[DPORT..][..2].copy_from_slice(&remote.to_be_bytes());
        SockId::from_bytes(&bytes)
    }

    /// The id in a request for one socket.
    ///
    /// A listener has the remote end `[::]:0`. `interface` is 0 if the socket is bound to none, and the cookie `None`
    /// matches any socket with these ends.
    pub(in crate::system::linux) fn of_ends(
        local: SocketAddrV6,
        remote: Option<SocketAddrV6>,
        interface: u32,
        cookie: Option<NonZeroU64>,
    ) -> SockId {
        let mut bytes = [0; SOCKID];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(SPORT, &local.port().to_be_bytes());
        put(SRC, &local.ip().octets());
        if let Some(remote) = remote {
            put(DPORT, &remote.port().to_be_bytes());
            put(DST, &remote.ip().octets());
        }
        put(IF, &interface.to_ne_bytes());
        let cookie = cookie.map_or(NOCOOKIE, NonZeroU64::get);
        put(COOKIE, &(cookie as u32).to_ne_bytes());
        put(COOKIE + 4, &((cookie >> 32) as u32).to_ne_bytes());
        SockId::from_bytes(&bytes)
    }

    #[inline]
    fn from_bytes(bytes: &[u8; SOCKID]) -> SockId {
        let word = |at| u128::from_ne_bytes(chunk(bytes, at));
        SockId(word(0), word(16), word(32))
    }

    pub(super) fn to_bytes(self) -> [u8; SOCKID] {
        let mut bytes = [0; SOCKID];
        for (place, word) in bytes.chunks_exact_mut(16).zip([self.0, self.1, self.2]) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// The kernel's unique number of the socket, which a connection keeps from SYN-RECEIVED to TIME-WAIT if it is listed
    /// at rest.
    #[inline]
    pub(in crate::system::linux) fn cookie(&self) -> u64 {
        cookie(&self.2.to_ne_bytes(), COOKIE % 16)
    }

    /// The id of any socket with the same ends and interface.
    pub(in crate::system::linux) fn any_cookie(self) -> SockId {
        let mut last = self.2.to_ne_bytes();
        last[COOKIE % 16..].copy_from_slice(&NOCOOKIE.to_ne_bytes());
        SockId(self.0, self.1, u128::from_ne_bytes(last))
    }

    /// Whether the cookie identifies a socket: it is neither absent (0) nor the wildcard.
    #[inline]
    pub(in crate::system::linux) fn has_cookie(&self) -> bool {
        !matches!(self.cookie(), 0 | NOCOOKIE)
    }

    /// Whether the remote port is zero: only listeners are listed without a remote end.
    pub(in crate::system::linux) fn is_listener(&self) -> bool {
        u16_at(&self.to_bytes(), DPORT) == 0
    }

    /// Whether the socket with the id `found` has the ends of this requested id, and its cookie
    /// unless that matches any.
    ///
    /// The interface is not compared, because SO_BINDTODEVICE can change that of an open socket.
    pub(in crate::system::linux) fn selects(&self, found: &SockId) -> bool {
        let compared = if self.cookie() == NOCOOKIE { IF } else { SOCKID };
        let (mut wanted, mut found) = (self.to_bytes(), found.to_bytes());
        wanted[IF..COOKIE].fill(0);
        found[IF..COOKIE].fill(0);
        wanted[..compared] == found[..compared]
    }
}

/// A view of the message of one socket, and of the bytes of the attributes that follow it.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct InetDiagMsg<'a>(&'a [u8; MESSAGE], &'a [u8]);

impl<'a> InetDiagMsg<'a> {
    /// Views the payload of a netlink message.
    ///
    /// Returns `None` for a socket of another address family.
    ///
    /// # Errors
    ///
    /// [`Malformed::Message`] if the payload is too short.
    pub(in crate::system::linux) fn new(payload: &'a [u8]) -> Result<Option<InetDiagMsg<'a>>> {
        let Some((message, attributes)) = payload.split_first_chunk() else {
            return Err(Malformed::Message { length: MESSAGE, bytes: payload.len() }.into());
        };
        Ok((message[FAMILY] == AF_INET6).then_some(InetDiagMsg(message, attributes)))
    }

    /// The bytes of the attributes, which are not checked.
    #[inline]
    pub(in crate::system::linux) fn attributes(self) -> &'a [u8] {
        self.1
    }

    #[inline]
    pub(in crate::system::linux) fn id(self) -> SockId {
        SockId::from_bytes(&chunk(self.0, ID))
    }

    /// Whether the state of the socket is in `states` (bit n for the kernel's state n).
    pub(in crate::system::linux) fn is_in(self, states: u32) -> bool {
        states.checked_shr(self.0[STATE].into()).is_some_and(|states| states & 1 == 1)
    }

    /// Whether the socket is in the state CLOSED and has a local port and no remote end.
    ///
    /// In a dump with [`BOUND_INACTIVE`](crate::system::linux::socket::BOUND_INACTIVE) it is only bound.
    pub(in crate::system::linux) fn is_unconnected(self) -> bool {
        self.0[STATE] == TCP_CLOSE && u16_at(self.0, ID + SPORT) != 0 && u16_at(self.0, ID + DPORT) == 0
    }

    /// Whether the socket has left the table while the kernel listed it.
    ///
    /// The kernel unlocks a hash chain before it writes the messages of its sockets. A socket that closes meanwhile has
    /// no local port, the state CLOSED, or both. If it is replaced by a minisock, the message is not about that.
    #[inline]
    pub(in crate::system::linux) fn has_left(self) -> bool {
        self.0[STATE] == TCP_CLOSE || u16_at(self.0, ID + SPORT) == 0
    }

    /// The milliseconds until a socket in TIME-WAIT is due to expire; `None` in other states.
    ///
    /// An orphan in FIN-WAIT-2 has such a timer too, but a FIN from the peer restarts it.
    #[inline]
    pub(in crate::system::linux) fn expires_in(self) -> Option<u32> {
        (self.0[STATE] == TCP_TIME_WAIT && self.0[TIMER] == timer::TIME_WAIT).then(|| u32_at(self.0, EXPIRES))
    }

    #[inline]
    pub(in crate::system::linux) fn socket(self) -> Socket {
        let interface = u32_at(self.0, ID + IF);
        let end = |port: usize, address: usize| {
            let address = chunk::<16>(self.0, ID + address);
            // A row also has the port in network byte order, in the lower 16 bits.
            RawEnd { address, scope_id: scope_id(&address, interface), port: u32::from(u16_at(self.0, ID + port)) }
        };
        Socket {
            state: self.0[STATE],
            local: end(SPORT, SRC),
            remote: end(DPORT, DST),
            inode: u32_at(self.0, INODE),
            uid: u32_at(self.0, UID),
            cookie: cookie(self.0, ID + COOKIE),
            interface,
            values: BaseValues {
                timer: self.0[TIMER],
                count: self.0[RETRANS].into(),
                expires_in: u32_at(self.0, EXPIRES),
                receive_queue: u32_at(self.0, RQUEUE),
                send_queue: Some(u32_at(self.0, WQUEUE)),
            },
        }
    }
}

/// Reads a cookie: two words, the lower one first, each in native byte order.
#[inline]
fn cookie(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at + 4)) << 32 | u64::from(u32_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    /// `inet_diag_sockid` as declared in `include/uapi/linux/inet_diag.h`.
    #[repr(C)]
    struct SockIdLayout {
        idiag_sport: u16,
        idiag_dport: u16,
        idiag_src: [u32; 4],
        idiag_dst: [u32; 4],
        idiag_if: u32,
        idiag_cookie: [u32; 2],
    }

    /// `inet_diag_msg` as declared in `include/uapi/linux/inet_diag.h`.
    #[repr(C)]
    struct MessageLayout {
        idiag_family: u8,
        idiag_state: u8,
        idiag_timer: u8,
        idiag_retrans: u8,
        id: SockIdLayout,
        idiag_expires: u32,
        idiag_rqueue: u32,
        idiag_wqueue: u32,
        idiag_uid: u32,
        idiag_inode: u32,
    }

    #[test]
    fn offsets_match_the_kernel_header() {
        assert_eq!(
            [FAMILY, STATE, TIMER, RETRANS, ID, EXPIRES, RQUEUE, WQUEUE, UID, INODE, MESSAGE],
            [
                offset_of!(MessageLayout, idiag_family),
                offset_of!(MessageLayout, idiag_state),
                offset_of!(MessageLayout, idiag_timer),
                offset_of!(MessageLayout, idiag_retrans),
                offset_of!(MessageLayout, id),
                offset_of!(MessageLayout, idiag_expires),
                offset_of!(MessageLayout, idiag_rqueue),
                offset_of!(MessageLayout, idiag_wqueue),
                offset_of!(MessageLayout, idiag_uid),
                offset_of!(MessageLayout, idiag_inode),
                size_of::<MessageLayout>(),
            ]
        );
        assert_eq!(
            [SPORT, DPORT, SRC, DST, IF, COOKIE, SOCKID],
            [
                offset_of!(SockIdLayout, idiag_sport),
                offset_of!(SockIdLayout, idiag_dport),
                offset_of!(SockIdLayout, idiag_src),
                offset_of!(SockIdLayout, idiag_dst),
                offset_of!(SockIdLayout, idiag_if),
                offset_of!(SockIdLayout, idiag_cookie),
                size_of::<SockIdLayout>(),
            ]
        );
    }

    fn id(change: impl Fn(&mut [u8; SOCKID])) -> SockId {
        let mut bytes = core::array::from_fn(|i| i as u8);
        change(&mut bytes);
        SockId::from_bytes(&bytes)
    }

    #[test]
    fn compares_every_byte_except_the_interface() {
        for at in 0..SOCKID {
            let other = id(|bytes| bytes[at] ^= 0x80);
            assert_ne!(id(|_| ()), other, "{at}");
            assert_eq!(id(|_| ()).selects(&other), (IF..COOKIE).contains(&at), "{at}");
        }
    }

    #[test]
    fn the_wildcard_cookie_selects_every_cookie() {
        let any = id(|bytes| bytes[COOKIE..].fill(0xFF));
        assert!(any.selects(&id(|_| ())) && !id(|_| ()).selects(&any));
        assert!(!any.selects(&id(|bytes| bytes[SPORT] ^= 1)));
    }

    #[test]
    fn zero_and_the_wildcard_identify_no_socket() {
        let with = |cookie: u64| id(|bytes| bytes[COOKIE..].copy_from_slice(&cookie.to_ne_bytes()));
        assert!(!with(0).has_cookie() && !SockId::ANY.has_cookie());
        for cookie in [1, 1 << 32, u64::MAX - 1] {
            assert!(with(cookie).has_cookie(), "{cookie}");
        }
    }

    #[test]
    fn a_socket_without_a_local_port_or_in_closed_has_left() {
        const ESTABLISHED: u8 = 1;
        let message = |state, local: u16, remote: u16| {
            let mut bytes = [0; MESSAGE];
            (bytes[FAMILY], bytes[STATE]) = (AF_INET6, state);
            bytes[ID + SPORT..][..2].copy_from_slice(&local.to_be_bytes());
            bytes[ID + DPORT..][..2].copy_from_slice(&remote.to_be_bytes());
            let message = InetDiagMsg::new(&bytes).unwrap().unwrap();
            (message.has_left(), message.is_unconnected())
        };
        assert_eq!(message(ESTABLISHED, 80, 443), (false, false));
        assert_eq!(message(ESTABLISHED, 0, 443), (true, false));
        assert_eq!(message(TCP_CLOSE, 80, 443), (true, false));
        // A dump of bound sockets lists it if it still has its port.
        assert_eq!(message(TCP_CLOSE, 80, 0), (true, true));
        assert_eq!(message(TCP_CLOSE, 0, 0), (true, false));
    }

    #[test]
    fn only_time_wait_sockets_expire() {
        let mut bytes = [0; MESSAGE];
        bytes[FAMILY] = AF_INET6;
        bytes[EXPIRES..][..4].copy_from_slice(&1234u32.to_ne_bytes());
        for (state, timer) in (0..16).flat_map(|state| (0..=u8::MAX).map(move |timer| (state, timer))) {
            (bytes[STATE], bytes[TIMER]) = (state, timer);
            let message = InetDiagMsg::new(&bytes).unwrap().unwrap();
            assert_eq!(message.expires_in(), ((state, timer) == (6, 3)).then_some(1234), "{state} {timer}");
        }
    }
}
