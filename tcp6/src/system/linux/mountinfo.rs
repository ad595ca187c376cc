//! Parser of `/proc/self/mountinfo`: the network namespaces that are mounted.
//!
//! A line has fields that are separated by spaces:
//!
//! ```text
//! 74 26 0:4 net:[4026532210] /run/netns/blue rw shared:29 - nsfs nsfs rw
//! ```
//!
//! The third is the device, the fourth the root of the mount in its file system, which names a namespace if that is
//! `nsfs`, and the fifth the mount point. The type of the file system follows a field `-`, which ends a list of any
//! length. Spaces, tabs, line feeds and backslashes in fields are octal escapes: `\040`. See
//! [proc_pid_mountinfo(5)](https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html).

use std::str;

/// A mounted network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetMount {
    /// The major and the minor number of the device.
    pub(super) device: (u32, u32),
    pub(super) inode: u64,
    /// The mount point. Not necessarily UTF-8.
    pub(super) point: Vec<u8>,
}

/// The mounted network namespaces. Lines of another format are skipped.
pub(super) fn net_mounts(text: &[u8]) -> impl Iterator<Item = NetMount> {
    text.split(|byte| *byte == b'\n').filter_map(net_mount)
}

fn net_mount(line: &[u8]) -> Option<NetMount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = fields.nth(2)?;
    let root = fields.next()?;
    let point = fields.next()?;
    let mut rest = fields.skip_while(|field| *field != b"-");
    let kind = rest.nth(1)?;
    let inode = net_inode(root).filter(|_| kind == b"nsfs")?;
    let (major, minor) = str::from_utf8(device).ok()?.split_once(':')?;
    Some(NetMount { device: (major.parse().ok()?, minor.parse().ok()?), inode, point: unescape(point) })
}

/// The inode in the kernel's name of a network namespace: `net:[4026532210]`.
pub(super) fn net_inode(name: &[u8]) -> Option<u64> {
    let number = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    if number.iter().all(u8::is_ascii_digit) { str::from_utf8(number).ok()?.parse().ok() } else { None }
}

/// Replaces escapes of three octal digits. Other backslashes are kept.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => Some((a & 3) << 6 | (b & 7) << 3 | c & 7),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[4..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mounts(text: &str) -> Vec<(u64, String)> {
        let utf8 = |mount: NetMount| (mount.inode, String::from_utf8(mount.point).unwrap());
        net_mounts(text.as_bytes()).map(utf8).collect()
    }

    #[test]
    fn finds_network_namespaces_among_other_mounts() {
        let text = "\
            22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
            74 26 0:4 net:[4026532210] /run/netns/blue rw shared:29 - nsfs nsfs rw\n\
            75 26 0:4 net:[4026532211] /run/docker/netns/1-a rw shared:3 master:4 unbindable - nsfs nsfs rw\n\
            76 26 0:4 net:[4026531840] /srv/red\\040\\134\\011ns\\012 rw - nsfs nsfs rw\n\
            77 26 0:4 mnt:[4026531841] /run/mnt rw - nsfs nsfs rw\n\
            78 26 0:5 net:[4026531842] /srv/fake rw - ext4 net:[1] rw\n";
        let expected =
            [(4026532210, "/run/netns/blue"), (4026532211, "/run/docker/netns/1-a"), (4026531840, "/srv/red \\\tns\n")];
        assert_eq!(mounts(text), expected.map(|(inode, point)| (inode, point.to_owned())));
        let first = net_mounts(text.as_bytes()).next().unwrap();
        assert_eq!(first.device, (0, 4));
    }

    #[test]
    fn skips_malformed_lines() {
        for line in [
            "",
            "74",
            "74 26 0:4 net:[4026532210]",
            "74 26 0:4 net:[4026532210] /run/netns/blue",
            "74 26 0:4 net:[4026532210] /run/netns/blue rw shared:29",
            "74 26 0:4 net:[4026532210] /run/netns/blue rw -",
            "74 26 04 net:[4026532210] /run/netns/blue rw - nsfs nsfs rw",
            "74 26 a:4 net:[4026532210] /run/netns/blue rw - nsfs nsfs rw",
            "74 26 0:4 net:[+26532210] /run/netns/blue rw - nsfs nsfs rw",
            "74 26 0:4 net:[99999999999999999999] /run/netns/blue rw - nsfs nsfs rw",
            "74 26 0:4 net:[12 /run/netns/blue rw - nsfs nsfs rw",
        ] {
            assert_eq!(mounts(line), [], "{line}");
        }
    }

    #[test]
    fn unescapes_three_octal_digits_only() {
        assert_eq!(unescape(br"a\040b\\134c\04"), br"a b\\c\04");
        assert_eq!(unescape(br"\377\400\08 \"), b"\xff\\400\\08 \\");
    }

    proptest! {
        /// Any mount point survives the escapes of the kernel.
        #[test]
        fn mount_points_round_trip(point in proptest::collection::vec(1u8.., 1..40)) {
            let escaped: Vec<u8> = point
                .iter()
                .flat_map(|byte| match byte {
                    b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                    byte => vec![*byte],
                })
                .collect();
            let line = [b"1 2 0:4 net:[7] ", &escaped[..], b" rw - nsfs nsfs rw"].concat();
            let found: Vec<NetMount> = net_mounts(&line).collect();
            prop_assert_eq!(found, [NetMount { device: (0, 4), inode: 7, point }]);
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(net_mounts(&text).count() <= text.len());
        }
    }
}
