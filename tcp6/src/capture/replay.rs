//! Replays recorded tables.

use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::time::SystemTime;

use super::frame::{self, Header, TABLE};
use super::reader::Reader;
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::snapshot::Snapshot;
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
    /// The tables, encoded as in a capture.
    bytes: Vec<u8>,
    /// The offset of the next table.
    next: usize,
    /// Errors, each with the offset of the table before which it is replayed.
    failures: VecDeque<(usize, Error)>,
    /// The number of remaining tables.
    tables: usize,
}

impl Replay {
    /// An empty replay.
    #[must_use]
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Reads a capture that a [`Recorder`](crate::Recorder) wrote, or several concatenated captures.
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
            match reader.next_table(&mut replay.bytes) {
                Ok(true) => replay.tables += 1,
                Ok(false) => break,
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

    /// The damage at which the capture ends, or `None` if it is intact or if that error has been replayed.
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
}

impl Source for Replay {
    /// Replays the next table.
    ///
    /// # Errors
    ///
    /// * [`Error::EndOfReplay`] after the last table.
    /// * [`Error::WrongClass`] if the next table has fewer fields than `class`. It remains the next table.
    /// * The errors that were added to the replay.
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        if self.failures.front().is_some_and(|(before, _)| *before == self.next) {
            return self.failures.pop_front().map_or(Ok(()), |(_, failure)| Err(failure));
        }
        let Some((header, rows)) = self.bytes[self.next..].split_first_chunk::<TABLE>() else {
            return Err(Error::EndOfReplay);
        };
        let header = Header::parse(header, 0)?;
        frame::decode(&header, &rows[..header.rows_len()], class, buffer)?;
        self.next += TABLE + header.rows_len();
        self.tables -= 1;
        Ok(())
    }
}
