//! The reusable storage of a table.

use core::fmt;
use std::time::SystemTime;

use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::order::Sorter;
use crate::row::pod::{self, Word};
use crate::table::layout;

/// The reusable storage of a table.
///
/// Keep one buffer for all refreshes. When a table does not fit, the buffer grows by at least a quarter, so that most
/// refreshes allocate nothing. A failed refresh frees what it added; only [`reset`](Buffer::reset) frees the rest. A table
/// that must be sorted needs a second storage of the same size, which the buffer keeps as well. Its content is a table as Windows writes it: the count
/// of rows, then the rows of one [`Class`]. The storage is aligned to 8 bytes.
///
/// # Example: reuse
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// for _ in 0..3 {
///     let table = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
///     println!("{}", table.counts());
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # Rows borrow the buffer
///
/// The borrow checker prevents a refill while rows are borrowed. To keep rows, copy them with
/// [`Table::to_snapshot`](crate::Table::to_snapshot).
///
/// ```compile_fail,E0499
/// use tcp6::{BasicRow, Buffer, Query, System};
///
/// let mut system = System::new()?;
/// let mut buffer = Buffer::new();
/// let before = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
/// let after = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
/// assert!(before.len() <= after.len()); // `before` borrows bytes that are overwritten
/// # Ok::<(), tcp6::Error>(())
/// ```
pub struct Buffer {
    /// The whole storage, initialized.
    pub(super) words: Vec<Word>,
    held: Option<Held>,
    pub(super) sorter: Sorter,
    /// The storage into which rows are sorted.
    pub(super) spare: Vec<Word>,
}

/// The table in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) class: Class,
    /// The size of the count and the rows, which is within the storage.
    pub(super) bytes: usize,
    pub(super) taken_at: SystemTime,
}

const WORD: usize = size_of::<Word>();

impl Buffer {
    /// An empty buffer. It does not allocate until it is filled.
    #[must_use]
    pub const fn new() -> Buffer {
        Buffer { words: Vec::new(), held: None, sorter: Sorter::new(), spare: Vec::new() }
    }

    /// A buffer with the capacity for a table of `rows` rows of this class.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if the allocation fails.
    pub fn with_capacity_for(class: Class, rows: usize) -> Result<Buffer> {
        let mut buffer = Buffer::new();
        let bytes = class.table_size(rows).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        buffer.grow_to(bytes)?;
        Ok(buffer)
    }

