//! Rows.

use core::fmt;
use std::net::SocketAddrV6;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::endpoint::RawEnd;
use crate::row::layout::Parts;
use crate::{BasicRow, Class, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Row, State};

/// A row for people. What its class does not carry is not there.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Row", deny_unknown_fields)]
struct Text {
    local: SocketAddrV6,
    remote: Option<SocketAddrV6>,
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offload: Option<OffloadState>,
    /// In 100 ns ticks since 1601, so that nothing is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<[u64; 16]>,
}

/// An end otherwise: address, scope id, port.
type End = ([u8; 16], u32, u16);

/// What every class carries, otherwise: state, local end, and the remote one but for listeners.
type Ends = (u32, End, Option<End>);

fn serialize<R: Row, S: Serializer>(row: &R, serializer: S) -> Result<S::Ok, S::Error> {
    let parts = row.parts();
    if serializer.is_human_readable() {
        return Text {
            local: row.local(),
            remote: row.remote(),
            state: row.state(),
            owner: (R::CLASS != Class::Basic).then(|| row.owner()),
            offload: (R::CLASS == Class::Offload).then(|| OffloadState::from_raw(parts.offload)),
            created: (R::CLASS == Class::OwnerModule).then_some(parts.created),
            module: (R::CLASS == Class::OwnerModule).then_some(parts.module),
        }
        .serialize(serializer);
    }
    let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
    let ends: Ends = (parts.state, end(row.local()), row.remote().map(end));
    match R::CLASS {
        Class::Basic => ends.serialize(serializer),
        Class::OwnerPid => (ends, parts.owner).serialize(serializer),
        Class::Offload => (ends, parts.owner, parts.offload).serialize(serializer),
        Class::OwnerModule => (ends, parts.owner, parts.created, parts.module).serialize(serializer),
    }
}

fn deserialize<'de, R: Row, D: Deserializer<'de>>(deserializer: D) -> Result<R, D::Error> {
    if deserializer.is_human_readable() {
        let text = Text::deserialize(deserializer)?;
        return text.to_row().map_err(D::Error::custom);
    }
    let ((state, local, remote), rest) = match R::CLASS {
        Class::Basic => (Ends::deserialize(deserializer)?, Rest::default()),
        Class::OwnerPid => {
            let (ends, owner) = Deserialize::deserialize(deserializer)?;
            (ends, Rest { owner, ..Rest::default() })
        }
        Class::Offload => {
            let (ends, owner, offload) = Deserialize::deserialize(deserializer)?;
            (ends, Rest { owner, offload, ..Rest::default() })
        }
        Class::OwnerModule => {
            let (ends, owner, created, module) = Deserialize::deserialize(deserializer)?;
            (ends, Rest { owner, created, module, ..Rest::default() })
        }
    };
    let end = |(address, scope_id, port): End| SocketAddrV6::new(address.into(), port, 0, scope_id);
    build(State::from_raw(state), end(local), remote.map(end), rest).map_err(D::Error::custom)
}

/// What not every class carries.
#[derive(Default)]
struct Rest {
    owner: u32,
    offload: i32,
    created: i64,
    module: [u64; 16],
}

impl Text {
    /// The row, if it has what the class carries and nothing else.
    fn to_row<R: Row>(&self) -> Result<R, Wrong> {
        let rest = Rest {
            owner: carried("owner", R::CLASS != Class::Basic, self.owner.map(Owner::as_raw))?,
            offload: carried("offload", R::CLASS == Class::Offload, self.offload.map(OffloadState::as_raw))?,
            created: carried("created", R::CLASS == Class::OwnerModule, self.created)?,
            module: carried("module", R::CLASS == Class::OwnerModule, self.module)?,
        };
        build(self.state, self.local, self.remote, rest)
    }
}

fn carried<T: Default>(field: &'static str, carries: bool, value: Option<T>) -> Result<T, Wrong> {
    match (carries, value) {
        (true, Some(value)) => Ok(value),
        (true, None) => Err(Wrong::Missing(field)),
        (false, None) => Ok(T::default()),
        (false, Some(_)) => Err(Wrong::NotCarried(field)),
    }
}

fn build<R: Row>(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>, rest: Rest) -> Result<R, Wrong> {
    let remote = match (state, remote) {
        (State::Listen, None) => RawEnd::default(),
        (State::Listen, Some(_)) => return Err(Wrong::RemoteOfListener),
        (_, None) => return Err(Wrong::Missing("remote")),
        (_, Some(remote)) => RawEnd::new(remote),
    };
    let Rest { owner, offload, created, module } = rest;
    let ends = Parts::of(state.as_raw(), RawEnd::new(local), remote);
    Ok(R::build(&Parts { owner, offload, created, module, ..ends }))
}

/// How fields do not make a row of its class.
enum Wrong {
    Missing(&'static str),
    NotCarried(&'static str),
    RemoteOfListener,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Missing(field) => write!(f, "missing field `{field}`"),
            Wrong::NotCarried(field) => write!(f, "field `{field}` of a class of row that does not carry it"),
            Wrong::RemoteOfListener => f.write_str("a listener with a remote end"),
        }
    }
}

macro_rules! written_and_read {
    ($($row:ident)*) => {$(
        impl Serialize for $row {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $row {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$row, D::Error> {
                deserialize(deserializer)
            }
        }
    )*};
}

written_and_read!(BasicRow OwnerPidRow OffloadRow OwnerModuleRow);
