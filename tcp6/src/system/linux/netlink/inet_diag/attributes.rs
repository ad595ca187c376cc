//! The attributes of a socket (`nlattr`), which follow its message.
//!
//! An attribute has a length and a type of 16 bits each, a payload, and padding to 4 bytes. Types and payloads are in
//! `include/uapi/linux/inet_diag.h` of the kernel. Some attributes come unrequested, and later kernels have more.

use super::ATTRIBUTE;
use crate::error::{Malformed, Result};
use crate::row::socket_info::known_uid;
use crate::stats::kinds::StatsKinds;
use crate::stats::linux::{MAX_NAME, Reported};
use crate::system::linux::socket::Socket;

/// The numbers of attributes (`INET_DIAG_*`).
const INFO: u16 = 2;
const CONG: u16 = 4;
const SKMEMINFO: u16 = 7;

/// `NLA_TYPE_MASK`: the type without its flags.
const TYPE_MASK: u16 = 0x3FFF;

/// The attributes to request: a value of `idiag_ext`, in which bit n - 1 requests attribute n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::system::linux) struct Extensions(u8);

impl Extensions {
    /// Requests no attributes.
    pub(in crate::system::linux) const NONE: Extensions = Extensions(0);

    /// The attributes that contain these kinds of statistics.
    pub(in crate::system::linux) fn of(kinds: StatsKinds) -> Extensions {
        let attributes = [(StatsKinds::TCP_INFO, INFO), (StatsKinds::ALGORITHM, CONG), (StatsKinds::MEMORY, SKMEMINFO)];
        let bits = attributes.iter().filter(|(kind, _)| kinds.intersects(*kind)).map(|(_, number)| 1 << (number - 1));
        Extensions(bits.fold(0, |bits, bit: u8| bits | bit))
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }
}

/// The payloads of the attributes of one socket that have statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::system::linux) struct Attributes<'a> {
    /// `tcp_info`.
    pub(in crate::system::linux) info: Option<&'a [u8]>,
    /// The name of the congestion control algorithm, which ends with a NUL.
    pub(in crate::system::linux) algorithm: Option<&'a [u8]>,
    /// `SK_MEMINFO`.
    pub(in crate::system::linux) memory: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    /// Parses the bytes after the message of a socket. Ignores unknown attributes.
    ///
    /// # Errors
    ///
    /// [`Malformed::Attribute`] if an attribute is truncated, its length is less than that of its header, or a name is
    /// longer than names of algorithms are.
    pub(in crate::system::linux) fn parse(bytes: &'a [u8]) -> Result<Attributes<'a>, Malformed> {
        let mut attributes = Attributes::default();
        let mut rest = bytes;
        while let Some([length_0, length_1, type_0, type_1]) = rest.first_chunk::<ATTRIBUTE>() {
            let length = usize::from(u16::from_ne_bytes([*length_0, *length_1]));
            let malformed = || Malformed::Attribute { length, bytes: rest.len() };
            let payload = rest.get(ATTRIBUTE..length).ok_or_else(malformed)?;
            match u16::from_ne_bytes([*type_0, *type_1]) & TYPE_MASK {
                INFO => attributes.info = Some(payload),
                CONG if payload.len() > MAX_NAME => return Err(malformed()),
                CONG => attributes.algorithm = Some(payload),
                SKMEMINFO => attributes.memory = Some(payload),
                _ => {}
            }
            // The padding after the last attribute may be absent.
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        if !rest.is_empty() {
            return Err(Malformed::Attribute { length: rest.len(), bytes: rest.len() });
        }
        Ok(attributes)
    }

    /// What the kernel reports of the socket with these attributes.
    pub(in crate::system::linux) fn reported(self, socket: &Socket) -> Reported<'a> {
        let Attributes { info, algorithm, memory } = self;
        let Socket { inode, uid, cookie, values, .. } = *socket;
        Reported { values, uid: known_uid(inode, uid), cookie, info, algorithm, memory }
    }
}

#[cfg(test)]
mod tests;
