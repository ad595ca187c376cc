//! Property tests of snapshots and diffs over random tables.
//!
//! The generators use few addresses, ports and owners, so that duplicates, reused ends and all kinds of changes are
//! frequent. Bits without a meaning are random.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv6Addr;
use std::time::SystemTime;

use proptest::collection::vec;
use proptest::prelude::*;
use tcp6::{
    BasicRow, Buffer, Change, ChangedFields, Class, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Row, Snapshot,
    State, Table,
};
use tcp6_sys::{IN6_ADDR, IN6_ADDR_0, MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6ROW_OWNER_PID, MIB_TCP6ROW2};

const CASES: u32 = 10_000;

/// Two rows that differ only in bits without a meaning.
type Twins<R> = (R, R);

#[derive(Clone, Copy, Debug)]
struct Ends {
    local: [u8; 16],
    local_scope: u32,
    local_port: u32,
    remote: [u8; 16],
    remote_scope: u32,
    remote_port: u32,
}

impl Ends {
    /// Replaces the bits without a meaning: the upper halves of the ports and, for a listener, the remote end.
    fn with_garbage(self, garbage: u16, is_listener: bool) -> Ends {
        let upper = u32::from(garbage) << 16;
        let remote = if is_listener { garbage as u8 } else { 0 };
        Ends {
            local_port: self.local_port & 0xFFFF | upper,
            remote_port: self.remote_port & 0xFFFF ^ u32::from(remote) | upper,
            remote: self.remote.map(|byte| byte ^ remote),
            remote_scope: self.remote_scope ^ u32::from(remote),
            ..self
        }
    }
}

fn address() -> impl Strategy<Value = [u8; 16]> {
    prop_oneof![
        Just(Ipv6Addr::UNSPECIFIED),
        Just(Ipv6Addr::LOCALHOST),
        Just(Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 1)),
    ]
    .prop_map(|address| address.octets())
}

fn state() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(2u32), 3 => Just(5u32), 2 => 1..=12u32, 1 => Just(100u32), 1 => any::<u32>()]
}

prop_compose! {
    fn ends()(
        local in address(), local_scope in 0..2u32, local_port in 0..2u32,
        remote in address(), remote_scope in 0..2u32, remote_port in 0..2u32,
    ) -> Ends {
        Ends { local, local_scope, local_port, remote, remote_scope, remote_port }
    }
}

/// A row class with a generator of rows.
trait AnyRow: Row {
    fn any() -> BoxedStrategy<Twins<Self>>;
}

fn in6(address: [u8; 16]) -> IN6_ADDR {
    IN6_ADDR { u: IN6_ADDR_0 { Byte: address } }
}

impl AnyRow for BasicRow {
    fn any() -> BoxedStrategy<Twins<BasicRow>> {
        let row = |ends: Ends, state: u32| {
            BasicRow::from_raw(MIB_TCP6ROW {
                State: state as i32,
                LocalAddr: in6(ends.local),
                dwLocalScopeId: ends.local_scope,
                dwLocalPort: ends.local_port,
                RemoteAddr: in6(ends.remote),
                dwRemoteScopeId: ends.remote_scope,
                dwRemotePort: ends.remote_port,
            })
        };
        (ends(), state(), any::<[u16; 2]>())
            .prop_map(move |(ends, state, [one, other])| {
                let twin = |garbage| row(ends.with_garbage(garbage, state == 2), state);
                (twin(one), twin(other))
            })
            .boxed()
    }
}

impl AnyRow for OwnerPidRow {
    fn any() -> BoxedStrategy<Twins<OwnerPidRow>> {
        let row = |ends: Ends, state, owner| {
            OwnerPidRow::from_raw(MIB_TCP6ROW_OWNER_PID {
                ucLocalAddr: ends.local,
                dwLocalScopeId: ends.local_scope,
                dwLocalPort: ends.local_port,
                ucRemoteAddr: ends.remote,
                dwRemoteScopeId: ends.remote_scope,
                dwRemotePort: ends.remote_port,
                dwState: state,
                dwOwningPid: owner,
            })
        };
        (ends(), state(), 0..3u32, any::<[u16; 2]>())
            .prop_map(move |(ends, state, owner, [one, other])| {
                let twin = |garbage| row(ends.with_garbage(garbage, state == 2), state, owner);
                (twin(one), twin(other))
            })
            .boxed()
    }
}

