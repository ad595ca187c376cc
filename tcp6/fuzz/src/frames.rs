//! Several datagrams as one input: before each its length, in two bytes, little-endian.

/// The datagrams of an input. The last one may be shorter than it says.
pub fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (frame, behind) = rest.split_at(length);
        frames.push(frame);
        input = behind;
    }
    frames
}

/// The input of these datagrams.
///
/// # Panics
///
/// If one is longer than its length can say.
pub fn join<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let length = u16::try_from(frame.len()).expect("a datagram of less than 64 KiB");
        input.extend(length.to_le_bytes());
        input.extend(frame);
    }
    input
}
