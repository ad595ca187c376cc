//! The side table of a table: the statistics of its sockets.

use core::fmt;
use core::num::NonZeroU64;
use std::net::SocketAddrV6;
use std::time::{Instant, SystemTime};

use super::connection::ConnectionStats;
use super::entry::{Entry, Place, at, place, push};
use super::failures::StatsFailures;
use super::index::Index;
use super::kinds::StatsKinds;
use super::linux::{self, BaseValues, MAX_NAME, Reported};
use super::memory::SocketMemory;
use super::sender::SenderStats;
use super::tcp_info::TcpInfo;
use super::timer::Timer;
use crate::error::Result;
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order::{self, Ends};
use crate::row::state::State;

/// The statistics of the sockets of a table, in reusable storage.
///
/// [`System::table_with_stats`](crate::System::table_with_stats) fills it together with a table. Then
/// [`of`](Stats::of) returns the statistics of a row, in constant time, whatever the order of the rows: of the table, of
/// a snapshot of it, or of a row that was copied from it. Keep it for all refreshes: it reuses its memory, and allocates
/// only if the table has grown. It takes about 150 bytes per socket, and 280 more if the kinds need `tcp_info`.
///
/// # Which rows are found
///
/// A row is found by its ends. If its class identifies the socket ([`OwnerModuleRow`](crate::OwnerModuleRow)), the
/// identity must be the same too. Other classes cannot distinguish several sockets with the same ends, such as listeners
/// with SO_REUSEPORT: their statistics are `None`. They cannot detect either that a row is from an earlier table, and
/// that a later connection has the same ends.
///
/// # Example: which connections retransmit?
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, Stats, StatsKinds, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut stats = Stats::new().request(StatsKinds::DATA | StatsKinds::PATH);
/// let table = system.table_with_stats::<BasicRow>(&Query::all(), &mut buffer, &mut stats)?;
/// for row in table {
///     let Some(connection) = stats.of(row) else { continue };
///     if connection.segments_retransmitted.is_some_and(|segments| segments > 0) {
///         println!("{} {:?}: {:?} of {:?} bytes sent again, rtt {:?}",
///             row.local(), row.remote(), connection.bytes_retransmitted, connection.bytes_sent, connection.rtt);
///     }
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # Example: bytes per process
///
/// Counters begin when a connection opens, so that the traffic of an interval is the difference of two readings.
///
/// ```
/// use std::{collections::HashMap, mem, thread, time::Duration};
///
/// use tcp6::{Buffer, Owner, OwnerPidRow, Query, Stats, StatsKinds, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let new = || Stats::new().request(StatsKinds::DATA);
/// let (mut earlier, mut later) = (new(), new());
/// system.table_with_stats::<OwnerPidRow>(&Query::all(), &mut buffer, &mut earlier)?; // the baseline
/// for _ in 0..2 {
/// #   let second = Duration::from_millis(10);
/// #   #[cfg(any())]
///     let second = Duration::from_secs(1);
///     thread::sleep(second);
///     let mut bytes = HashMap::<Owner, f64>::new();
///     let table = system.table_with_stats::<OwnerPidRow>(&Query::all(), &mut buffer, &mut later)?;
///     for row in table {
///         let Some(delta) = later.delta(&earlier, row) else { continue };
///         let received = delta.per_second(delta.bytes_received).unwrap_or(0.0);
///         *bytes.entry(row.owner()).or_default() += received;
///     }
///     for (owner, rate) in &bytes {
///         println!("{owner} receives {rate:.0} bytes per second");
///     }
///     mem::swap(&mut earlier, &mut later);
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Clone)]
pub struct Stats {
    kinds: StatsKinds,
    /// In the order in which the source listed the sockets.
    entries: Vec<Entry>,
    index: Index,
    /// The number of entries that the index has.
    indexed: usize,
    /// Those after the first `infos_used` are from earlier tables.
    ///
    /// They are overwritten in place: of all writes of a refresh, this is the largest.
    infos: Vec<TcpInfo>,
    infos_used: usize,
    algorithms: Vec<Name>,
    memories: Vec<SocketMemory>,
    connections: Vec<ConnectionStats>,
    senders: Vec<SenderStats>,
    failures: Option<StatsFailures>,
    taken: Option<(SystemTime, Instant)>,
}

