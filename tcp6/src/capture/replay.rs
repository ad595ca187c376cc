//! A source that replays what was recorded.

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

/// A source that replays recorded tables, one a fill, and then ends.
///
/// The tables may come from snapshots, bytes or a capture file, in any class: a fill for a class with fewer fields drops the
/// others. Failures can be replayed as well.
///
/// ```
/// use tcp6::{BasicRow, Change, Error, Replay, Row, Snapshot, State, Watcher};
///
/// let listener = |port| BasicRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None);
/// let history = Replay::new()
///     .then(&Snapshot::from_iter([listener(80)]))?
///     .then_error(Error::NotSupported)
///     .then(&Snapshot::from_iter([listener(80), listener(443)]))?;
///
/// let mut watcher = Watcher::<BasicRow, _>::new(history);
/// assert_eq!(watcher.poll()?.count(), 0); // the baseline
/// assert!(watcher.poll().is_err());
/// assert!(watcher.poll()?.eq([Change::Added(&listener(443))]));
/// assert!(matches!(watcher.poll(), Err(Error::EndOfReplay)));
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// It takes as much memory as the tables take in a file, because they stay encoded until they are replayed.
#[derive(Debug, Default)]
pub struct Replay {
    /// Tables as a capture has them, one after another.
    bytes: Vec<u8>,
    /// Where the next table begins.
    next: usize,
    /// Failures, each with the offset of the table before which it is replayed.
    failures: VecDeque<(usize, Error)>,
    /// The number of tables that are left.
    tables: usize,
}

impl Replay {
    /// A replay of nothing: it has ended.
    #[must_use]
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Reads a capture, as a [`Recorder`](crate::Recorder) writes it, or several that were concatenated.
    ///
    /// If the capture is torn or damaged, the tables before that place are replayed, and then the error:
    /// [`Malformed::Torn`] if the file ends within a table, as after a full disk, and [`Malformed::Capture`] if it is
    /// damaged. [`damage`](Replay::damage) returns it at once. Nothing is read beyond damage.
    ///
    /// # Errors
    ///
    /// [`Malformed::Capture`] if it is not a capture; [`Error::Os`] if it cannot be read; [`Error::OutOfMemory`].
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

    /// Where and why the capture ends early, if it does and this was not replayed yet.
    #[must_use]
    pub fn damage(&self) -> Option<Malformed> {
        self.failures.iter().find_map(|(_, failure)| match failure {
            Error::Malformed(damage @ (Malformed::Capture { .. } | Malformed::Torn { .. })) => Some(*damage),
            _ => None,
        })
    }

    /// Adds a snapshot. One that no table was taken into is replayed as taken now.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::Malformed`] if it has more rows than a table can count.
    pub fn then<R: Row>(mut self, snapshot: &Snapshot<R>) -> Result<Replay> {
        let taken_at = snapshot.taken_at().unwrap_or_else(SystemTime::now);
        self.add(Table::new(snapshot.rows(), taken_at))?;
        Ok(self)
    }

    /// Adds a table of this class that is bytes, wherever in memory they begin.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if they are not a table, [`Error::OutOfMemory`].
    pub fn then_bytes(mut self, class: Class, bytes: &[u8], taken_at: SystemTime) -> Result<Replay> {
        let mut aligned = Buffer::new();
        aligned.write_bytes(class, bytes)?;
        aligned.set_taken_at(taken_at);
        by_class!(class, R => self.add(aligned.table::<R>()?))?;
        Ok(self)
    }

    /// Adds a failure.
    #[must_use]
    pub fn then_error(mut self, error: Error) -> Replay {
        self.failures.push_back((self.bytes.len(), error));
        self
    }

    /// The number of fills that are left: tables and failures.
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
    /// [`Error::EndOfReplay`] after the last one; [`Error::WrongClass`] if the next one has fewer fields than the class
    /// that is wanted, and it stays the next one; the failures that were added.
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        if self.failures.front().is_some_and(|(before, _)| *before == self.next) {
            return self.failures.pop_front().map_or(Ok(()), |(_, failure)| Err(failure));
        }
        let Some((header, rows)) = self.bytes[self.next..].split_first_chunk::<TABLE>() else {
            return Err(Error::EndOfReplay);
        };
        let header = Header::parse(header, 0)?;
        frame::play(&header, &rows[..header.rows_len()], class, buffer)?;
        self.next += TABLE + header.rows_len();
        self.tables -= 1;
        Ok(())
    }
}
