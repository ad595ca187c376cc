//! The backend for systems that this crate does not support.

use crate::error::{Error, Result};
use crate::process::Process;
use crate::process::cache::Lookup;
use crate::row::Row;
use crate::row::class::Class;
use crate::stats::kinds::StatsKinds;
use crate::stats::statistics::Statistics;
use crate::stats::table::Stats;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// A system without a table. It cannot be constructed.
#[derive(Debug)]
pub(crate) enum System {}

impl System {
    pub(crate) fn new() -> Result<System> {
        Err(Error::NotSupported)
    }

    pub(crate) fn calls(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn processes(&self) -> (usize, usize) {
        match *self {}
    }

    pub(crate) fn statistics(&mut self) -> Result<Statistics> {
        match *self {}
    }

    pub(crate) fn collect<R: Row>(&mut self, _: &R, _: StatsKinds) -> Result<Option<Collection>> {
        match *self {}
    }

    pub(crate) fn fill(&mut self, _: Class, _: &Query, _: &mut Buffer, _: Option<&mut Stats>) -> Result<()> {
        match *self {}
    }
}

/// Nothing that is collected. It cannot be constructed.
#[derive(Debug)]
pub(crate) enum Collection {}

impl Collection {
    pub(in crate::system) fn leave(self) {
        match self {}
    }
}

/// Finds no process.
#[derive(Debug)]
pub(crate) struct Processes;

impl Processes {
    pub(crate) fn new() -> Processes {
        Processes
    }
}

impl Lookup for Processes {
    fn is_same(&mut self, _: &Process) -> bool {
        false
    }

    fn describe(&mut self, _: u32) -> Option<Process> {
        None
    }
}