impl AnyRow for OffloadRow {
    fn any() -> BoxedStrategy<Twins<OffloadRow>> {
        let row = |ends: Ends, state: u32, owner, offload| {
            OffloadRow::from_raw(MIB_TCP6ROW2 {
                LocalAddr: in6(ends.local),
                dwLocalScopeId: ends.local_scope,
                dwLocalPort: ends.local_port,
                RemoteAddr: in6(ends.remote),
                dwRemoteScopeId: ends.remote_scope,
                dwRemotePort: ends.remote_port,
                State: state as i32,
                dwOwningPid: owner,
                dwOffloadState: offload,
            })
        };
        (ends(), state(), 0..3u32, -1..2i32, any::<[u16; 2]>())
            .prop_map(move |(ends, state, owner, offload, [one, other])| {
                let twin = |garbage| row(ends.with_garbage(garbage, state == 2), state, owner, offload);
                (twin(one), twin(other))
            })
            .boxed()
    }
}

impl AnyRow for OwnerModuleRow {
    fn any() -> BoxedStrategy<Twins<OwnerModuleRow>> {
        let row = |ends: Ends, state, owner, created, module| {
            OwnerModuleRow::from_raw(MIB_TCP6ROW_OWNER_MODULE {
                ucLocalAddr: ends.local,
                dwLocalScopeId: ends.local_scope,
                dwLocalPort: ends.local_port,
                ucRemoteAddr: ends.remote,
                dwRemoteScopeId: ends.remote_scope,
                dwRemotePort: ends.remote_port,
                dwState: state,
                dwOwningPid: owner,
                liCreateTimestamp: created,
                OwningModuleInfo: module,
            })
        };
        let module = (0..2u64, 0..2usize).prop_map(|(word, place)| {
            let mut words = [0; 16];
            words[place * 15] = word;
            words
        });
        (ends(), state(), 0..3u32, 0..3i64, module, any::<[u16; 2]>())
            .prop_map(move |(ends, state, owner, created, module, [one, other])| {
                let twin = |garbage| row(ends.with_garbage(garbage, state == 2), state, owner, created, module);
                (twin(one), twin(other))
            })
            .boxed()
    }
}

/// Two shuffled tables that share some of their rows, up to bits without a meaning.
fn tables<R: AnyRow>() -> impl Strategy<Value = (Vec<R>, Vec<R>)> {
    (vec(R::any(), 0..12), vec(R::any(), 0..6), vec(R::any(), 0..6)).prop_flat_map(|(both, removed, added)| {
        let before = both.iter().chain(&removed).map(|twins| twins.0).collect::<Vec<R>>();
        let after = both.iter().chain(&added).map(|twins| twins.1).collect::<Vec<R>>();
        (Just(before).prop_shuffle(), Just(after).prop_shuffle())
    })
}

fn snapshot<R: Row>(rows: &[R]) -> Snapshot<R> {
    Snapshot::from_rows(rows.iter().copied(), SystemTime::UNIX_EPOCH)
}

fn diff<R: Row>(before: &Snapshot<R>, after: &Snapshot<R>) -> Vec<Change<R>> {
    before.diff(after).map(Change::cloned).collect()
}

/// Sorts the changes by their rows.
fn sorted<R: Row>(mut changes: Vec<Change<R>>) -> Vec<Change<R>> {
    changes.sort_by_key(|change| (change.before(), change.after()));
    changes
}

/// The ends and the identity of a row. Both rows of a [`Change::Changed`] have the same.
fn pairing_key<R: Row>(row: &R) -> (String, String) {
    let identity = row.to_class::<OwnerModuleRow>();
    let has_identity = R::CLASS == tcp6::Class::OwnerModule;
    let identity = if has_identity { format!("{:?}", identity.created_ticks()) } else { String::new() };
    (format!("{} {:?}", row.local(), row.remote().map_or("[::]:0".to_owned(), |remote| remote.to_string())), identity)
}

/// Counts the changes between two snapshots by the pairing rule.
///
/// A pair of equal rows is no change, a pair with the same ends and identity is one, and each other row is one.
fn expected_changes<R: Row>(before: &Snapshot<R>, after: &Snapshot<R>) -> usize {
    let mut balance = BTreeMap::<R, i64>::new();
    before.iter().for_each(|row| *balance.entry(*row).or_default() -= 1);
    after.iter().for_each(|row| *balance.entry(*row).or_default() += 1);
    let mut unpaired = BTreeMap::<_, (i64, i64)>::new();
    for (row, count) in balance {
        let (removed, added) = unpaired.entry(pairing_key(&row)).or_default();
        *removed += (-count).max(0);
        *added += count.max(0);
    }
    unpaired.values().map(|(removed, added)| *removed.max(added) as usize).sum()
}

