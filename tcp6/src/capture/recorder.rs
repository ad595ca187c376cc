//! Writes capture files.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Instant;

use super::reader::Reader;
use super::{frame, stats_frame};
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::stats::table::Stats;
use crate::table::Table;

/// Writes tables to a capture file, which [`Replay::from_reader`](crate::Replay::from_reader)
/// reads.
///
/// A capture is a heading, followed by a record for each table: the class, the time, the rows, and a checksum. The
/// format is versioned and does not depend on the system or its byte order; the crate's `capture.rs` documents it.
/// Captures can be concatenated.
///
/// # Example: record and replay a table
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, Recorder, Replay, System, Table};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut recorder = Recorder::new(Vec::new())?; // or a file
/// recorder.record(system.table::<BasicRow>(&Query::all(), &mut buffer)?)?;
/// let capture = recorder.into_inner();
///
/// let mut replay = Replay::from_reader(&capture[..])?;
/// let mut replayed = Buffer::new();
/// let table = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut replayed)?;
/// assert_eq!(table.rows(), buffer.table::<BasicRow>()?.rows());
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// [`RecordingSource`](crate::RecordingSource) records every table that another source reads.
///
/// # Torn captures
///
/// Each table is written as one slice and then flushed. So if the disk is full or the program is killed, at most the
/// table that was being written is lost. If the machine crashes, the tables that the system had not yet written to disk
/// are lost too: call `sync_data` on the file to prevent that.
///
/// A replay skips an incomplete table and reports it after the complete ones. To append to the file, truncate it first.
///
/// # Example: append to a capture that may be torn
///
/// ```
/// use std::fs::File;
/// use tcp6::{Error, Malformed, Recorder};
///
/// fn open(path: &std::path::Path) -> Result<Recorder<File>, Box<dyn std::error::Error>> {
///     let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
///     if let Err(Error::Malformed(Malformed::Torn { offset, .. })) = Recorder::append(&file) {
///         file.set_len(offset)?;
///     }
///     Ok(Recorder::append(file)?)
/// }
/// # let path = std::env::temp_dir().join(format!("tcp6-torn-{}", std::process::id()));
/// # let mut torn = Recorder::new(Vec::new())?.into_inner();
/// # torn.extend([1, 2, 3]);
/// # std::fs::write(&path, &torn)?;
/// # drop(open(&path)?);
/// # assert_eq!(std::fs::metadata(&path)?.len(), 16);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recorder<W> {
    file: W,
    /// The encoded table, so that it is written as one slice.
    frame: Vec<u8>,
    /// Whether the file ends within a table.
    is_torn: bool,
    /// The moment from which the clocks of statistics are counted.
    started: Instant,
}

impl<W: Write> Recorder<W> {
    /// Begins a capture and writes its heading.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] if writing fails.
    pub fn new(mut file: W) -> Result<Recorder<W>> {
        file.write_all(&frame::heading()).and_then(|()| file.flush()).map_err(write_failed)?;
        Ok(Recorder { file, frame: Vec::new(), is_torn: false, started: Instant::now() })
    }

    /// Continues a capture after its last table. An empty file becomes a new capture.
    ///
    /// The whole file is read and checked; this takes as much memory as its largest table. Only the heading of a new
    /// capture is written.
    ///
    /// # Errors
    ///
    /// * [`Malformed::Torn`] if the file ends within a table or a heading. It contains the offset at which to truncate
    ///   the file.
    /// * [`Malformed::Capture`] if the file is not a capture or is damaged.
    /// * [`Error::Os`] if reading or writing fails.
    /// * [`Error::OutOfMemory`].
    pub fn append(mut file: W) -> Result<Recorder<W>>
    where
        W: Read + Seek,
    {
        let length = file.seek(SeekFrom::End(0)).map_err(read_failed)?;
        if length == 0 {
            return Recorder::new(file);
        }
        file.rewind().map_err(read_failed)?;
        let mut reader = Reader::new(io::BufReader::new(&mut file))?.ok_or(Malformed::Torn { offset: 0 })?;
        let mut record = Vec::new();
        while reader.next_record(&mut record)?.is_some() {
            record.clear();
        }
        file.seek(SeekFrom::End(0)).map_err(read_failed)?;
        Ok(Recorder { file, frame: Vec::new(), is_torn: false, started: Instant::now() })
    }

    /// Appends a table.
    ///
    /// # Errors
    ///
    /// * [`Error::Os`] if writing fails.
    /// * [`Error::Malformed`] if the table has more rows than a `u32` can count.
    /// * [`Error::OutOfMemory`].
    ///
    /// If the table was written in part, every later call fails, because a table after it could not be read. Truncate
    /// the file, then continue it with [`Recorder::append`]. If nothing was written, the next call may succeed. If only
    /// the flush failed, the table may be in the file.
    pub fn record<R: Row>(&mut self, table: Table<'_, R>) -> Result<()> {
        self.frame.clear();
        frame::append(&mut self.frame, table)?;
        self.write()
    }

    /// Appends a table and the statistics of its sockets, as one slice.
    ///
    /// A program that ignores statistics reads the table as any other.
    ///
    /// # Errors
    ///
    /// Those of [`record`](Recorder::record), and [`Error::Malformed`] if the statistics exceed 4 GiB.
    pub fn record_with_stats<R: Row>(&mut self, table: Table<'_, R>, stats: &Stats) -> Result<()> {
        self.frame.clear();
        frame::append(&mut self.frame, table)?;
        let read_at = stats.instant().unwrap_or_else(Instant::now);
        stats_frame::append(&mut self.frame, stats, read_at.saturating_duration_since(self.started))?;
        self.write()
    }

    /// Writes the encoded records.
    fn write(&mut self) -> Result<()> {
        if self.is_torn {
            let reason = "the last table was written in part; truncate the file and append";
            return Err(write_failed(io::Error::other(reason)));
        }
        let mut rest = &self.frame[..];
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(write_failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(write_failed(error)),
            }
        }
        self.file.flush().map_err(write_failed)
    }

    /// Returns the file.
    pub fn into_inner(self) -> W {
        self.file
    }
}

fn write_failed(error: io::Error) -> Error {
    Error::os("writing a capture", error)
}

fn read_failed(error: io::Error) -> Error {
    Error::os("reading a capture", error)
}
