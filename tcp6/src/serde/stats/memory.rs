//! Serializes the memory of a socket.

use serde::ser::{Serialize, Serializer};

use super::object::object;
use crate::stats::memory::SocketMemory;

impl Serialize for SocketMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object!(serializer, "SocketMemory", {
            "receive_allocated_bytes": self.receive_allocated,
            "receive_buffer_bytes": self.receive_buffer,
            "send_allocated_bytes": self.send_allocated,
            "send_buffer_bytes": self.send_buffer,
            "forward_allocated_bytes": self.forward_allocated,
            "send_queued_bytes": self.send_queued,
            "options_bytes": self.options,
            "backlog_bytes": self.backlog,
            "drops": self.drops,
        })
    }
}
