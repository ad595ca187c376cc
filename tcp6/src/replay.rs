//! A source that plays what was recorded.

use std::collections::VecDeque;
use std::io::Read;
use std::time::SystemTime;

use crate::class::by_class;
use crate::error::{Error, Result};
use crate::{Buffer, Class, Query, Row, Snapshot, Source, Table, capture};

/// A source that plays recorded tables, one a fill, and then ends.
///
/// The tables may be raw bytes, snapshots or a capture file, of any class: a fill for a poorer class leaves out what that
/// does not carry. Failures can be played as well.
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
/// assert!(matches!(watcher.poll(), Err(Error::Ended)));
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Replay {
    frames: VecDeque<Result<Frame>>,
}

/// A recorded table.
#[derive(Debug)]
struct Frame {
    table: Buffer,
    taken_at: SystemTime,
}

impl Replay {
    /// A history of nothing: it has ended.
    #[must_use]
    pub fn new() -> Replay {
        Replay::default()
    }

    /// Reads a capture, as a [`Recorder`](crate::Recorder) writes it, to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none or has been damaged, with the place; [`Error::Os`] if it cannot be read;
    /// [`Error::OutOfMemory`].
    pub fn load(mut capture: impl Read) -> Result<Replay> {
        let mut reader = capture::Reader::new(&mut capture)?;
        let mut replay = Replay::new();
        while let Some((table, taken_at)) = reader.next_table()? {
            replay.frames.push_back(Ok(Frame { table, taken_at }));
        }
        Ok(replay)
    }

    /// The same, and then this snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::Malformed`] if it has more rows than a table can count.
    pub fn then<R: Row>(mut self, snapshot: &Snapshot<R>) -> Result<Replay> {
        let mut table = Buffer::new();
        table.write_rows(R::CLASS, snapshot)?;
        self.frames.push_back(Ok(Frame { table, taken_at: snapshot.taken_at() }));
        Ok(self)
    }

    /// The same, and then a table that is bytes, of this class.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none, [`Error::OutOfMemory`].
    pub fn then_bytes(mut self, class: Class, bytes: &[u8], taken_at: SystemTime) -> Result<Replay> {
        let mut table = Buffer::new();
        table.write_bytes(class, bytes)?;
        self.frames.push_back(Ok(Frame { table, taken_at }));
        Ok(self)
    }

    /// The same, and then a failure.
    #[must_use]
    pub fn then_error(mut self, error: Error) -> Replay {
        self.frames.push_back(Err(error));
        self
    }

    /// The fills that are left to be played.
    #[must_use]
    pub fn left(&self) -> usize {
        self.frames.len()
    }
}

impl Source for Replay {
    /// Plays the next table.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when all have been played; [`Error::WrongClass`] if the next one is poorer than what is asked
    /// for, and it stays the next one; the failures that were recorded.
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        let frame = match self.frames.front() {
            None => return Err(Error::Ended),
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return self.frames.pop_front().map_or(Err(Error::Ended), |failure| failure.map(|_| ())),
        };
        let held = frame.table.class().ok_or(Error::WrongClass { wanted: class, held: None })?;
        by_class!(held, R => copy::<R>(frame, class, buffer))?;
        self.frames.pop_front();
        Ok(())
    }
}

fn copy<R: Row>(frame: &Frame, class: Class, buffer: &mut Buffer) -> Result<()> {
    let table: Table<'_, R> = frame.table.table()?;
    buffer.write_rows(class, table)?;
    buffer.set_taken_at(frame.taken_at);
    Ok(())
}
