//! Records the tables of another source.

use std::io::Write;

use super::Recorder;
use crate::error::Result;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::stats::table::Stats;
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

/// A source that records the tables of another source.
///
/// A table is recorded as the source filled it, before it is filtered and sorted. If recording fails, the fill fails.
/// Statistics are recorded with their table. Events are not recorded: [`Watcher::subscribe`](crate::Watcher::subscribe)
/// returns [`Error::NotSupported`](crate::Error::NotSupported).
///
/// # Example: record what a `System` reads
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, Recorder, RecordingSource, Replay, System, Table};
///
/// let recorder = Recorder::new(Vec::new())?; // or a file
/// let mut source = RecordingSource::new(System::new()?, recorder);
/// let mut buffer = Buffer::new();
/// for _ in 0..3 {
///     let table = Table::<BasicRow>::read(&mut source, &Query::all(), &mut buffer)?;
///     println!("{}", table.counts());
/// }
///
/// let (_, recorder) = source.into_parts();
/// let capture = recorder.into_inner();
/// assert_eq!(Replay::from_reader(&capture[..])?.remaining(), 3);
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug)]
pub struct RecordingSource<S, W> {
    source: S,
    recorder: Recorder<W>,
}

impl<S: Source, W: Write> RecordingSource<S, W> {
    /// A source that reads tables from `source` and records them.
    pub fn new(source: S, recorder: Recorder<W>) -> RecordingSource<S, W> {
        RecordingSource { source, recorder }
    }

    /// Returns the source and the recorder.
    pub fn into_parts(self) -> (S, Recorder<W>) {
        (self.source, self.recorder)
    }

    fn record(&mut self, class: Class, buffer: &mut Buffer) -> Result<()> {
        let recorded = by_class!(class, R => self.recorder.record(buffer.table::<R>()?));
        recorded.inspect_err(|_| buffer.clear())
    }
}

impl<S: Source, W: Write> Source for RecordingSource<S, W> {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.source.fill(class, query, buffer)?;
        self.record(class, buffer)
    }

    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        self.source.fill_with_stats(class, query, buffer, stats)?;
        let recorded = by_class!(class, R => self.recorder.record_with_stats(buffer.table::<R>()?, stats));
        recorded.inspect_err(|_| {
            buffer.clear();
            stats.clear();
        })
    }
}
