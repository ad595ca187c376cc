//! The reusable storage of a table.

mod conclude;
mod writer;

use core::fmt;
use std::time::SystemTime;

pub use self::writer::Writer;
use crate::class::by_class;
use crate::error::{Error, Malformed, Result};
use crate::order::Sorter;
use crate::view::{self, Word};
use crate::{Class, Row, Table};

/// The storage of a table: made once, filled again and again.
///
/// It grows when a table needs more, with room to spare, and never shrinks by itself, so that after the first refresh
/// a [`Source`](crate::Source) fills it without allocating. What it holds is a table as Windows writes it: the count of rows,
/// then the rows of one [`Class`], 8-aligned.
///
/// Rows are borrowed from the buffer. The compiler sees to it that it is not refilled while somebody holds them:
///
/// ```compile_fail,E0499
/// use tcp6::{BasicRow, Buffer, Query, System};
///
/// let mut system = System::new()?;
/// let mut buffer = Buffer::new();
/// let before = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
/// let after = system.table::<BasicRow>(&Query::all(), &mut buffer)?;
/// assert!(before.len() <= after.len()); // `before` looks into bytes that are written anew
/// # Ok::<(), tcp6::Error>(())
/// ```
pub struct Buffer {
    /// All of the storage, initialised.
    words: Vec<Word>,
    held: Option<Held>,
    sorter: Sorter,
    /// Where rows go when they are sorted.
    other: Vec<Word>,
}

/// The table in a buffer: its class, its length with the count checked, its time.
#[derive(Clone, Copy)]
struct Held {
    class: Class,
    bytes: usize,
    taken_at: SystemTime,
}

const WORD: usize = size_of::<Word>();

impl Buffer {
    /// An empty buffer. It allocates when it is filled.
    #[must_use]
    pub const fn new() -> Buffer {
        Buffer { words: Vec::new(), held: None, sorter: Sorter::new(), other: Vec::new() }
    }

    /// A buffer with the capacity for a table of `rows` rows of this class.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]
    pub fn with_capacity_for(class: Class, rows: usize) -> Result<Buffer> {
        let mut buffer = Buffer::new();
        let bytes = class.table_size(rows).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        buffer.grow_to(bytes)?;
        Ok(buffer)
    }

