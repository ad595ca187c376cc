//! Datagrams encoded as one input: each is preceded by its length, a little-endian u16.

/// Splits an input into datagrams. The last one may be shorter than its length field.
pub fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        frames.push(frame);
        input = rest;
    }
    frames
}

/// Encodes datagrams as one input.
///
/// # Panics
///
/// Panics if a datagram is longer than 65,535 bytes.
pub fn join<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let length = u16::try_from(frame.len()).expect("datagram is shorter than 64 KiB");
        input.extend(length.to_le_bytes());
        input.extend(frame);
    }
    input
}
