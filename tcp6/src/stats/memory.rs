//! The memory of a socket on Linux.

/// The memory of a socket on Linux in bytes, as `ss -m` prints it (`SK_MEMINFO`).
///
/// Sizes include the overhead of the kernel's buffers, so that they exceed the bytes in the queues. A field is `None` if
/// the kernel is older than the field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketMemory {
    /// The memory of received segments (`rmem_alloc`).
    pub receive_allocated: Option<u32>,
    /// The limit of the receive buffer (`rcvbuf`, SO_RCVBUF).
    pub receive_buffer: Option<u32>,
    /// The memory of segments that are being sent (`wmem_alloc`).
    pub send_allocated: Option<u32>,
    /// The limit of the send buffer (`sndbuf`, SO_SNDBUF).
    pub send_buffer: Option<u32>,
    /// The memory that is reserved and unused (`fwd_alloc`).
    pub forward_allocated: Option<i32>,
    /// The memory of data that is not acknowledged (`wmem_queued`).
    pub send_queued: Option<u32>,
    /// The memory of options (`optmem`).
    pub options: Option<u32>,
    /// The memory of segments that arrived while the socket was locked (`backlog`).
    pub backlog: Option<u32>,
    /// The number of segments that were dropped (`drops`).
    pub drops: Option<u32>,
}

/// The number of fields.
const FIELDS: usize = 9;

/// Positions in `SKMEMINFO`, an array of u32. See `include/uapi/linux/sock_diag.h` of the kernel.
const RMEM_ALLOC: usize = 0;
const RCVBUF: usize = 1;
const WMEM_ALLOC: usize = 2;
const SNDBUF: usize = 3;
const FWD_ALLOC: usize = 4;
const WMEM_QUEUED: usize = 5;
const OPTMEM: usize = 6;
const BACKLOG: usize = 7;
const DROPS: usize = 8;

impl SocketMemory {
    /// Reads the payload of the attribute, which may be that of an older or a later kernel.
    pub(crate) fn from_bytes(bytes: &[u8]) -> SocketMemory {
        let mut words = [None; FIELDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
        }
        SocketMemory {
            receive_allocated: words[RMEM_ALLOC],
            receive_buffer: words[RCVBUF],
            send_allocated: words[WMEM_ALLOC],
            send_buffer: words[SNDBUF],
            forward_allocated: words[FWD_ALLOC].map(|bytes| bytes as i32),
            send_queued: words[WMEM_QUEUED],
            options: words[OPTMEM],
            backlog: words[BACKLOG],
            drops: words[DROPS],
        }
    }
}

impl SocketMemory {
    /// The fields in their order in `SKMEMINFO`, up to the first unknown one.
    pub(crate) fn words(&self) -> impl Iterator<Item = u32> {
        let words = [
            self.receive_allocated,
            self.receive_buffer,
            self.send_allocated,
            self.send_buffer,
            self.forward_allocated.map(|bytes| bytes as u32),
            self.send_queued,
            self.options,
            self.backlog,
            self.drops,
        ];
        words.into_iter().map_while(|word| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_that_the_kernel_sends() {
        let words: Vec<u8> = (1..=10u32).flat_map(u32::to_ne_bytes).collect();
        let all = SocketMemory {
            receive_allocated: Some(1),
            receive_buffer: Some(2),
            send_allocated: Some(3),
            send_buffer: Some(4),
            forward_allocated: Some(5),
            send_queued: Some(6),
            options: Some(7),
            backlog: Some(8),
            drops: Some(9),
        };
        assert_eq!(SocketMemory::from_bytes(&words[..36]), all);
        assert_eq!(SocketMemory::from_bytes(&words), all, "a later kernel");
        assert_eq!(SocketMemory::from_bytes(&words[..35]), SocketMemory { drops: None, ..all });
        assert_eq!(SocketMemory::from_bytes(&[]), SocketMemory::default());
        assert!(all.words().eq(1..=9));
        assert!(SocketMemory { send_buffer: None, ..all }.words().eq(1..=3));
    }
}