fn check_properties<R: AnyRow>() {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((one, other) in tables::<R>(), seed in any::<u64>())| {
        let (before, after) = (snapshot(&one), snapshot(&other));
        let changes = diff(&before, &after);

        // A snapshot does not differ from itself.
        prop_assert_eq!(diff(&before, &before), []);

        // Applying the diff to `before` gives `after`, in any order of the changes.
        let mut applied = before.clone();
        applied.apply(changes.iter().copied()).unwrap();
        prop_assert_eq!(&applied, &after);
        let mut applied_backwards = before.clone();
        applied_backwards.apply(changes.iter().rev().copied()).unwrap();
        prop_assert_eq!(&applied_backwards, &after);

        // The diff in the other direction has the reversed changes.
        let reversed = changes.iter().map(|change| change.reversed()).collect();
        prop_assert_eq!(sorted(diff(&after, &before)), sorted(reversed));

        // The number of changes follows from the pairing rule. Both rows of a Changed differ, but have the same key.
        prop_assert_eq!(changes.len(), expected_changes(&before, &after));
        for change in &changes {
            if let Change::Changed { before, after } = change {
                prop_assert_ne!(before, after);
                prop_assert_eq!(pairing_key(before), pairing_key(after));
                prop_assert!(!change.as_ref().fields().is_empty());
            } else {
                prop_assert!(change.as_ref().fields().is_empty());
            }
        }

        // Changes are sorted by their ends.
        let ends = |change: &Change<R>| {
            let (local, remote) = (change.row().local(), change.row().remote());
            let key = |end: std::net::SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
            (key(local), remote.map(key).unwrap_or_default())
        };
        prop_assert!(changes.is_sorted_by_key(ends));

        // Removing a missing row is refused and does not modify the snapshot.
        if let Some(change) = changes.iter().find(|change| change.before().is_some()) {
            let mut unchanged = after.clone();
            let missing = change.before().unwrap();
            if !after.contains(&missing) {
                prop_assert!(matches!(unchanged.apply([Change::Removed(missing)]), Err(Error::RowNotFound)));
                prop_assert_eq!(&unchanged, &after);
            }
        }

        // The order of the input does not matter.
        let mut shuffled = one.clone();
        shuffled.sort_by_key(|row| hash(&(seed, row)));
        prop_assert_eq!(diff(&snapshot(&shuffled), &after), changes);
    });

    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(twins in vec(R::any(), 0..12))| {
        let one = snapshot(&twins.iter().map(|twins| twins.0).collect::<Vec<R>>());
        let other = snapshot(&twins.iter().rev().map(|twins| twins.1).collect::<Vec<R>>());
        // Neither the order of the rows nor bits without a meaning affect a snapshot.
        prop_assert_eq!(diff(&one, &other), []);
        prop_assert_eq!(bytes(&one), bytes(&other), "snapshots from rows differ in bytes");

        // Rows that differ only in bits without a meaning are equal and have the same hash.
        for (one, other) in &twins {
            prop_assert_eq!(one.cmp(other), Ordering::Equal);
            prop_assert_eq!(hash(one), hash(other));
        }

        // Nor do such bits in changes affect a snapshot.
        let mut applied = Snapshot::new();
        applied.apply(twins.iter().map(|twins| Change::Added(twins.1))).unwrap();
        prop_assert_eq!(bytes(&one), bytes(&applied), "snapshots from changes differ in bytes");
        applied.apply(twins.iter().map(|twins| Change::Removed(twins.0))).unwrap();
        prop_assert!(applied.is_empty());
    });
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The table of the snapshot in bytes, as a buffer writes it.
fn bytes<R: Row>(snapshot: &Snapshot<R>) -> Vec<u8> {
    let mut buffer = tcp6::Buffer::new();
    buffer.write_rows(R::CLASS, snapshot).unwrap();
    assert_eq!(
        Table::<R>::from_bytes(buffer.as_bytes(), SystemTime::UNIX_EPOCH).map(|t| t.len()).unwrap(),
        snapshot.len()
    );
    buffer.as_bytes().to_vec()
}

#[test]
fn properties_hold_for_basic_rows() {
    check_properties::<BasicRow>();
}

#[test]
fn properties_hold_for_owner_pid_rows() {
    check_properties::<OwnerPidRow>();
}

#[test]
fn properties_hold_for_offload_rows() {
    check_properties::<OffloadRow>();
}

