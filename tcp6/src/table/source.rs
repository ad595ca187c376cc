//! Sources of tables.

use crate::error::{Error, Result};
use crate::events::options::EventOptions;
use crate::events::report::Events;
use crate::row::class::Class;
use crate::stats::table::Stats;
#[cfg(doc)]
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// A source of tables: [`System`](crate::System), [`Replay`](crate::Replay), or one of your own.
///
/// A source implements [`fill`](Source::fill); users call [`Table::read`]. The trait is dyn-compatible, and `&mut dyn
/// Source` and `Box<dyn Source>` are sources.
///
/// # Example: a source with one listener
///
/// ```
/// use tcp6::{BasicRow, Buffer, Class, Query, Result, Source, State, Table};
///
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
pub trait Source {
    /// Fills the buffer with the current table of this class.
    ///
    /// The table must contain every row that `query` selects. It may contain more and be in any order: [`Table::read`]
    /// filters and sorts it. Sources that can select by themselves save time if they do.
    ///
    /// # Errors
    ///
    /// Any; construct them with [`Error::os`](crate::Error::os) and [`Error::unstable`](crate::Error::unstable).
    /// [`Table::read`] drops the old table before the call and whatever was written if it fails. `Ok` without a table is
    /// [`Error::WrongClass`](crate::Error::WrongClass) for the caller.
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()>;

    /// Fills the buffer with the current table of this class, and `stats` with the statistics of
    /// its sockets.
    ///
    /// The statistics must contain every row that `query` selects, and may contain more. A source without statistics
    /// need not implement this method: it clears `stats` and fills the buffer.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Source::fill). [`Table::read_with_stats`] then clears `stats` as well.
    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        stats.clear();
        self.fill(class, query, buffer)
    }

    /// Starts to receive events, for [`Watcher::subscribe`](crate::Watcher::subscribe).
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if the source has no events, as by default.
    fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        let _ = options;
        Err(Error::NotSupported)
    }

    /// Fills the buffer with the current table of this class, and `events` with what events report
    /// besides.
    ///
    /// A watcher calls it instead of [`fill`](Source::fill) after [`subscribe`](Source::subscribe) has succeeded. If
    /// [`Events::is_accepted`] is true, the table of the last call has become the baseline of the watcher, and its events
    /// are reported; otherwise they must be reported with this table. A source without events need not implement this
    /// method: it clears `events` and fills the buffer.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Source::fill). Lost events are no error: [`Events::add_missed`] counts them.
    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        events.clear();
        self.fill(class, query, buffer)
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        (**self).fill(class, query, buffer)
    }

    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        (**self).fill_with_stats(class, query, buffer, stats)
    }

    fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        (**self).subscribe(options)
    }

    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        (**self).fill_with_events(class, query, buffer, events)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        (**self).fill(class, query, buffer)
    }

    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        (**self).fill_with_stats(class, query, buffer, stats)
    }

    fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        (**self).subscribe(options)
    }

    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        (**self).fill_with_events(class, query, buffer, events)
    }
}