/// The name of a congestion control algorithm: the bytes before the first zero.
type Name = [u8; MAX_NAME];

impl Stats {
    /// Statistics without a table, for the kind [`StatsKinds::QUEUES`].
    #[must_use]
    pub fn new() -> Stats {
        Stats {
            kinds: StatsKinds::QUEUES,
            entries: Vec::new(),
            index: Index::new(),
            indexed: 0,
            infos: Vec::new(),
            infos_used: 0,
            algorithms: Vec::new(),
            memories: Vec::new(),
            connections: Vec::new(),
            senders: Vec::new(),
            failures: None,
            taken: None,
        }
    }

    /// Requests these kinds in addition, from the next table on.
    #[must_use]
    pub fn request(self, kinds: StatsKinds) -> Stats {
        Stats { kinds: self.kinds | kinds, ..self }
    }

    /// The requested kinds.
    #[must_use]
    pub fn kinds(&self) -> StatsKinds {
        self.kinds
    }

    /// The statistics of a row.
    ///
    /// `None` if they have no socket with the ends and the identity of the row, or several with its ends
    /// ([which rows are found](Stats#which-rows-are-found)), and if the socket has no statistics: in TIME-WAIT, and
    /// before the handshake of an incoming connection is complete (SYN-RECEIVED).
    #[must_use]
    pub fn of<R: Row>(&self, row: &R) -> Option<ConnectionStats> {
        self.get(row)?.connection()
    }

