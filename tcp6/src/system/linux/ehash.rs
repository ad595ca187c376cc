//! The kernel's hash of connections.

use std::fs;

/// The number of chains of the hash that the network namespace of the calling thread uses.
///
/// `None` before Linux 6.1, or if `/proc/sys` cannot be read.
pub(super) fn chains() -> Option<usize> {
    parse(&fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries").ok()?)
}

/// Parses the number, which is negative if the namespace shares the hash of the initial one.
fn parse(text: &str) -> Option<usize> {
    let entries: i64 = text.trim().parse().ok()?;
    usize::try_from(entries.unsigned_abs()).ok().filter(|chains| *chains > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_hash_has_chains_too() {
        assert_eq!(parse("16\n"), Some(16));
        assert_eq!(parse("-262144\n"), Some(262_144));
        for text in ["", "0\n", "x"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