#[test]
fn properties_hold_for_owner_module_rows() {
    check_properties::<OwnerModuleRow>();
}

/// Sorts a table that is out of order at one position only.
///
/// It tries each position, because rows are checked and copied in blocks.
#[test]
fn sorts_a_rotated_table() {
    let row = |port| BasicRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None);
    let sorted: Vec<BasicRow> = (1..=100).map(row).collect();
    let mut buffer = Buffer::new();
    for first in 0..sorted.len() {
        let mut rows = sorted.clone();
        rows.rotate_left(first);
        buffer.write_rows(Class::Basic, &rows).unwrap();
        let snapshot = buffer.table::<BasicRow>().unwrap().to_snapshot().unwrap();
        assert_eq!(snapshot.rows(), sorted, "{first}");
    }
}

#[test]
fn searches_find_the_same_rows_as_a_linear_scan() {
    let mut rows = Vec::new();
    for address in ["::", "::1", "fe80::1%1", "fe80::1%2"] {
        for port in [79, 80, 81] {
            let local = format!("[{address}]:{port}").parse().unwrap();
            rows.extend([BasicRow::new(State::Listen, local, None); 2]);
            for remote in ["[::1]:1", "[::1]:2", "[fe80::1%1]:1"] {
                rows.push(BasicRow::new(State::Established, local, Some(remote.parse().unwrap())));
            }
        }
    }
    let snapshot: Snapshot<BasicRow> = rows.iter().copied().collect();
    for port in 78..83 {
        let on_port = snapshot.iter().filter(|row| row.local().port() == port);
        assert!(snapshot.on_port(port).eq(on_port), "{port}");
    }
    for row in &rows {
        let (local, remote) = (row.local(), row.remote());
        let same = snapshot.iter().filter(|other| (other.local(), other.remote()) == (local, remote));
        assert!(snapshot.find(local, remote).iter().eq(same), "{row:?}");
    }
    assert!(snapshot.find("[::2]:80".parse().unwrap(), None).is_empty());
    assert!(snapshot.listeners().eq(snapshot.iter().filter(|row| row.is_listener())));
    assert_eq!(snapshot.listeners().count(), 24);
    let mut connections = snapshot.clone();
    connections.retain(|row| !row.is_listener());
    assert_eq!(connections.len(), rows.len() - 24);
    assert!(connections.iter().eq(snapshot.iter().filter(|row| !row.is_listener())));
}

#[test]
fn change_returns_its_rows_and_changed_fields() {
    let listener = OwnerModuleRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    let raw = *listener.as_raw();
    let mut module = raw;
    module.OwningModuleInfo[15] = 1;
    for (after, fields) in [
        (raw, ChangedFields::empty()),
        (MIB_TCP6ROW_OWNER_MODULE { dwState: 5, ..raw }, ChangedFields::STATE),
        (MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: 7, ..raw }, ChangedFields::OWNER),
        (module, ChangedFields::MODULE),
        (
            MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: 7, dwState: 5, ..module },
            ChangedFields::STATE | ChangedFields::OWNER | ChangedFields::MODULE,
        ),
    ] {
        let (before, after) = (listener, OwnerModuleRow::from_raw(after));
        let change = Change::Changed { before, after };
        assert_eq!(change.as_ref().fields(), fields);
        assert_eq!((change.before(), change.after(), change.row()), (Some(before), Some(after), after));
        let (added, removed) = (Change::Added(after), Change::Removed(before));
        assert_eq!((added.before(), added.after(), added.row()), (None, Some(after), after));
        assert_eq!((removed.before(), removed.after(), removed.row()), (Some(before), None, before));
        assert_eq!(
            (added.as_ref().fields(), removed.as_ref().fields()),
            (ChangedFields::empty(), ChangedFields::empty())
        );
    }
}

#[test]
fn rows_with_different_creation_times_are_not_paired() {
    let rows = [0, 7, 8].map(|created| {
        let row = OwnerModuleRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
        OwnerModuleRow::from_raw(MIB_TCP6ROW_OWNER_MODULE { liCreateTimestamp: created, ..*row.as_raw() })
    });
    for (before, after) in [(0, 1), (1, 0), (1, 2)].map(|(before, after)| (rows[before], rows[after])) {
        let [one, other] = [before, after].map(|row| Snapshot::from_iter([row]));
        let changes: Vec<_> = one.diff(&other).map(|change| change.cloned()).collect();
        assert_eq!(changes, [Change::Removed(before), Change::Added(after)]);
    }
}
