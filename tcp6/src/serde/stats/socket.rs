//! Serializes all that is known of a socket.

use core::num::NonZeroU64;
use core::str;

use serde::ser::{Serialize, Serializer};

use super::object::object;
use crate::serde::integer::Integer;
use crate::stats::table::SocketStats;

impl Serialize for SocketStats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let algorithm = self.algorithm_bytes().and_then(|name| str::from_utf8(name).ok());
        object!(serializer, "SocketStats", {
            "local": Some(self.local()),
            // As in a row, null if there is none.
            "remote": Some(self.remote()),
            "state": Some(self.state()),
            "stats": self.connection(),
            "uid": self.uid(),
            "cookie": self.cookie().map(NonZeroU64::get).map(Integer),
            "timer": self.timer(),
            "algorithm": algorithm,
            "memory": self.memory(),
            "tcp_info": self.tcp_info(),
        })
    }
}
