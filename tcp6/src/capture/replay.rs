//! Replays recorded tables.

use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::time::{Duration, Instant, SystemTime};

use super::frame::{self, ExtensionHeader, HEADER, Header, STATISTICS, TableHeader};
use super::reader::Reader;
use super::stats_frame;
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::snapshot::Snapshot;
use crate::stats::table::Stats;
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

/// A source that replays recorded tables, one per fill, and then ends.
///
/// The tables come from snapshots, bytes or a capture file, and can be of any class. A fill for a class with fewer
/// fields drops the other fields. Errors can be replayed too.
///
/// Tables stay encoded until they are replayed, so that a replay takes as much memory as the tables take in a file.
///
/// # Example: a test that replays tables and an error
///
/// ```
/// use tcp6::{BasicRow, Change, Error, Replay, Snapshot, State, Watcher};
///
/// let listener = |port| BasicRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None);
/// let replay = Replay::new()
///     .then(&Snapshot::from_iter([listener(80)]))?
///     .then_error(Error::NotSupported)
///     .then(&Snapshot::from_iter([listener(80), listener(443)]))?;
///
/// let mut watcher = Watcher::<BasicRow, _>::new(replay);
/// assert_eq!(watcher.poll()?.count(), 0); // the baseline
/// assert!(watcher.poll().is_err());
/// assert!(watcher.poll()?.eq([Change::Added(&listener(443))]));
/// assert!(matches!(watcher.poll(), Err(Error::EndOfReplay)));
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # Example: a test that replays a capture
///
/// ```
/// use tcp6::{BasicRow, Buffer, Error, Query, Recorder, Replay, State, Table};
///
/// // `capture` contains the bytes of a capture. A file works too: `Replay::from_reader(File::open(path)?)`.
/// # let mut buffer = Buffer::new();
/// # buffer.write_rows(tcp6::Class::Basic, [&BasicRow::new(State::Listen, "[::1]:80".parse().unwrap(), None)])?;
/// # let mut recorder = Recorder::new(Vec::new())?;
/// # recorder.record(buffer.table::<BasicRow>()?)?;
/// # let capture = recorder.into_inner();
/// let mut replay = Replay::from_reader(&capture[..])?;
/// assert_eq!(replay.damage(), None);
///
/// let mut buffer = Buffer::new();
/// while replay.remaining() > 0 {
///     let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut buffer)?;
///     assert!(table.iter().any(|row| row.state() == State::Listen && row.local().port() == 80));
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Replay {
    /// The tables and their statistics, encoded as in a capture.
    bytes: Vec<u8>,
    /// The offset of the next table.
    next: usize,
    /// Errors, each with the offset of the table before which it is replayed.
    failures: VecDeque<(usize, Error)>,
    /// The number of remaining tables.
    tables: usize,
    /// The moment from which the clocks of statistics are counted, once there are any.
    started: Option<Instant>,
}

