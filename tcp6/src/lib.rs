//! The IPv6 TCP table of a machine: every listener and connection, its state, its two ends, its owner.
//!
//! On Windows it is the table of [GetTcp6Table] and its siblings, on Linux that of the kernel's sock_diag. Rows are
//! borrowed from one reusable [`Buffer`], in the layout of the Windows structs: on Windows they are the bytes that the system
//! wrote, on Linux each row is written from one of the kernel's messages. Rows are kept as [`Snapshot`]s; and snapshots are
//! compared.
//!
//! # The table
//!
//! ```
//! use tcp6::{BasicRow, Buffer, Query, Row, System};
//!
//! let mut system = System::new()?;
//! let mut buffer = Buffer::new(); // keep it: a refresh reuses its memory
//! let table = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
//! for row in table {
//!     println!("{} {} {:?}", row.state(), row.local(), row.remote());
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! A [`Table`] is a slice of rows. There are four classes of them. No class carries everything: the largest lacks the
//! offload state.
//!
//! | class | carries | size | Windows |
//! |---|---|--:|---|
//! | [`BasicRow`] | state, ends | 52 bytes | MIB_TCP6ROW |
//! | [`OwnerPidRow`] | and the owner | 56 | MIB_TCP6ROW_OWNER_PID |
//! | [`OffloadRow`] | and the offload state | 60 | MIB_TCP6ROW2 |
//! | [`OwnerModuleRow`] | owner, time of creation, identity, what names the module | 192 | MIB_TCP6ROW_OWNER_MODULE |
//!
//! [`Query`] says which rows: `Query::listeners()` leaves the listeners, `Query::all().port(8080)` the rows of one port. The
//! kernel selects these states if it can: through sock_diag on Linux, and on Windows for listeners of the
//! classes [`OwnerPidRow`] and [`OwnerModuleRow`].
//!
//! # The snapshot
//!
//! A table lives until the buffer is filled again. What is to be kept is taken into a snapshot, which is canonical: what
//! has no meaning is zero, and the same rows are always in the same order.
//!
//! ```
//! # use tcp6::{BasicRow, Buffer, Query, System};
//! # let (mut system, mut buffer) = (System::new()?, Buffer::new());
//! let before = system.table::<BasicRow>(&Query::all(), &mut buffer)?.to_snapshot()?;
//! println!("{}", before.counts()); // 12 LISTEN, 40 ESTABLISHED
//! for row in before.on_port(8080) {
//!     println!("{row:?}");
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! # The change
//!
//! ```
//! use tcp6::{BasicRow, Change, Row, System, Watcher};
//!
//! let mut watcher = Watcher::<BasicRow, _>::new(System::new()?);
//! watcher.poll()?; // the baseline
//! for change in watcher.poll()? {
//!     match change {
//!         Change::Added(row) => println!("+ {}", row.local()),
//!         Change::Removed(row) => println!("- {}", row.local()),
//!         Change::Changed { before, after } => println!("{} -> {}", before.state(), after.state()),
//!     }
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```
//!
//! A poll that fails is an error and nothing else: the last good table stays the baseline. Two snapshots are compared
//! with [`Snapshot::diff`].
//!
//! # The owner
//!
//! Every class but [`BasicRow`] says whose a socket is ([`Row::owner`]), and tell apart [nobody's](Owner::Nobody) from
//! [not known](Owner::Unresolved). [`Processes`] has the names.
//!
//! On Linux owners are found by reading what the descriptors of every process are, which takes more than twice as long as
//! the table. A [`System`] that is kept remembers them, and reads again only what may have changed: a refresh in which
//! nothing did takes, beside the table, one call for each process and 64 for descriptors. Where several processes hold a
//! socket, the row names the lowest pid, and `os::linux::SystemExt` all of them.
//!
//! What may be stale, and for how long: a process that closes one thing and opens another between two refreshes, or during
//! the first, so that it has as many descriptors as before, may be overlooked if the socket that it closed lives on in
//! another process, or if the one that it opened is known to be another's. A row may then name the wrong one of the two,
//! for as many refreshes as there are descriptors and processes divided by 64.
//!
//! [`System::owner_counts`] tells how many owners were found, how many processes refused to be looked into.
//!
//! # Other sources
//!
//! [`System`] is one [`Source`] among others. [`Replay`] plays recorded tables, which [`Recorder`] writes, and a test can
//! have a source of its own.
//!
//! # Threads
//!
//! Everything here is `Send` and `Sync`; what has a source of yours in it is if that is. What reads a table takes `&mut`:
//! a thread that polls has a [`System`] of its own, while a [`Table`] and a [`Snapshot`] are shared by reference. On Linux
//! a system shows the network namespace in which it was made, whichever thread uses it; where sock_diag is refused only
//! later, that of the thread whose refresh found out.
//!
//! # Platforms
//!
//! | | Windows | Linux | others |
//! |---|---|---|---|
//! | versions | 10 and later, as Rust's standard library since 1.78 | 3.3 and later | |
//! | the table | iphlpapi | sock_diag; `/proc/thread-self/net/tcp6` where that is refused | [`Error::NotSupported`] |
//! | scope ids | yes | yes; not from `/proc` | |
//! | owners | yes; none from Wine 8 | by `/proc`, then followed | |
//! | names of processes ([`Processes`]) | yes, and of services | yes | |
//! | identity of a socket | time of creation | cookie ([`os::linux`]) | |
//!
//! Everything but [`System`] and [`Processes`] works on every system: a capture taken on Windows is read on Linux.
//!
//! # Features
//!
//! * `serde` (off): serializes and deserializes snapshots, rows, states, sets and changes, and serializes tables. The module
//!   `serde` documents the formats.
//!
//! [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
#![deny(unsafe_code)]

mod capture;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod os;
mod process;
mod row;
#[cfg(feature = "serde")]
pub mod serde;
mod snapshot;
mod system;
mod table;
mod unix_time;

pub use capture::{Recorder, RecordingSource, Replay};
pub use error::{Error, Malformed, Result};
pub use process::{Module, Process};
pub use row::Row;
pub use row::class::*;
pub use row::offload_state::OffloadState;
pub use row::owner::Owner;
pub use row::state::{ParseStateError, State, StateSet};
pub use row::state_counts::StateCounts;
pub use snapshot::Snapshot;
pub use snapshot::change::{Change, ChangedFields};
pub use snapshot::diff::Diff;
pub use snapshot::watcher::{Changes, Watcher};
pub use system::System;
pub use system::owner_counts::OwnerCounts;
pub use system::processes::{Batch, Processes};
pub use table::Table;
pub use table::buffer::Buffer;
pub use table::query::Query;
pub use table::source::Source;
pub use table::writer::Writer;

/// The README's programs, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