    /// All that is known of the socket of a row.
    ///
    /// `None` if there is no such socket, or if several have its ends ([which rows are
    /// found](Stats#which-rows-are-found)).
    #[must_use]
    pub fn get<R: Row>(&self, row: &R) -> Option<SocketStats<'_>> {
        self.find(&order::ends(row).words(), row.identity())
    }

    /// The sockets in the order in which the source listed them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SocketStats<'_>> {
        self.entries.iter().map(|entry| SocketStats { stats: self, entry })
    }

    /// The number of sockets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no socket: the statistics were never filled, the last attempt failed, or
    /// the table was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The connections whose statistics the system refused or failed to return, or `None` if there
    /// are none.
    ///
    /// Only on Windows, where the statistics of each connection are read with calls of their own.
    #[must_use]
    pub fn failures(&self) -> Option<StatsFailures> {
        self.failures
    }

    /// The time at which the table was read, or `None` if there is none.
    #[must_use]
    pub fn taken_at(&self) -> Option<SystemTime> {
        self.taken.map(|(time, _)| time)
    }

    /// The moment at which the table was read, on a clock that is never set, or `None` if there is
    /// none.
    #[must_use]
    pub fn instant(&self) -> Option<Instant> {
        self.taken.map(|(_, instant)| instant)
    }

    /// Removes all sockets and keeps the storage.
    pub fn clear(&mut self) {
        self.taken = None;
        self.entries.clear();
        self.index.clear();
        self.indexed = 0;
        self.infos_used = 0;
        self.algorithms.clear();
        self.memories.clear();
        self.connections.clear();
        self.senders.clear();
        self.failures = None;
    }

    /// Adds the statistics of the socket of a row, for a [`Source`](crate::Source) of its own.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory), and [`Error::Malformed`](crate::Error::Malformed) if the number
    /// of sockets exceeds 32 bits.
    pub fn insert<R: Row>(&mut self, row: &R, connection: ConnectionStats) -> Result<()> {
        self.push_connection(row, row.identity(), connection, None)?;
        self.index_entries()
    }

    /// Adds the statistics of a socket with this identity. It is not found until
    /// [`index_entries`](Stats::index_entries).
    pub(crate) fn push_connection<R: Row>(
        &mut self,
        row: &R,
        identity: Option<NonZeroU64>,
        connection: ConnectionStats,
        sender: Option<SenderStats>,
    ) -> Result<()> {
        let connection = Some(push(&mut self.connections, connection)?);
        let sender = sender.map(|sender| push(&mut self.senders, sender)).transpose()?;
        push(&mut self.entries, Entry { identity, connection, sender, ..Entry::of(row) })?;
        Ok(())
    }

    /// Counts a connection whose statistics the system failed to return, with the code of the
    /// failure.
    pub(crate) fn add_failure(&mut self, code: i32) {
        self.failures = Some(StatsFailures::and(self.failures, code));
    }

    /// Adds what Linux reports of the socket of a row.
    ///
    /// It is not found until [`index_entries`](Stats::index_entries).
    #[inline]
    pub(crate) fn push_reported<R: Row>(&mut self, row: &R, reported: &Reported<'_>) -> Result<()> {
        let Reported { values: base, uid, cookie, info, algorithm, memory } = *reported;
        let info = info.map(|bytes| self.push_info(bytes)).transpose()?;
        let algorithm = algorithm.map(|bytes| push(&mut self.algorithms, name(bytes))).transpose()?;
        let memory = memory.map(|bytes| push(&mut self.memories, SocketMemory::from_bytes(bytes))).transpose()?;
        let identity = NonZeroU64::new(cookie);
        push(&mut self.entries, Entry { identity, base, uid, info, algorithm, memory, ..Entry::of(row) })?;
        Ok(())
    }

    #[inline]
    fn push_info(&mut self, bytes: &[u8]) -> Result<Place> {
        let place = match self.infos.get_mut(self.infos_used) {
            Some(info) => {
                info.set(bytes);
                place(self.infos_used)?
            }
            None => push(&mut self.infos, TcpInfo::from_bytes(bytes))?,
        };
        self.infos_used += 1;
        Ok(place)
    }

    /// Sets the time at which the table was read.
    pub(crate) fn set_taken(&mut self, at: SystemTime, instant: Instant) {
        self.taken = Some((at, instant));
    }

    /// Makes all entries findable.
    ///
    /// An access to the index is a cache miss if the kernel works between two of them. So all entries of a dump are
    /// indexed after it, which takes a fifth of the time.
    pub(crate) fn index_entries(&mut self) -> Result<()> {
        let Stats { entries, index, indexed, .. } = self;
        if index.capacity() < entries.len() {
            index.reset(entries.len())?;
            *indexed = 0;
        }
        for at in *indexed..entries.len() {
            let Entry { ends, identity, .. } = entries[at];
            let position = place(at)?.get() - 1;
            let first = index.find_or_insert(index.hash(&ends, 0), position, |at| entries[at].is_first_with(&ends));
            (entries[at].is_first, entries[at].is_shared) = (first.is_none(), false);
            if let Some(first) = first {
                entries[first].is_shared = true;
                if let Some(identity) = identity {
                    let hash = index.hash(&ends, identity.get());
                    index.find_or_insert(hash, position, |at| entries[at].is_later(&ends, identity));
                }
            }
        }
        *indexed = entries.len();
        Ok(())
    }

    /// The only socket with these ends, or the one with this identity among them.
    pub(super) fn find(&self, ends: &[u64; 6], identity: Option<NonZeroU64>) -> Option<SocketStats<'_>> {
        let Stats { entries, index, .. } = self;
        let first = &entries[index.find(index.hash(ends, 0), |at| entries[at].is_first_with(ends))?];
        let entry = match identity {
            None if first.is_shared => return None,
            None => first,
            identity if first.identity == identity => first,
            Some(identity) if first.is_shared => {
                let hash = index.hash(ends, identity.get());
                &entries[index.find(hash, |at| entries[at].is_later(ends, identity))?]
            }
            Some(_) => return None,
        };
        Some(SocketStats { stats: self, entry })
    }
}