impl Replay {
    /// An empty replay.
    #[must_use]
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Reads a capture that a [`Recorder`](crate::Recorder) wrote, or several concatenated
    /// captures.
    ///
    /// If the capture is torn or damaged, the replay ends with an error after the tables before that place:
    /// [`Malformed::Torn`] if the file ends within a table or a heading, for example because the disk was full, or
    /// [`Malformed::Capture`] if it is damaged. Nothing after the damage is read. [`damage`](Replay::damage) returns
    /// this error before it is replayed. An empty file is torn at offset 0.
    ///
    /// The reader needs no buffer: it is read in large pieces.
    ///
    /// # Errors
    ///
    /// * [`Malformed::Capture`] if the file is not a capture.
    /// * [`Error::Os`] if reading fails.
    /// * [`Error::OutOfMemory`].
    pub fn from_reader(capture: impl Read) -> Result<Replay> {
        let mut replay = Replay::new();
        let Some(mut reader) = Reader::new(BufReader::new(capture))? else {
            return Ok(replay.then_error(Malformed::Torn { offset: 0 }.into()));
        };
        loop {
            match reader.next_record(&mut replay.bytes) {
                Ok(Some(Header::Table(_))) => replay.tables += 1,
                Ok(Some(Header::Extension(_))) => {}
                Ok(None) => break,
                Err(error @ Error::Malformed(_)) => {
                    replay = replay.then_error(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        replay.bytes.shrink_to_fit();
        Ok(replay)
    }

    /// The damage at which the capture ends, or `None` if it is intact or if that error has been
    /// replayed.
    #[must_use]
    pub fn damage(&self) -> Option<Malformed> {
        self.failures.iter().find_map(|(_, failure)| match failure {
            Error::Malformed(damage @ (Malformed::Capture { .. } | Malformed::Torn { .. })) => Some(*damage),
            _ => None,
        })
    }

    /// Adds a snapshot. A snapshot without a time gets the current time.
    ///
    /// # Errors
    ///
    /// * [`Error::Malformed`] if the snapshot has more rows than a `u32` can count.
    /// * [`Error::OutOfMemory`].
    pub fn then<R: Row>(mut self, snapshot: &Snapshot<R>) -> Result<Replay> {
        let taken_at = snapshot.taken_at().unwrap_or_else(SystemTime::now);
        self.add(Table::new(snapshot.rows(), taken_at))?;
        Ok(self)
    }

    /// Adds a snapshot and the statistics of its sockets, read `clock` after the first table.
    ///
    /// # Errors
    ///
    /// Those of [`then`](Replay::then).
    pub fn then_with_stats<R: Row>(self, snapshot: &Snapshot<R>, stats: &Stats, clock: Duration) -> Result<Replay> {
        let mut replay = self.then(snapshot)?;
        stats_frame::append(&mut replay.bytes, stats, clock)?;
        Ok(replay)
    }

    /// Adds a table of this class from bytes of any alignment.
    ///
    /// [`Table::from_bytes`] documents their format.
    ///
    /// # Errors
    ///
    /// * [`Error::Malformed`] if the bytes are not a table.
    /// * [`Error::OutOfMemory`].
    pub fn then_bytes(mut self, class: Class, bytes: &[u8], taken_at: SystemTime) -> Result<Replay> {
        let mut aligned = Buffer::new();
        aligned.write_bytes(class, bytes)?;
        aligned.set_taken_at(taken_at);
        by_class!(class, R => self.add(aligned.table::<R>()?))?;
        Ok(self)
    }

    /// Adds an error.
    #[must_use]
    pub fn then_error(mut self, error: Error) -> Replay {
        self.failures.push_back((self.bytes.len(), error));
        self
    }

    /// The number of remaining fills: tables and errors, the damage of a capture included.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.tables + self.failures.len()
    }

    fn add<R: Row>(&mut self, table: Table<'_, R>) -> Result<()> {
        frame::append(&mut self.bytes, table)?;
        self.tables += 1;
        Ok(())
    }

    /// Replays the next table or error, and returns the header of the table.
    fn replay(&mut self, class: Class, buffer: &mut Buffer) -> Result<TableHeader> {
        if self.failures.front().is_some_and(|(before, _)| *before == self.next) {
            if let Some((_, failure)) = self.failures.pop_front() {
                return Err(failure);
            }
        }
        loop {
            let Some((header, payload)) = self.record()? else { return Err(Error::EndOfReplay) };
            let end = self.next + HEADER + payload.len();
            if let Header::Table(table) = header {
                frame::decode(&table, payload, class, buffer)?;
                self.next = end;
                self.tables -= 1;
                return Ok(table);
            }
            self.next = end;
        }
    }

    /// The next record; `None` after the last one.
    fn record(&self) -> Result<Option<(Header, &[u8])>> {
        let Some((header, rest)) = self.bytes[self.next..].split_first_chunk::<HEADER>() else { return Ok(None) };
        let header = Header::parse(header, 0)?;
        Ok(Some((header, &rest[..header.payload_len()])))
    }

    /// Passes over the extensions of the table that was replayed, and passes each of them to
    /// `read`.
    fn extensions(&mut self, mut read: impl FnMut(&ExtensionHeader, &[u8], Instant) -> Result<()>) -> Result<()> {
        while let Some((Header::Extension(header), payload)) = self.record()? {
            let end = self.next + HEADER + payload.len();
            // Before the first statistics, any moment will do.
            let started =
                self.started.or_else(|| Instant::now().checked_sub(header.clock)).unwrap_or_else(Instant::now);
            read(&header, payload, started)?;
            self.started = Some(started);
            self.next = end;
        }
        Ok(())
    }
}

impl Source for Replay {
    /// Replays the next table. Its statistics, if there are any, are skipped.
    ///
    /// # Errors
    ///
    /// * [`Error::EndOfReplay`] after the last table.
    /// * [`Error::WrongClass`] if the next table has fewer fields than `class`. It remains the next table.
    /// * The errors that were added to the replay.
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        self.replay(class, buffer)?;
        self.extensions(|_, _, _| Ok(()))
    }

    /// Replays the next table and its statistics.
    ///
    /// `stats` is empty if the table was recorded without.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Replay::fill).
    fn fill_with_stats(&mut self, class: Class, _: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        stats.clear();
        let table = self.replay(class, buffer)?;
        self.extensions(|header, payload, started| match header.kind {
            STATISTICS => stats_frame::decode(header, payload, table.taken_at(), started, stats),
            _ => Ok(()),
        })
    }
}
