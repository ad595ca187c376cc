//! The IPv6 TCP table of this machine: listeners and connections with state, ends and owner.
//!
//! The crate has one API over [GetTcp6Table] and its siblings on Windows and sock_diag on Linux.
//!
//! # Example: a table
//!
//! A [`Table`] is a slice of rows that are borrowed from a reusable [`Buffer`]. On Windows the rows are the bytes that
//! the system wrote. On Linux each row is written once from a kernel message, in the same layout.
//!
//! ```
//! use tcp6::{BasicRow, Buffer, Query, System};
//!
//! let (mut system, mut buffer) = (System::new()?, Buffer::new()); // keep both: they reuse memory
//! for row in system.table::<BasicRow>(&Query::all(), &mut buffer)? {
//!     println!("{} {} {:?}", row.state(), row.local(), row.remote());
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! A [`Query`] selects rows by states, ports and networks: `Query::listeners()` keeps only listeners,
//! `Query::all().local_port(443)` only rows with this local port. On Linux the kernel selects. On Windows the system
//! selects listeners, for [`OwnerPidRow`] and [`OwnerModuleRow`]; other rows are removed after the table is read.
//!
//! [`System::find`] and [`System::look_up`] find one socket, on Linux without reading the table.
//!
//! # Example: a snapshot
//!
//! The rows of a table are valid until the buffer is filled again. A [`Snapshot`] owns its rows. They are always
//! sorted, and undefined fields are zero, so that snapshots can be searched and compared ([`Snapshot::diff`]).
//!
//! ```
//! use tcp6::{BasicRow, Buffer, Query, System};
//!
//! let (mut system, mut buffer) = (System::new()?, Buffer::new());
//! let snapshot = system.table::<BasicRow>(&Query::all(), &mut buffer)?.to_snapshot()?;
//! println!("{}", snapshot.counts()); // 12 LISTEN, 40 ESTABLISHED
//! for row in snapshot.on_port(8080) {
//!     println!("{row:?}");
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! # Example: changes
//!
//! A [`Watcher`] reports the changes between two polls. If a poll fails, it returns an error and keeps the last good
//! table: no row is reported as removed because a table could not be read.
//!
//! ```
//! use tcp6::{OwnerPidRow, System, Watcher};
//!
//! let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new()?);
//! watcher.poll()?; // the first table is the baseline
//! for change in watcher.poll()? {
//!     let (owner, row) = (change.owner(), change.row());
//!     if change.is_open() {
//!         println!("{owner} opened {} {:?}", row.local(), row.remote());
//!     } else if change.is_close() {
//!         println!("{owner} closed {} {:?}", row.local(), row.remote());
//!     }
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! # Which row class?
//!
//! | I want | row class | bytes | Windows struct |
//! |---|---|--:|---|
//! | states and ends, at the lowest cost | [`BasicRow`] | 52 | MIB_TCP6ROW |
//! | the owner of each socket | [`OwnerPidRow`] | 56 | MIB_TCP6ROW_OWNER_PID |
//! | to distinguish successive sockets that use the same ends | [`OwnerModuleRow`] | 192 | MIB_TCP6ROW_OWNER_MODULE |
//! | the service that owns a socket (Windows), or its inode, user and cookie (Linux) | [`OwnerModuleRow`] | 192 | MIB_TCP6ROW_OWNER_MODULE |
//! | the offload state (Windows) | [`OffloadRow`] | 60 | MIB_TCP6ROW2 |
//!
//! Every class has a state and two ends; every class except [`BasicRow`] has an owner. Code that is generic over the
//! class uses the trait [`Row`].
//!
//! # Owners
//!
//! [`Owner`] distinguishes a socket that no process holds ([`Owner::Nobody`]) from one whose owner is unknown
//! ([`Owner::Unresolved`]). [`Processes`] looks up the names of owners. [`System::owner_counts`] returns how many
//! owners are known.
//!
//! Windows reports owners with the rows. On Linux, [`System`] finds them by reading the descriptors of processes. It
//! remembers them, and reads again what may have changed, up to a bound: see [`System`](System#owners-on-linux) for
//! what each table reads and when an owner can be out of date. If several processes hold a socket, the row contains the
//! lowest pid, and `os::linux::SystemExt::holders` returns all of them.
//!
//! # Other sources
//!
//! [`System`] is one [`Source`] of tables. [`Replay`] replays tables from snapshots or from a capture file.
//! [`Recorder`] writes captures, and [`RecordingSource`] records what another source reads. A type of your own that
//! implements [`Source`] works with [`Table::read`] and [`Watcher`].
//!
//! # Threads
//!
//! All types are `Send` and `Sync`; types that are generic over a source or a file, such as [`Watcher`], are if it is.
//! Reading a table takes `&mut System`, so give each thread that polls its own [`System`] ([on
//! Linux](System#owners-on-linux) they share what they read of processes). Share a [`Table`] or a [`Snapshot`] by
//! reference.
//!
//! On Linux a [`System`] shows the network namespace of the thread that created it, whichever thread uses it.
//! [`os::linux`] lists the namespaces of the machine and opens systems for them.
//!
//! # Platforms
//!
//! | | Windows | Linux | others |
//! |---|---|---|---|
//! | versions | 10 and later, as Rust's standard library since 1.78 | 3.3 and later | builds |
//! | table | iphlpapi | sock_diag; `/proc/thread-self/net/tcp6` if sock_diag is refused | [`Error::NotSupported`] |
//! | scope ids | yes | yes; not from `/proc` | |
//! | owners | yes; none with Wine 8 | yes, from `/proc` | |
//! | process names ([`Processes`]) | yes, with services | yes | |
//! | identity of a socket | time of creation | cookie ([`os::linux`]) | |
//! | statistics of connections ([`Stats`]) | those that an administrator [collects](System::collect); none with Wine | yes | |
//! | short connections ([`Watcher::with_events`]) | | 4.2 and later, with sock_diag | |
//!
//! Everything except [`System`] and [`Processes`] works on every system: a capture from Windows can be read on Linux.
//!
//! # Features
//!
//! * `serde` (off by default): serializes and deserializes snapshots, rows, states, sets, changes and statistics, and
//!   serializes tables. The module `serde` documents the formats.
//!
//! # Limits
//!
//! * **IPv6 only.** The function family has one table per address family, and this crate reads the one for IPv6. On
//!   Linux, IPv4 connections of dual-stack sockets are in this table, with v4-mapped addresses (`::ffff:192.0.2.1`). On
//!   Windows they are in the IPv4 table.
//! * **Privileges.** The table needs none. On Linux, the owners of sockets of other users are [`Owner::Unresolved`]
//!   unless the program runs as root or has CAP_SYS_PTRACE.
//! * **Short connections.** A connection that opens and closes between two polls leaves a row in TIME-WAIT, or none. On
//!   Linux, [`Watcher::with_events`] reports it.
//! * **Bound sockets.** Sockets that are bound and neither listen nor are connected have no row, unless a query requests
//!   [`StateSet::BOUND`].
//! * **Sockets without a descriptor.** On Linux the owner of a socket that only an io_uring holds, or that is in flight
//!   in a unix socket, is unresolved.
//! * **Large machines.** On Linux an owner can be out of date for some tables if the processes that ran since the last
//!   table have more than 4,096 descriptors. [`System::set_exact_owners`] makes each table read all descriptors.
//!
//! [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
#![deny(unsafe_code)]

