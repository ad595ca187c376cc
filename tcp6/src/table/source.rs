//! Whatever can fill a buffer with a table.

use crate::error::Result;
use crate::row::class::Class;
#[cfg(doc)]
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// Whatever can fill a [`Buffer`] with a table: [`System`](crate::System), a recording, a test's own.
///
/// An implementor writes [`fill`](Source::fill); who wants the table calls [`Table::read`].
///
/// ```
/// use tcp6::{BasicRow, Buffer, Class, Query, Result, Row, Source, State, Table};
///
/// /// One listener, always.
/// struct Fixed(BasicRow);
///
/// impl Source for Fixed {
///     fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
///         buffer.write_rows(class, [&self.0])
///     }
/// }
///
/// let mut source = Fixed(BasicRow::new(State::Listen, "[::1]:8080".parse().unwrap(), None));
/// let mut buffer = Buffer::new();
/// let table = Table::<BasicRow>::read(&mut source, &Query::all(), &mut buffer)?;
/// assert_eq!(table[0].local().port(), 8080);
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// The trait is object-safe, and `&mut dyn Source` and `Box<dyn Source>` are sources themselves.
pub trait Source {
    /// Fills the buffer with a table of this class, taken now.
    ///
    /// `query` is what the caller wants; a source that can select by itself should, but need not: what is too much or
    /// out of order is seen to by [`Table::read`]. All that was asked for must be there.
    ///
    /// # Errors
    ///
    /// Any; the buffer then holds no table.
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()>;
}

impl<S: Source + ?Sized> Source for &mut S {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        (**self).fill(class, query, buffer)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        (**self).fill(class, query, buffer)
    }
}
