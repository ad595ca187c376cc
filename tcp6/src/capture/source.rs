//! A source that records what another source reads.

use std::io::Write;

use super::Recorder;
use crate::error::Result;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

/// A source that records the tables of another source.
///
/// Every table is recorded as it was filled, before it is filtered or sorted. A table that cannot be recorded is an error,
/// as is one that cannot be read.
#[derive(Debug)]
pub struct RecordingSource<S, W> {
    source: S,
    recorder: Recorder<W>,
}

impl<S: Source, W: Write> RecordingSource<S, W> {
    /// Records the tables of this source from now on.
    pub fn new(source: S, recorder: Recorder<W>) -> RecordingSource<S, W> {
        RecordingSource { source, recorder }
    }

    /// The source and the recorder.
    pub fn into_parts(self) -> (S, Recorder<W>) {
        (self.source, self.recorder)
    }
}

impl<S: Source, W: Write> Source for RecordingSource<S, W> {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.source.fill(class, query, buffer)?;
        let recorded = by_class!(class, R => self.recorder.record(buffer.table::<R>()?));
        recorded.inspect_err(|_| buffer.clear())
    }
}
