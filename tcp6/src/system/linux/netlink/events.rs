//! Destroy events: the messages, and how they are merged with tables.
//!
//! The kernel sends an event when the last reference to a socket goes, 10 to 20 us later. A connection that this side
//! closes first remains in the table as a minisock (`inet_timewait_sock`: TIME-WAIT, or FIN-WAIT-2 without a process). It
//! has the cookie of its socket if the socket had one by then, and otherwise gets one of its own when it is listed.
//!
//! A poll receives the events before and after its dump. Each is looked up by cookie in the table of the last poll that
//! the watcher accepted, and in the new one:
//!
//! | last table | new table | result |
//! |---|---|---|
//! | any | socket | the event came after the row was read: kept for the next poll |
//! | listed | minisock or missing | closed: final statistics |
//! | missing | minisock | opened and closed in between: final statistics of the added row |
//! | missing | missing | see below |
//!
//! An event whose cookie neither table lists is decided by the first of these cases:
//!
//! 1. If its socket was closed in an earlier table, that was reported: [`departed`] remembers the cookies.
//! 2. If the remote port is 0, it reports no connection.
//! 3. If an earlier minisock or request with its ends has had no event, this is its event: see [`orphans`].
//! 4. If a request with its ends has gone since the last table, and no new socket replaces it, it closes its connection,
//!    which had another cookie: see [`successions`].
//! 5. If a minisock with its ends is new, this is the rest of the connection, with a cookie of its own. Of several events
//!    before the dump, the last one belongs to it. If a closing socket with these ends has gone, the minisock is the rest
//!    of that socket unless an event came after that of the socket and before the dump.
//! 6. If it came before the dump, it is a brief connection.
//! 7. If it came later, its minisock may be in the next table: kept for the next poll.
//!
//! If an event was taken for that of a minisock or request, and another one then arrives that has its cookie, each is
//! reported in place of the other.
//!
//! A poll that fails after the merge changes nothing: [`Merger::commit`] takes effect when the watcher has accepted the
//! table.

mod departed;
mod event;
mod fates;
mod listed;
mod merger;
mod orphans;
mod successions;
mod tables;

#[cfg_attr(not(target_os = "linux"), allow(unused_imports))]
pub(in crate::system::linux) use self::event::{Event, read};
#[cfg_attr(not(target_os = "linux"), allow(unused_imports))]
pub(in crate::system::linux) use self::listed::Listed;
#[cfg_attr(not(target_os = "linux"), allow(unused_imports))]
pub(in crate::system::linux) use self::merger::{Merger, Poll};