    /// The bytes that it can hold without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.words.len() * WORD
    }

    /// The class of the table that it holds, or `None` if it holds none: it was never filled, or the last attempt
    /// failed.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.held.map(|held| held.class)
    }

    /// The time when its table was taken, or `None` if it holds no table.
    #[must_use]
    pub fn taken_at(&self) -> Option<SystemTime> {
        self.held.map(|held| held.taken_at)
    }

    /// The table that it holds, as bytes; empty if it holds none.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.held.map_or(&[], |held| &view::bytes(&self.words)[..held.bytes])
    }

    /// The table that it holds.
    ///
    /// # Errors
    ///
    /// [`Error::WrongClass`] if it holds none, or one of another class.
    pub fn table<R: Row>(&self) -> Result<Table<'_, R>> {
        let held = self.held_as::<R>()?;
        Ok(Table::new(view::rows(self.as_bytes())?, held.taken_at))
    }

    /// Forgets the table, keeps the storage.
    pub fn clear(&mut self) {
        self.held = None;
    }

    /// Forgets the table and frees the storage.
    pub fn reset(&mut self) {
        *self = Buffer::new();
    }

    /// Begins a table of this class, row by row: how a [`Source`](crate::Source) of rows fills a buffer.
    ///
    /// The buffer holds no table until [`Writer::finish`].
    pub fn writer<R: Row>(&mut self) -> Writer<'_, R> {
        self.clear();
        Writer::new(self)
    }

    /// Writes these rows as a table of `class`, which must not come after theirs in the order of [`Class`].
    ///
    /// A field that `class` has and theirs lacks, such as the offload state of rows with modules, reads as `None`.
    ///
    /// # Errors
    ///
    /// [`Error::WrongClass`] if `class` comes after theirs, [`Error::Malformed`] if there are more rows than a table can count,
    /// [`Error::OutOfMemory`].
    pub fn write_rows<'r, R: Row>(&mut self, class: Class, rows: impl IntoIterator<Item = &'r R>) -> Result<()> {
        self.clear();
        if class > R::CLASS {
            return Err(Error::WrongClass { wanted: class, held: Some(R::CLASS) });
        }
        let rows = rows.into_iter();
        by_class!(class, W => self.write_as::<_, W>(rows))
    }

    /// Takes a copy of a table that is bytes, of this class: a capture, or what another program called for.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none, [`Error::OutOfMemory`].
    pub fn write_bytes(&mut self, class: Class, table: &[u8]) -> Result<()> {
        self.clear();
        view::count(table, class)?;
        self.reserve(table.len())?;
        view::bytes_mut(&mut self.words)[..table.len()].copy_from_slice(table);
        self.hold(class, table.len())
    }

    /// Sets the time of the table that the buffer holds: for a source of tables that were taken earlier.
    ///
    /// Without a table there is no time to set, and this does nothing. Writing a table sets its time to now, so call
    /// this after [`Writer::finish`], [`write_rows`](Buffer::write_rows) or [`write_bytes`](Buffer::write_bytes).
    pub fn set_taken_at(&mut self, taken_at: SystemTime) {
        if let Some(held) = &mut self.held {
            held.taken_at = taken_at;
        }
    }

    /// The rows of the table, to be completed.
    #[cfg(target_os = "linux")]
    pub(crate) fn rows_mut<R: Row>(&mut self) -> Result<&mut [R]> {
        let end = self.held_as::<R>()?.bytes;
        Ok(view::rows_mut(&mut view::bytes_mut(&mut self.words)[..end])?)
    }

    fn held_as<R: Row>(&self) -> Result<Held> {
        match self.held {
            Some(held) if held.class == R::CLASS => Ok(held),
            held => Err(Error::WrongClass { wanted: R::CLASS, held: held.map(|held| held.class) }),
        }
    }

    fn write_as<'r, R: Row, W: Row>(&mut self, rows: impl Iterator<Item = &'r R>) -> Result<()> {
        let mut writer = self.writer::<W>();
        for row in rows {
            writer.push(&row.to_class())?;
        }
        writer.finish()
    }

    /// Writes the count of a table whose rows are already there, and holds it.
    fn set_count<R: Row>(&mut self, rows: usize, taken_at: SystemTime) -> Result<()> {
        let count = u32::try_from(rows).map_err(|_| Malformed::TooManyRows { rows })?;
        let bytes = R::CLASS.table_size(rows).ok_or(Malformed::TooManyRows { rows })?;
        view::bytes_mut(&mut self.words)[..size_of::<u32>()].copy_from_slice(&count.to_ne_bytes());
        self.held = Some(Held { class: R::CLASS, bytes, taken_at });
        Ok(())
    }

    /// The storage, for a system call to write a table into. What was held is forgotten.
    pub(crate) fn words_mut(&mut self) -> &mut [Word] {
        self.clear();
        &mut self.words
    }

    /// Holds the table that a system call has written into the first `bytes` bytes.
    pub(crate) fn hold(&mut self, class: Class, bytes: usize) -> Result<()> {
        let table = view::bytes(&self.words).get(..bytes).ok_or(Malformed::TooShort { bytes: self.capacity() })?;
        let bytes = class.table_size(view::count(table, class)?).unwrap_or(bytes);
        self.held = Some(Held { class, bytes, taken_at: SystemTime::now() });
        Ok(())
    }

    /// Grows the storage to exactly `bytes`, rounded up to a word, if it is smaller; its content stays.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let words = bytes.div_ceil(WORD);
        if make_room(&mut self.words, words) { Ok(()) } else { Err(Error::OutOfMemory { bytes }) }
    }

    /// Frees the storage beyond `bytes`, rounded up to a word. What was held is forgotten.
    #[cfg_attr(not(windows), allow(dead_code))]
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.clear();
        self.words.truncate(bytes.div_ceil(WORD));
        self.words.shrink_to_fit();
    }

    /// Makes room for `bytes`: exactly in a new buffer, with a quarter more in one that has to grow, so that tables
    /// which grow a little each time do not reallocate each time.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<()> {
        let capacity = self.capacity();
        if bytes <= capacity { Ok(()) } else { self.grow_to(bytes.max(capacity + capacity / 4)) }
    }
}

