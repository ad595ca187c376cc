//! Serializes short connections.

use std::net::SocketAddrV6;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::events::brief::Brief;
use crate::stats::connection::ConnectionStats;

/// A short connection in human-readable formats: a change of its own kind.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Brief", tag = "change", rename_all = "lowercase")]
enum Text {
    Brief {
        local: SocketAddrV6,
        remote: SocketAddrV6,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stats: Option<ConnectionStats>,
    },
}

/// An end in binary formats: address, scope id, port.
type End = ([u8; 16], u32, u16);

/// A short connection in binary formats.
type Compact = (End, End, Option<ConnectionStats>);

impl Serialize for Brief {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Text::Brief { local: self.local(), remote: self.remote(), stats: self.stats() }.serialize(serializer)
        } else {
            let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
            let compact: Compact = (end(self.local()), end(self.remote()), self.stats());
            compact.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Brief {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Brief, D::Error> {
        if deserializer.is_human_readable() {
            let Text::Brief { local, remote, stats } = Text::deserialize(deserializer)?;
            Ok(Brief::new(local, remote, stats))
        } else {
            let (local, remote, stats) = Compact::deserialize(deserializer)?;
            let end = |(address, scope_id, port): End| SocketAddrV6::new(address.into(), port, 0, scope_id);
            Ok(Brief::new(end(local), end(remote), stats))
        }
    }
}