    /// The number of bytes that the buffer can hold without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.words.len() * WORD
    }

    /// The class of the table in the buffer.
    ///
    /// `None` if there is no table: the buffer was never filled or was cleared, or the last attempt to fill it failed.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.held.map(|held| held.class)
    }

    /// The time at which the table was read, or `None` if there is no table.
    #[must_use]
    pub fn taken_at(&self) -> Option<SystemTime> {
        self.held.map(|held| held.taken_at)
    }

    /// The bytes of the table; empty if there is no table.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.held.map_or(&[], |held| &pod::bytes_of(&self.words)[..held.bytes])
    }

    /// Drops the table and keeps the storage.
    pub fn clear(&mut self) {
        self.held = None;
    }

    /// Drops the table and frees the storage.
    pub fn reset(&mut self) {
        *self = Buffer::new();
    }

    /// Copies a table of this class from bytes of any alignment, as a Windows function wrote them.
    ///
    /// The time of the table is now; [`set_taken_at`](Buffer::set_taken_at) changes it. Bytes after the last row are
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the bytes are too few for the count or for the rows, and [`Error::OutOfMemory`]. The
    /// buffer then holds no table.
    pub fn write_bytes(&mut self, class: Class, table: &[u8]) -> Result<()> {
        self.clear();
        layout::count(table, class)?;
        self.reserve(table.len())?;
        pod::bytes_of_mut(&mut self.words)[..table.len()].copy_from_slice(table);
        self.hold(class, table.len())
    }

    /// Sets the time of the table, for sources of tables that were read earlier.
    ///
    /// Does nothing if there is no table. Writing a table sets its time to now, so call this after
    /// [`Writer::finish`](crate::Writer::finish), [`write_rows`](Buffer::write_rows) or
    /// [`write_bytes`](Buffer::write_bytes).
    pub fn set_taken_at(&mut self, taken_at: SystemTime) {
        if let Some(held) = &mut self.held {
            held.taken_at = taken_at;
        }
    }

    /// The rows of the table, for writing.
    #[cfg(target_os = "linux")]
    pub(crate) fn rows_mut<R: Row>(&mut self) -> Result<&mut [R]> {
        let end = self.held_as::<R>()?.bytes;
        Ok(layout::rows_mut(&mut pod::bytes_of_mut(&mut self.words)[..end])?)
    }

    /// The table in the buffer, if it is of the class of `R`.
    pub(super) fn held_as<R: Row>(&self) -> Result<Held> {
        match self.held {
            Some(held) if held.class == R::CLASS => Ok(held),
            held => Err(Error::WrongClass { wanted: R::CLASS, held: held.map(|held| held.class) }),
        }
    }

    /// Writes the count of a table whose rows are already in the storage, and holds the table.
    pub(super) fn set_count<R: Row>(&mut self, rows: usize, taken_at: SystemTime) -> Result<()> {
        let count = u32::try_from(rows).map_err(|_| Malformed::TooManyRows { rows })?;
        let bytes = R::CLASS.table_size(rows).ok_or(Malformed::TooManyRows { rows })?;
        pod::bytes_of_mut(&mut self.words)[..size_of::<u32>()].copy_from_slice(&count.to_ne_bytes());
        self.held = Some(Held { class: R::CLASS, bytes, taken_at });
        Ok(())
    }

    /// The storage, for a system call that writes a table. Drops the table in the buffer.
    pub(crate) fn words_mut(&mut self) -> &mut [Word] {
        self.clear();
        &mut self.words
    }

    /// Holds the table that a system call has written into the first `bytes` bytes.
    pub(crate) fn hold(&mut self, class: Class, bytes: usize) -> Result<()> {
        let table = pod::bytes_of(&self.words).get(..bytes).ok_or(Malformed::TooShort { bytes: self.capacity() })?;
        let bytes = class.table_size(layout::count(table, class)?).unwrap_or(bytes);
        self.held = Some(Held { class, bytes, taken_at: SystemTime::now() });
        Ok(())
    }

    /// Grows the storage to `bytes`, rounded up to a word, if it is smaller.
    ///
    /// Its content is preserved.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let words = bytes.div_ceil(WORD);
        if try_grow(&mut self.words, words) { Ok(()) } else { Err(Error::OutOfMemory { bytes }) }
    }

    /// Frees the storage beyond `bytes`, rounded up to a word. The buffer then holds no table.
    #[cfg_attr(not(windows), allow(dead_code))]
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.clear();
        self.words.truncate(bytes.div_ceil(WORD));
        self.words.shrink_to_fit();
    }

    /// Grows the storage to at least `bytes`, and by at least a quarter.
    ///
    /// So a table that grows a little with every refresh does not reallocate with every refresh. An empty buffer grows
    /// to exactly `bytes`.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<()> {
        let capacity = self.capacity();
        if bytes <= capacity { Ok(()) } else { self.grow_to(bytes.max(capacity + capacity / 4)) }
    }
}

