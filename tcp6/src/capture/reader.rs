//! Reads a capture file record by record, and detects where it is torn or damaged.

use std::io::{self, Read};

use super::frame::{self, HEADER, HEADING, Header};
use crate::error::{Error, Malformed, Result};

/// Reads a capture file record by record.
pub(super) struct Reader<F> {
    file: F,
    /// The number of bytes read.
    offset: u64,
}

impl<F: Read> Reader<F> {
    /// Reads the heading.
    ///
    /// `None` if the file is empty or ends within the heading, so that it contains no table.
    pub(super) fn new(file: F) -> Result<Option<Reader<F>>> {
        let mut reader = Reader { file, offset: 0 };
        let mut bytes = Vec::new();
        reader.read(HEADING, &mut bytes)?;
        match bytes.first_chunk() {
            Some(heading) => frame::check_heading(heading, 0)?,
            None if frame::begins_heading(&bytes) => return Ok(None),
            None => return Err(Malformed::Capture { offset: 0, what: "not a tcp6 capture" }.into()),
        }
        Ok(Some(reader))
    }

    /// Appends the next record to `bytes` and returns its header, or `None` at the end of the file.
    ///
    /// On an error, `bytes` is unchanged. Memory is allocated as bytes are read, not for the number of rows that a
    /// header claims.
    pub(super) fn next_record(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        let begin = bytes.len();
        let read = self.try_next(bytes);
        if !matches!(read, Ok(Some(_))) {
            bytes.truncate(begin);
        }
        read
    }

    fn try_next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Header>> {
        let begin = bytes.len();
        loop {
            let offset = self.offset;
            // A heading is shorter than the header of a record.
            if self.read(HEADING, bytes)? == 0 {
                return Ok(None);
            }
            let torn = Error::from(Malformed::Torn { offset });
            match bytes[begin..].first_chunk() {
                None => return Err(torn),
                Some(heading) if frame::begins_heading(heading) => frame::check_heading(heading, offset)?,
                Some(_) => {
                    self.read(HEADER - HEADING, bytes)?;
                    let header = Header::parse(bytes[begin..].first_chunk().ok_or(torn)?, offset)?;
                    if self.read(header.payload_len(), bytes)? < header.payload_len() {
                        return Err(Malformed::Torn { offset }.into());
                    }
                    if !frame::is_intact(&bytes[begin..]) {
                        return Err(Malformed::Capture { offset, what: "wrong checksum" }.into());
                    }
                    return Ok(Some(header));
                }
            }
            bytes.truncate(begin);
        }
    }

    /// Appends the next `length` bytes of the file, or fewer at its end.
    ///
    /// Returns the number of bytes appended.
    fn read(&mut self, length: usize, into: &mut Vec<u8>) -> Result<usize> {
        let before = into.len();
        let read = self.file.by_ref().take(length as u64).read_to_end(into);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => Error::OutOfMemory { bytes: length },
            _ => Error::os("reading a capture", error),
        })?;
        let read = into.len() - before;
        self.offset += read as u64;
        Ok(read)
    }
}
