//! Writes captures.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::frame;
use super::reader::Reader;
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::table::Table;

/// Writes tables into a capture file, which [`Replay::from_reader`](crate::Replay::from_reader) reads.
///
/// ```
/// use tcp6::{BasicRow, Query, Recorder, Replay, Row, System, Table};
///
/// let mut buffer = tcp6::Buffer::new();
/// let mut recorder = Recorder::new(Vec::new())?; // or a file
/// recorder.record(System::new()?.table::<BasicRow>(&Query::all(), &mut buffer)?)?;
/// let capture = recorder.into_inner();
///
/// let mut replay = Replay::from_reader(&capture[..])?;
/// let mut other = tcp6::Buffer::new();
/// let again = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut other)?;
/// assert_eq!(again.rows(), buffer.table::<BasicRow>()?.rows());
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// A heading is followed by a record for each table: its class, its time, its rows as the system wrote them, and a
/// checksum. The format is versioned and does not depend on the system or its byte order; the crate's `capture.rs`
/// documents it. Captures can be concatenated.
///
/// # A full disk, a killed program
///
/// Each table is written with as few calls as the file allows and then flushed, so whatever ends the program loses at most
/// the table that was being written. (A failure of the machine loses what its system had not written to the disk yet; call
/// `sync_data` on the file if that matters.) Such a torn last table is left out when the file is replayed, and reported
/// after the complete ones. Cut it off to continue the file:
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
    /// The bytes of a table, so that they are written at once.
    frame: Vec<u8>,
    /// Whether the file ends with a part of a table.
    is_torn: bool,
}

impl<W: Write> Recorder<W> {
    /// Begins a capture: writes the heading.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] if it cannot be written.
    pub fn new(mut file: W) -> Result<Recorder<W>> {
        file.write_all(&frame::heading()).and_then(|()| file.flush()).map_err(write_failed)?;
        Ok(Recorder { file, frame: Vec::new(), is_torn: false })
    }

    /// Continues a capture behind its last table. An empty file becomes a new capture.
    ///
    /// The whole file is read and checked, with the memory of its largest table. Nothing is written yet, except the
    /// heading of a new capture.
    ///
    /// # Errors
    ///
    /// [`Malformed::Torn`] if the file ends within a table, with the offset at which to cut it off;
    /// [`Malformed::Capture`] if it is not a capture, or is damaged; [`Error::Os`]; [`Error::OutOfMemory`].
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
        let mut table = Vec::new();
        while reader.next_table(&mut table)? {
            table.clear();
        }
        file.seek(SeekFrom::End(0)).map_err(read_failed)?;
        Ok(Recorder { file, frame: Vec::new(), is_torn: false })
    }

    /// Adds a table.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] if it cannot be written, [`Error::Malformed`] if it has more rows than a `u32` can count,
    /// [`Error::OutOfMemory`].
    ///
    /// If a part of the table was written, a table after it could not be found: every later call fails, and
    /// [`Recorder::append`] continues the file once the part is cut off. If nothing of it was written, the next call may
    /// succeed. If only flushing failed, the table may be in the file.
    pub fn record<R: Row>(&mut self, table: Table<'_, R>) -> Result<()> {
        if self.is_torn {
            let reason = "the last table was written in part; cut it off and append";
            return Err(write_failed(io::Error::other(reason)));
        }
        self.frame.clear();
        frame::append(&mut self.frame, table)?;
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

    /// The file.
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
