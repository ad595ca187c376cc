//! The CRC-32 of IEEE 802.3.

/// The CRC-32 of these bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc32_of([bytes])
}

/// The CRC-32 of the concatenated slices.
pub(super) fn crc32_of<const N: usize>(slices: [&[u8]; N]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
                bit += 1;
            }
            table[byte] = sum;
            byte += 1;
        }
        table
    };
    !slices.into_iter().flatten().fold(!0, |sum, byte| TABLE[(sum as u8 ^ byte) as usize] ^ sum >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32_of([b"1234", b"56789"]), 0xCBF4_3926);
    }
}