/// Writes the number of sockets and the kinds.
impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Stats");
        fields.field("len", &self.len()).field("kinds", &self.kinds).field("taken_at", &self.taken_at());
        fields.finish_non_exhaustive()
    }
}

impl Default for Stats {
    fn default() -> Stats {
        Stats::new()
    }
}

/// The bytes before the first NUL, followed by zeros. Longer names are truncated.
fn name(bytes: &[u8]) -> Name {
    let mut name = [0; MAX_NAME];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()).min(MAX_NAME);
    name[..end].copy_from_slice(&bytes[..end]);
    name
}

/// The statistics of one socket, borrowed from [`Stats`].
///
/// On Linux, [`os::linux::SocketStatsExt`](crate::os::linux::SocketStatsExt) has more.
#[derive(Clone, Copy, Debug)]
pub struct SocketStats<'a> {
    stats: &'a Stats,
    entry: &'a Entry,
}

impl<'a> SocketStats<'a> {
    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.entry.state
    }

    /// The local end.
    #[must_use]
    pub fn local(&self) -> SocketAddrV6 {
        Ends::from_words(&self.entry.ends).addresses().0
    }

    /// The remote end. `None` for a listener.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddrV6> {
        Ends::from_words(&self.entry.ends).addresses().1
    }

    /// The statistics that both systems have.
    ///
    /// `None` in TIME-WAIT, and before the handshake of an incoming connection is complete (SYN-RECEIVED).
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionStats> {
        match self.entry.connection {
            Some(place) => Some(*at(&self.stats.connections, place)),
            None => linux::connection(self.entry.state, &self.entry.base, self.tcp_info()),
        }
    }

    pub(crate) fn identity(&self) -> Option<NonZeroU64> {
        self.entry.identity
    }

    /// What Linux reported, for [`Stats::push_reported`]. `None` for statistics of another system.
    pub(crate) fn reported(&self, memory: &'a mut Vec<u8>) -> Option<Reported<'a>> {
        let Entry { base, uid, .. } = *self.entry;
        if !self.is_linux() {
            return None;
        }
        let has_memory = self.memory().is_some();
        memory.clear();
        memory.extend(self.memory().iter().flat_map(|memory| memory.words().flat_map(u32::to_ne_bytes)));
        Some(Reported {
            values: base,
            uid,
            cookie: self.entry.identity.map_or(0, NonZeroU64::get),
            info: self.tcp_info().map(TcpInfo::raw),
            algorithm: self.algorithm_bytes(),
            memory: has_memory.then_some(memory),
        })
    }

    pub(super) fn ends(&self) -> &'a [u64; 6] {
        &self.entry.ends
    }

    /// Whether they are from Linux, where counters have other widths than on Windows.
    pub(super) fn is_linux(&self) -> bool {
        self.entry.connection.is_none()
    }

    pub(crate) fn tcp_info(&self) -> Option<&'a TcpInfo> {
        self.entry.info.map(|place| at(&self.stats.infos, place))
    }

    pub(crate) fn algorithm_bytes(&self) -> Option<&'a [u8]> {
        at(&self.stats.algorithms, self.entry.algorithm?).split(|byte| *byte == 0).next()
    }

    pub(crate) fn memory(&self) -> Option<SocketMemory> {
        self.entry.memory.map(|place| *at(&self.stats.memories, place))
    }

    pub(crate) fn timer(&self) -> Option<Timer> {
        let BaseValues { timer, expires_in, count, .. } = self.entry.base;
        Timer::new(timer, expires_in, count)
    }

    pub(crate) fn uid(&self) -> Option<u32> {
        self.entry.uid
    }

    pub(crate) fn sender(&self) -> Option<SenderStats> {
        self.entry.sender.map(|place| *at(&self.stats.senders, place))
    }

    pub(crate) fn cookie(&self) -> Option<NonZeroU64> {
        if self.is_linux() { self.entry.identity } else { None }
    }
}

#[cfg(test)]
mod tests;
