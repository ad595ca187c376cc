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
//! Of an event whose cookie neither table lists:
//!
//! * If its socket was closed in an earlier table, that was reported: [`departed`] remembers the cookies.
//! * If the remote port is 0, it reports no connection.
//! * If a minisock with its ends is new in the last table, or in the new one, this is the rest of the connection, with
//!   a cookie of its own. The last event with these ends belongs to it. If another event then arrives that has the
//!   cookie of the minisock, each is reported in place of the other.
//! * If a request with its ends has gone since the last table, and no new socket replaces it, this is its connection,
//!   with a cookie of its own: see [`successions`].
//! * If a closing socket with its ends has gone too, the minisock is the rest of that socket unless the event came after
//!   that of the socket and before the dump.
//! * If it came before the dump, it is a brief connection.
//! * If it came later, its minisock may be in the next table: kept for the next poll.
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

pub(in crate::system::linux) use self::event::{Event, read};
pub(in crate::system::linux) use self::listed::Listed;
pub(in crate::system::linux) use self::merger::{Merger, Poll};