/// Grows the storage to at least `words` words. Returns false if the allocation fails.
pub(super) fn try_grow(storage: &mut Vec<Word>, words: usize) -> bool {
    let more = words.saturating_sub(storage.len());
    let reserved = storage.try_reserve_exact(more).is_ok();
    if reserved && more > 0 {
        storage.resize(words, Word::default());
    }
    reserved
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::new()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("class", &self.class())
            .field("bytes", &self.as_bytes().len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::{BasicRow, OwnerModuleRow, OwnerPidRow};
    use crate::row::state::State;

    fn listener(port: u16) -> OwnerModuleRow {
        OwnerModuleRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None)
    }

    fn ports<R: Row>(buffer: &Buffer) -> Vec<u16> {
        buffer.table::<R>().unwrap().iter().map(|row| row.local().port()).collect()
    }

    #[test]
    fn write_rows_converts_to_smaller_classes_only() {
        let rows = [listener(1), listener(2)];
        let mut buffer = Buffer::new();
        buffer.write_rows(Class::Basic, &rows).unwrap();
        assert_eq!(ports::<BasicRow>(&buffer), [1, 2]);
        buffer.write_rows(Class::OwnerModule, &rows).unwrap();
        assert_eq!(ports::<OwnerModuleRow>(&buffer), [1, 2]);

        let smaller = rows.map(|row| row.to_class::<OwnerPidRow>());
        assert!(matches!(
            buffer.write_rows(Class::OwnerModule, &smaller),
            Err(Error::WrongClass { wanted: Class::OwnerModule, held: Some(Class::OwnerPid) })
        ));
        assert_eq!(buffer.class(), None, "no table after a failed write");
    }

    #[test]
    fn a_buffer_without_a_table_is_not_an_empty_table() {
        let mut buffer = Buffer::new();
        assert!(matches!(buffer.table::<BasicRow>(), Err(Error::WrongClass { held: None, .. })));
        buffer.writer::<BasicRow>().finish().unwrap();
        assert!(ports::<BasicRow>(&buffer).is_empty());
        assert!(matches!(buffer.table::<OwnerPidRow>(), Err(Error::WrongClass { held: Some(Class::Basic), .. })));
        let _unfinished = buffer.writer::<BasicRow>();
        assert!(buffer.table::<BasicRow>().is_err(), "no table before finish");
    }

    #[test]
    fn sizes_that_cannot_be_allocated_are_errors() {
        // The size of the first overflows usize; that of the second exceeds every allocation.
        for rows in [usize::MAX, usize::MAX / Class::Basic.row_size() - 1] {
            assert!(matches!(Buffer::with_capacity_for(Class::Basic, rows), Err(Error::OutOfMemory { .. })), "{rows}");
        }
    }

    #[test]
    fn write_bytes_ignores_bytes_after_the_last_row() {
        let mut source = Buffer::new();
        source.write_rows(Class::Basic, &[listener(7)]).unwrap();
        let table = source.as_bytes();
        let mut buffer = Buffer::new();
        buffer.write_bytes(Class::Basic, &[table, &[0xEE; 9]].concat()).unwrap();
        assert_eq!(buffer.as_bytes(), table);
    }

    #[test]
    fn only_a_buffer_with_a_table_has_a_time() {
        let begin = SystemTime::now();
        let mut buffer = Buffer::new();
        assert_eq!(buffer.taken_at(), None);
        buffer.write_rows(Class::Basic, &[listener(7)]).unwrap();
        assert!(buffer.taken_at().unwrap() >= begin);
        let bytes = buffer.as_bytes().to_vec();
        buffer.clear();
        assert_eq!(buffer.taken_at(), None);
        buffer.write_bytes(Class::Basic, &bytes).unwrap();
        assert!(buffer.taken_at().unwrap() >= begin);
        assert!(buffer.write_bytes(Class::Basic, &[1]).is_err());
        assert_eq!(buffer.taken_at(), None);
    }

    #[test]
    fn set_taken_at_needs_a_table() {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let mut buffer = Buffer::new();
        buffer.set_taken_at(time);
        assert_eq!(buffer.taken_at(), None, "no table");
        buffer.write_rows(Class::Basic, &[listener(7)]).unwrap();
        buffer.set_taken_at(time);
        assert_eq!(buffer.taken_at(), Some(time));
        assert_eq!(buffer.table::<BasicRow>().unwrap().taken_at(), time);
        buffer.clear();
        assert_eq!(buffer.taken_at(), None);
        let _unfinished = buffer.writer::<BasicRow>();
        assert_eq!(buffer.taken_at(), None);
    }

    #[test]
    fn small_tables_use_little_memory() {
        let mut buffer = Buffer::new();
        buffer.writer::<BasicRow>().finish().unwrap();
        assert_eq!(buffer.capacity(), 8);
        buffer.reset();
        buffer.write_rows(Class::OwnerModule, &[listener(7)]).unwrap();
        assert!(buffer.capacity() <= 1024, "{} bytes", buffer.capacity());
        let bytes = buffer.as_bytes().to_vec();
        buffer.reset();
        buffer.write_bytes(Class::OwnerModule, &bytes).unwrap();
        assert_eq!(buffer.capacity(), bytes.len());
    }

    #[test]
    fn storage_is_kept_until_reset() {
        let mut buffer = Buffer::with_capacity_for(Class::OwnerModule, 10_000).unwrap();
        let capacity = buffer.capacity();
        assert!(capacity >= Class::OwnerModule.table_size(10_000).unwrap());
        buffer.write_rows(Class::OwnerModule, &vec![listener(7); 10_000]).unwrap();
        buffer.clear();
        assert_eq!(buffer.capacity(), capacity);
        buffer.reset();
        assert_eq!((buffer.capacity(), buffer.class()), (0, None));
    }

    #[test]
    fn write_bytes_rejects_truncated_tables() {
        let mut source = Buffer::new();
        source.write_rows(Class::Basic, &[listener(7)]).unwrap();
        let bytes = source.as_bytes().to_vec();

        let mut buffer = Buffer::new();
        buffer.write_bytes(Class::Basic, &bytes).unwrap();
        assert_eq!(buffer.as_bytes(), bytes);
        for cut in 0..bytes.len() {
            assert!(matches!(buffer.write_bytes(Class::Basic, &bytes[..cut]), Err(Error::Malformed(_))), "{cut}");
            assert_eq!(buffer.class(), None);
        }
    }
}