mod capture;
mod error;
mod events;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod os;
mod process;
mod row;
#[cfg(feature = "serde")]
pub mod serde;
mod snapshot;
mod stats;
mod system;
mod table;
mod unix_time;

pub use capture::{Recorder, RecordingSource, Replay};
pub use error::{Error, Malformed, Result, StatisticsFault};
pub use events::brief::Brief;
pub use events::options::EventOptions;
pub use events::report::Events;
pub use ipnet::Ipv6Net;
pub use process::{Module, Process};
pub use row::Row;
pub use row::class::*;
pub use row::offload_state::OffloadState;
pub use row::owner::Owner;
pub use row::state::{ParseStateError, State, StateSet};
pub use row::state_counts::StateCounts;
pub use snapshot::Snapshot;
pub use snapshot::change::{Change, ChangedFields};
pub use snapshot::changes::Changes;
pub use snapshot::diff::Diff;
pub use snapshot::watcher::Watcher;
pub use stats::connection::ConnectionStats;
pub use stats::connection_delta::ConnectionDelta;
pub use stats::delta::StatisticsDelta;
pub use stats::failures::StatsFailures;
pub use stats::kinds::StatsKinds;
pub use stats::rto_algorithm::RtoAlgorithm;
pub use stats::scope::StatisticsScope;
pub use stats::statistics::Statistics;
pub use stats::table::{SocketStats, Stats};
pub use system::System;
pub use system::collection::StatsCollection;
pub use system::owner_counts::OwnerCounts;
pub use system::processes::{Batch, Processes};
pub use table::Table;
pub use table::buffer::Buffer;
pub use table::port_set::{PortSet, TooManyPorts};
pub use table::query::Query;
pub use table::source::Source;
pub use table::writer::Writer;

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
