use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::u16_at;
use super::*;

/// An attribute with zero padding.
fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ((ATTRIBUTE + payload.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn each_kind_requests_its_attribute() {
    // `INET_DIAG_INFO`, `INET_DIAG_CONG` and `INET_DIAG_SKMEMINFO` of `include/uapi/linux/inet_diag.h`.
    let [info, cong, skmeminfo] = [1 << (2 - 1), 1 << (4 - 1), 1 << (7 - 1)];
    let bits = |kinds| Extensions::of(kinds).bits();
    for kind in [StatsKinds::DATA, StatsKinds::PATH, StatsKinds::CONGESTION, StatsKinds::WINDOW] {
        assert_eq!(bits(kind), info, "{kind:?}");
    }
    assert_eq!((bits(StatsKinds::ALGORITHM), bits(StatsKinds::MEMORY)), (cong, skmeminfo));
    assert_eq!((bits(StatsKinds::QUEUES), bits(StatsKinds::empty())), (0, 0));
    assert_eq!(bits(StatsKinds::all()), info | cong | skmeminfo);
    assert_eq!(Extensions::of(StatsKinds::QUEUES), Extensions::NONE);
}

#[test]
fn finds_attributes_in_any_order_among_others() {
    // As the kernel sends them: SHUTDOWN, padding for alignment, INFO, CONG, SKMEMINFO, CGROUP_ID.
    let bytes = [
        attribute(8, &[0]),
        attribute(14, &[]),
        attribute(2, &[7; 280]),
        attribute(4, b"cubic\0"),
        attribute(7, &[9; 36]),
        attribute(21, &[1; 8]),
    ];
    let expected = Attributes { info: Some(&[7; 280]), algorithm: Some(b"cubic\0"), memory: Some(&[9; 36]) };
    assert_eq!(Attributes::parse(&bytes.concat()), Ok(expected));
    let reversed: Vec<u8> = bytes.iter().rev().flatten().copied().collect();
    assert_eq!(Attributes::parse(&reversed), Ok(expected));
    assert_eq!(Attributes::parse(&[]), Ok(Attributes::default()));
    // The flags NLA_F_NESTED and NLA_F_NET_BYTEORDER are not part of the type.
    let flagged = attribute(2 | 0xC000, &[7; 280]);
    assert_eq!(Attributes::parse(&flagged), Ok(Attributes { info: Some(&[7; 280]), ..Attributes::default() }));
}

#[test]
fn the_padding_after_the_last_attribute_may_be_absent() {
    let bytes = [attribute(8, &[0]), attribute(4, b"bbr\0")].concat();
    let expected = Attributes { algorithm: Some(b"bbr\0"), ..Attributes::default() };
    assert_eq!(Attributes::parse(&bytes), Ok(expected));
    let name = attribute(4, b"reno\0");
    assert_eq!(Attributes::parse(&name[..ATTRIBUTE + 5]), Ok(Attributes { algorithm: Some(b"reno\0"), ..expected }));
}

#[test]
fn names_have_at_most_sixteen_bytes() {
    let longest = attribute(4, &[b'x'; 16]);
    assert_eq!(Attributes::parse(&longest).unwrap().algorithm, Some(&[b'x'; 16][..]));
    let too_long = Attributes::parse(&attribute(4, &[b'x'; 17])).unwrap_err();
    assert_eq!(too_long, Malformed::Attribute { length: 21, bytes: 24 });
}

#[test]
fn impossible_lengths_are_malformed() {
    for length in [0u16, 1, 2, 3, 9, u16::MAX] {
        let mut bytes = attribute(99, &[1, 2, 3, 4]);
        bytes[..2].copy_from_slice(&length.to_ne_bytes());
        let malformed = Malformed::Attribute { length: length.into(), bytes: 8 };
        assert_eq!(Attributes::parse(&bytes), Err(malformed), "{length}");
    }
    assert_eq!(Attributes::parse(&[5, 0, 2]), Err(Malformed::Attribute { length: 3, bytes: 3 }));
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

fn attributes() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    let kind = prop_oneof![Just(2u16), Just(4), Just(7), 0..TYPE_MASK];
    vec((kind, vec(any::<u8>(), 0..40)), 0..12)
}

#[test]
fn the_last_attribute_of_a_type_is_found_or_the_bytes_are_refused() {
    proptest!(config(), |(attributes in attributes())| {
        let bytes: Vec<u8> = attributes.iter().flat_map(|(kind, payload)| attribute(*kind, payload)).collect();
        let last = |wanted| attributes.iter().rev().find(|(kind, _)| *kind == wanted).map(|(_, payload)| &payload[..]);
        let is_refused = attributes.iter().any(|(kind, payload)| *kind == 4 && payload.len() > 16);
        match Attributes::parse(&bytes) {
            Ok(found) => {
                prop_assert!(!is_refused);
                prop_assert_eq!(found, Attributes { info: last(2), algorithm: last(4), memory: last(7) });
            }
            Err(Malformed::Attribute { .. }) => prop_assert!(is_refused),
            Err(error) => prop_assert!(false, "{}", error),
        }
    });
}

#[test]
fn bytes_that_end_within_an_attribute_are_malformed() {
    proptest!(config(), |(attributes in attributes(), at in any::<Index>())| {
        let short = attributes.into_iter().filter(|(kind, _)| *kind != 4);
        let pieces: Vec<Vec<u8>> = short.map(|(kind, payload)| attribute(kind, &payload)).collect();
        prop_assume!(!pieces.is_empty());
        let whole = pieces.concat();
        let cut = at.index(whole.len());
        let mut begin = 0;
        // The end of an attribute is before its padding.
        let is_within = pieces.iter().any(|piece| {
            let end = begin + usize::from(u16_at(piece, 0));
            let is_within = begin < cut && cut < end;
            begin += piece.len();
            is_within
        });
        let parsed = Attributes::parse(&whole[..cut]);
        prop_assert_eq!(matches!(parsed, Err(Malformed::Attribute { .. })), is_within, "{:?}", parsed);
    });
}

#[test]
fn arbitrary_bytes_do_not_panic() {
    proptest!(config(), |(bytes in vec(any::<u8>(), 0..200))| {
        if let Ok(found) = Attributes::parse(&bytes) {
            let found = [found.info, found.algorithm, found.memory];
            let payloads: usize = found.iter().flatten().map(|payload| payload.len() + ATTRIBUTE).sum();
            prop_assert!(payloads <= bytes.len());
        }
    });
}