/// Makes the storage at least so many words long; says whether there was memory for that.
fn make_room(storage: &mut Vec<Word>, words: usize) -> bool {
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
    use crate::{BasicRow, OwnerModuleRow, OwnerPidRow, State};

    fn listener(port: u16) -> OwnerModuleRow {
        OwnerModuleRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None)
    }

    fn ports<R: Row>(buffer: &Buffer) -> Vec<u16> {
        buffer.table::<R>().unwrap().iter().map(|row| row.local().port()).collect()
    }

    #[test]
    fn rows_are_written_in_every_class_that_is_not_richer() {
        let rows = [listener(1), listener(2)];
        let mut buffer = Buffer::new();
        buffer.write_rows(Class::Basic, &rows).unwrap();
        assert_eq!(ports::<BasicRow>(&buffer), [1, 2]);
        buffer.write_rows(Class::OwnerModule, &rows).unwrap();
        assert_eq!(ports::<OwnerModuleRow>(&buffer), [1, 2]);

        let poor = rows.map(|row| row.to_class::<OwnerPidRow>());
        assert!(matches!(
            buffer.write_rows(Class::OwnerModule, &poor),
            Err(Error::WrongClass { wanted: Class::OwnerModule, held: Some(Class::OwnerPid) })
        ));
        assert_eq!(buffer.class(), None, "a failed attempt leaves no table");
    }

    #[test]
    fn a_buffer_without_a_table_is_not_an_empty_table() {
        let mut buffer = Buffer::new();
        assert!(matches!(buffer.table::<BasicRow>(), Err(Error::WrongClass { held: None, .. })));
        buffer.writer::<BasicRow>().finish().unwrap();
        assert!(ports::<BasicRow>(&buffer).is_empty());
        assert!(matches!(buffer.table::<OwnerPidRow>(), Err(Error::WrongClass { held: Some(Class::Basic), .. })));
        let _unfinished = buffer.writer::<BasicRow>();
        assert!(buffer.table::<BasicRow>().is_err(), "an unfinished table is none");
    }

    #[test]
    fn what_cannot_be_allocated_is_an_error() {
        // Of the first no size can be told, the size of the second is more than there can be.
        for rows in [usize::MAX, usize::MAX / Class::Basic.row_size() - 1] {
            assert!(matches!(Buffer::with_capacity_for(Class::Basic, rows), Err(Error::OutOfMemory { .. })), "{rows}");
        }
    }

    #[test]
    fn bytes_behind_the_last_row_are_no_part_of_the_table() {
        let mut source = Buffer::new();
        source.write_rows(Class::Basic, &[listener(7)]).unwrap();
        let table = source.as_bytes();
        let mut buffer = Buffer::new();
        buffer.write_bytes(Class::Basic, &[table, &[0xEE; 9]].concat()).unwrap();
        assert_eq!(buffer.as_bytes(), table);
    }

    #[test]
    fn a_table_has_a_time_and_a_buffer_without_a_table_has_none() {
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
    fn set_taken_at_sets_the_time_of_the_table_that_is_held() {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let mut buffer = Buffer::new();
        buffer.set_taken_at(time);
        assert_eq!(buffer.taken_at(), None, "without a table there is no time");
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
    fn a_small_table_takes_little_memory() {
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
    fn storage_is_kept_until_it_is_given_back() {
        let mut buffer = Buffer::with_capacity_for(Class::OwnerModule, 10_000).unwrap();
        let room = buffer.capacity();
        assert!(room >= Class::OwnerModule.table_size(10_000).unwrap());
        buffer.write_rows(Class::OwnerModule, &vec![listener(7); 10_000]).unwrap();
        buffer.clear();
        assert_eq!(buffer.capacity(), room);
        buffer.reset();
        assert_eq!((buffer.capacity(), buffer.class()), (0, None));
    }

    #[test]
    fn bytes_are_checked_before_they_are_held() {
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
