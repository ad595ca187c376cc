//! The human-readable form of rows.

use core::fmt;
use core::num::NonZeroU32;
use std::net::SocketAddrV6;

use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};

use super::{InvalidRow, build};
use crate::row::Row;
use crate::row::class::{ticks_at, time_at};
use crate::row::endpoint::RawEnd;
use crate::row::layout::{Layout, Parts, RawRow};
use crate::row::offload_state::OffloadState;
use crate::row::owner::Owner;
use crate::row::socket_info;
use crate::row::state::State;
use crate::serde::integer::Integer;
use crate::serde::rfc3339::{EXPECTED, Second, Time};

/// The fields of a row of any class. Fields that the class lacks and unknown values are omitted.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Row")]
pub(super) struct Text {
    local: SocketAddrV6,
    remote: Option<SocketAddrV6>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offload: Option<OffloadState>,
    /// The second in which the socket was bound. `created_ticks` is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Created>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_ticks: Option<Integer<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<Socket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<[Integer<u64>; 16]>,
}

/// The socket data that Linux rows contain in their module words.
#[derive(serde::Serialize, serde::Deserialize)]
struct Socket {
    #[serde(skip_serializing_if = "Option::is_none")]
    inode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<Integer<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<NonZeroU32>,
}

impl Text {
    pub(super) fn of<R: Row>(row: &R) -> Text {
        let socket = row.raw_module().and_then(Socket::of);
        let module = row.raw_module().filter(|words| socket.is_none() && **words != [0; 16]);
        let ticks = row.raw_created().filter(|ticks| *ticks != 0);
        let created = ticks.and_then(time_at).filter(|time| Second(*time).is_writable());
        Text {
            local: row.local(),
            remote: row.remote(),
            state: row.state(),
            owner: row.raw_owner().map(Owner::from_raw),
            offload: row.raw_offload().and_then(OffloadState::known),
            created: created.map(|time| Created::At(Time(time))),
            created_ticks: ticks.map(Integer),
            socket,
            module: module.map(|words| words.map(Integer)),
        }
    }

    /// Converts to a row. Fields that its class lacks are ignored.
    pub(super) fn to_row<R: Row>(&self) -> Result<R, InvalidRow> {
        let mut parts = Parts::of(0, RawEnd::default(), RawEnd::default());
        let Layout { owner, created, module, .. } = R::LAYOUT;
        if owner.is_some() {
            parts.owner = self.owner.ok_or(InvalidRow::Missing("owner"))?.as_raw();
        }
        if let Some(offload) = self.offload {
            parts.offload = offload.as_raw();
        }
        if created.is_some() {
            parts.created = self.ticks()?;
        }
        if module.is_some() {
            parts.module = self.words()?;
        }
        build(self.state, self.local, self.remote, parts)
    }

    fn ticks(&self) -> Result<i64, InvalidRow> {
        match (&self.created_ticks, &self.created) {
            (None, None) => Ok(0),
            (Some(Integer(ticks)), None) | (None, Some(Created::Ticks(Integer(ticks)))) => Ok(*ticks),
            (None, Some(Created::At(Time(time)))) => ticks_at(*time).ok_or(InvalidRow::NotATime("created")),
            (Some(Integer(ticks)), Some(Created::At(created))) => {
                let second = time_at(*ticks).map(|time| Time(time).parts().0);
                let agrees = second == Some(created.parts().0);
                if agrees { Ok(*ticks) } else { Err(InvalidRow::Contradiction("created_ticks", "created")) }
            }
            (Some(ticks), Some(Created::Ticks(created))) if ticks == created => Ok(ticks.0),
            (Some(_), Some(Created::Ticks(_))) => Err(InvalidRow::Contradiction("created_ticks", "created")),
        }
    }

    fn words(&self) -> Result<[u64; 16], InvalidRow> {
        match (&self.socket, &self.module) {
            (None, None) => Ok([0; 16]),
            (None, Some(words)) => Ok(words.map(|Integer(word)| word)),
            (Some(socket), None) => Ok(socket.words()),
            (Some(_), Some(_)) => Err(InvalidRow::Contradiction("socket", "module")),
        }
    }
}

impl Socket {
    /// The socket data in these module words, or `None` if they contain anything else.
    fn of(words: &[u64; 16]) -> Option<Socket> {
        let info = socket_info::unpack(words)?;
        let cookie = info.cookie.map(|cookie| Integer(cookie.get()));
        let socket = Socket { inode: info.inode, uid: info.uid, cookie, interface: info.interface };
        (socket.words() == *words).then_some(socket)
    }

    fn words(&self) -> [u64; 16] {
        let cookie = self.cookie.as_ref().map_or(0, |Integer(cookie)| *cookie);
        let interface = self.interface.map_or(0, NonZeroU32::get);
        socket_info::pack(self.inode.unwrap_or(0), self.uid.unwrap_or(0), cookie, interface)
    }
}

/// The time at which a socket was bound: a time, or ticks as a number, which versions before 0.1
/// wrote.
enum Created {
    At(Time),
    Ticks(Integer<i64>),
}

impl serde::Serialize for Created {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Created::At(Time(time)) => Second(*time).serialize(serializer),
            Created::Ticks(ticks) => ticks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Created {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Created, D::Error> {
        struct TimeOrTicks;

        impl Visitor<'_> for TimeOrTicks {
            type Value = Created;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Created, E> {
                text.parse().map(Created::At).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Created, E> {
                Integer::deserialize(number.into_deserializer()).map(Created::Ticks)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Created, E> {
                Integer::deserialize(number.into_deserializer()).map(Created::Ticks)
            }
        }

        deserializer.deserialize_any(TimeOrTicks)
    }
}
