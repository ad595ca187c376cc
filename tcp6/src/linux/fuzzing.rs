//! The readers of the kernel's bytes, for the fuzz targets.

use super::diag::{self, Dump, LookUps, Progress};
use super::proc::Text;
use super::roll::Roll;
use super::socket::mask;
use crate::error::Result;
use crate::{Row, StateSet};

/// How a dump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// The kernel said that it was all; otherwise the datagrams ended before.
    pub done: bool,
    /// The kernel said that rows may be missing.
    pub interrupted: bool,
}

pub(crate) fn request(sequence: u32) -> Vec<u8> {
    diag::request(sequence, mask(StateSet::all())).to_vec()
}

pub(crate) fn dump<'a, R: Row>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, Dumped)> {
    let mut dump = Dump::new(sequence, port);
    let mut roll = Roll::new();
    let mut rows = Vec::new();
    let mut done = false;
    for datagram in datagrams {
        let progress = dump.read(datagram, |listed| {
            if roll.enter(listed)? {
                rows.push(listed.socket().to_row());
            }
            Ok(())
        })?;
        if progress == Progress::Done {
            done = true;
            break;
        }
    }
    Ok((rows, Dumped { done, interrupted: dump.was_interrupted() }))
}

pub(crate) fn look_ups<'a, R: Row>(
    sequence: u32,
    port: u32,
    awaited: usize,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, bool)> {
    let mut look_ups = LookUps::new(sequence, port, awaited);
    let mut rows = Vec::new();
    for datagram in datagrams {
        let progress = look_ups.read(datagram, |listed| {
            rows.push(listed.socket().to_row());
            Ok(())
        })?;
        if progress == Progress::Done {
            return Ok((rows, true));
        }
    }
    Ok((rows, false))
}

pub(crate) fn text<R: Row>(text: &[u8]) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    Text::default().read(text, |socket| {
        rows.push(socket.to_row());
        Ok(())
    })?;
    Ok(rows)
}
