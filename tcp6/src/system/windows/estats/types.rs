//! The EStats types, and which of them the kinds of statistics need.

use tcp6_sys::{
    TCP_ESTATS_TYPE, TcpConnectionEstatsData, TcpConnectionEstatsFineRtt, TcpConnectionEstatsObsRec,
    TcpConnectionEstatsPath, TcpConnectionEstatsRec, TcpConnectionEstatsSendBuff, TcpConnectionEstatsSndCong,
};

use crate::stats::kinds::StatsKinds;

/// A type of statistics that is used here.
///
/// Bandwidth (estimates) and SynOpts (fixed values) are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Type {
    Data = TcpConnectionEstatsData,
    SndCong = TcpConnectionEstatsSndCong,
    Path = TcpConnectionEstatsPath,
    SendBuff = TcpConnectionEstatsSendBuff,
    Rec = TcpConnectionEstatsRec,
    ObsRec = TcpConnectionEstatsObsRec,
    FineRtt = TcpConnectionEstatsFineRtt,
}

impl Type {
    /// Every type, in the order in which they are read: Path before FineRtt, which is more precise.
    pub(super) const ALL: [Type; 7] =
        [Type::Data, Type::SndCong, Type::Path, Type::SendBuff, Type::Rec, Type::ObsRec, Type::FineRtt];

    pub(super) const fn as_raw(self) -> TCP_ESTATS_TYPE {
        self as TCP_ESTATS_TYPE
    }
}

/// The types that each kind needs. The others need none.
const NEEDED: [(StatsKinds, &[Type]); 5] = [
    (StatsKinds::QUEUES, &[Type::SendBuff, Type::Rec]),
    // Path counts what was sent again.
    (StatsKinds::DATA, &[Type::Data, Type::Path]),
    (StatsKinds::PATH, &[Type::Path, Type::FineRtt]),
    (StatsKinds::CONGESTION, &[Type::SndCong]),
    (StatsKinds::WINDOW, &[Type::Rec, Type::ObsRec]),
];

/// A set of types. Bit n is the type with the number n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u16);

impl Types {
    /// The types that these kinds need.
    pub(super) fn of(kinds: StatsKinds) -> Types {
        let mut types = Types::default();
        for (_, needed) in NEEDED.iter().filter(|(kind, _)| kinds.contains(*kind)) {
            needed.iter().for_each(|estats_type| types.insert(*estats_type));
        }
        types
    }

    pub(super) fn insert(&mut self, estats_type: Type) {
        self.0 |= 1 << estats_type.as_raw();
    }

    pub(super) fn remove(&mut self, estats_type: Type) {
        self.0 &= !(1 << estats_type.as_raw());
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types in the order of [`Type::ALL`].
    pub(super) fn iter(self) -> impl Iterator<Item = Type> {
        Type::ALL.into_iter().filter(move |estats_type| self.0 & 1 << estats_type.as_raw() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(kinds: StatsKinds) -> Vec<Type> {
        Types::of(kinds).iter().collect()
    }

    #[test]
    fn each_kind_needs_its_types() {
        assert_eq!(types(StatsKinds::QUEUES), [Type::SendBuff, Type::Rec]);
        assert_eq!(types(StatsKinds::DATA), [Type::Data, Type::Path]);
        assert_eq!(types(StatsKinds::PATH), [Type::Path, Type::FineRtt]);
        assert_eq!(types(StatsKinds::CONGESTION), [Type::SndCong]);
        assert_eq!(types(StatsKinds::WINDOW), [Type::Rec, Type::ObsRec]);
        assert_eq!(types(StatsKinds::ALGORITHM | StatsKinds::MEMORY), []);
        assert_eq!(types(StatsKinds::empty()), []);
    }

    #[test]
    fn several_kinds_need_each_type_once() {
        assert_eq!(types(StatsKinds::all()), Type::ALL);
        assert_eq!(types(StatsKinds::QUEUES | StatsKinds::WINDOW), [Type::SendBuff, Type::Rec, Type::ObsRec]);
        assert_eq!(types(StatsKinds::DATA | StatsKinds::PATH), [Type::Data, Type::Path, Type::FineRtt]);
    }

    #[test]
    fn a_removed_type_is_not_in_the_set() {
        let mut set = Types::of(StatsKinds::all());
        for (at, estats_type) in Type::ALL.into_iter().enumerate() {
            assert!(!set.is_empty());
            set.remove(estats_type);
            assert!(set.iter().eq(Type::ALL[at + 1..].iter().copied()));
        }
        assert!(set.is_empty() && set == Types::default());
    }
}
