//! The buffer protocol of the table functions: calls again with a larger buffer until the table fits.
//!
//! Every table function takes a pointer and a size in bytes. It writes the table and sets the size to the number of
//! bytes written, or it returns ERROR_INSUFFICIENT_BUFFER and sets the size to the required number. The table may grow
//! between two calls, so every call can fail again. Some systems return STATUS_UNSUCCESSFUL, an NTSTATUS instead of a
//! Win32 error code, if the table changes during the call.
//!
//! This module depends on Windows only for these codes and is tested on every system.
#![cfg_attr(not(windows), allow(dead_code))]

use core::time::Duration;
use std::io;

use tcp6_sys::{ERROR_INSUFFICIENT_BUFFER, ERROR_NO_DATA, ERROR_NOT_SUPPORTED, NO_ERROR, STATUS_UNSUCCESSFUL};

use crate::error::{Error, Malformed, Result};
use crate::row::class::Class;
use crate::row::pod::Word;
use crate::system::backoff::{ATTEMPTS, attempts};
use crate::table::buffer::Buffer;

/// The first wait between two attempts. Later waits double.
const FIRST_WAIT: Duration = Duration::from_millis(1);

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_millis(32);

/// The initial size of a new buffer: about 1,200 rows of the smallest class.
const FIRST_BYTES: usize = 64 * 1024;

/// The slack in addition to the required size and a quarter of it.
const SLACK_BYTES: usize = 4096;

/// The size to which the buffer may grow in one step: 1.2 million rows of the smallest class.
///
/// Below this size, a retry at least doubles the buffer, up to this size, even if the call requires less.
const PLAUSIBLE_BYTES: usize = 64 << 20;

/// The maximum growth factor of a step to a size above [`PLAUSIBLE_BYTES`].
///
/// A table that is really that large fits after one or two further attempts. An invalid size does not exhaust the
/// memory.
const MAX_GROWTH_FACTOR: usize = 16;

/// The maximum size of the buffer: 2.5 million rows of the smallest class, 700,000 of the largest.
///
/// A refresh of a buffer that already has more than half of this size may double it. The sizes that a changing table
/// requires are far smaller. Without this limit, three responses that claim 1 GiB make the buffer grow to 1.25 GiB.
const MAX_BYTES: usize = 128 << 20;

/// A row count that no call writes, stored in the buffer before each call.
///
/// It detects a call that succeeds without writing a table. Otherwise, the rows of the previous refresh would pass as
/// new ones.
const UNWRITTEN_COUNT: u32 = u32::MAX;

/// Fills the buffer with a table of this class, in at most [`ATTEMPTS`] calls.
///
/// `call` receives the storage and its size in bytes. It sets the size to the written or required one and returns the
/// code of the function. `name` is the name of the function, for errors. `wait` is [`std::thread::sleep`], except in
/// tests.
///
/// # Errors
///
/// * [`Error::NotSupported`] for ERROR_NOT_SUPPORTED.
/// * [`Error::Unstable`] if every attempt returns ERROR_INSUFFICIENT_BUFFER or STATUS_UNSUCCESSFUL.
/// * [`Error::Malformed`] if a call succeeds and the bytes are not a table.
/// * [`Error::OutOfMemory`] if the buffer cannot grow.
/// * [`Error::Os`] for any other code except ERROR_NO_DATA, which is an empty table.
///
/// After an error the buffer holds no table and has the capacity that it had before: memory allocated by the failed
/// refresh is freed.
pub(crate) fn fill(
    buffer: &mut Buffer,
    class: Class,
    name: &'static str,
    call: impl FnMut(&mut [Word], &mut u32) -> u32,
    wait: impl FnMut(Duration),
) -> Result<()> {
    let before = buffer.capacity();
    let filled = call_until_filled(buffer, class, name, call, wait);
    if filled.is_err() && buffer.capacity() > before {
        buffer.shrink_to(before);
    }
    filled
}

/// Implements [`fill`], but leaves the buffer grown after an error.
fn call_until_filled(
    buffer: &mut Buffer,
    class: Class,
    name: &'static str,
    mut call: impl FnMut(&mut [Word], &mut u32) -> u32,
    mut wait: impl FnMut(Duration),
) -> Result<()> {
    buffer.clear();
    // A buffer that was created for a larger table may double.
    let max = buffer.capacity().saturating_mul(2).max(MAX_BYTES);
    buffer.grow_to(FIRST_BYTES)?;
    let mut last = NO_ERROR;
    for delay in attempts(FIRST_WAIT, LONGEST_WAIT) {
        delay.into_iter().for_each(&mut wait);
        let capacity = buffer.capacity();
        let given = u32::try_from(capacity).unwrap_or(u32::MAX);
        let mut size = given;
        let words = buffer.words_mut();
        words[0] = Word([UNWRITTEN_COUNT; 2]);
        last = call(words, &mut size);
        match last {
            NO_ERROR if size > given => {
                return Err(Malformed::BeyondBuffer { reported: size, capacity }.into());
            }
            NO_ERROR => return buffer.hold(class, size as usize),
            ERROR_NO_DATA => return empty(buffer, class),
            ERROR_NOT_SUPPORTED => return Err(Error::NotSupported),
            ERROR_INSUFFICIENT_BUFFER => buffer.grow_to(next_size(capacity, size as usize).min(max))?,
            STATUS_UNSUCCESSFUL => buffer.grow_to(next_size(capacity, 0).min(max))?,
            code => return Err(Error::os(name, os_error(code))),
        }
    }
    Err(Error::Unstable { call: name, attempts: ATTEMPTS, last: os_error(last) })
}

/// The size for the next call, after one that had `capacity` bytes and required `required`.
fn next_size(capacity: usize, required: usize) -> usize {
    let with_slack = required.saturating_add(required / 4).saturating_add(SLACK_BYTES);
    let doubled = capacity.saturating_mul(2).min(PLAUSIBLE_BYTES).max(capacity);
    let limit = capacity.saturating_mul(MAX_GROWTH_FACTOR).max(PLAUSIBLE_BYTES);
    // The functions take the size as a u32.
    with_slack.max(doubled).min(limit).min(u32::MAX as usize)
}

/// Writes an empty table of this class.
fn empty(buffer: &mut Buffer, class: Class) -> Result<()> {
    buffer.words_mut()[0] = Word::default();
    buffer.hold(class, class.rows_offset())
}

/// Converts a code, which is a DWORD, to the bits of the `i32` that `io::Error` takes.
fn os_error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code as i32)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
