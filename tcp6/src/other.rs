//! Systems that have no table that this crate knows how to read.

use crate::error::{Error, Result};
use crate::{Buffer, Class, Query};

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

    pub(crate) fn fill(&mut self, _: Class, _: &Query, _: &mut Buffer) -> Result<()> {
        match *self {}
    }
}
