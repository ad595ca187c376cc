//! The buffer protocol of the family.
//!
//! Every function of the family is a call that takes a pointer and a size: it writes the table and sets the size to the
//! bytes written, or it says ERROR_INSUFFICIENT_BUFFER and sets the size to the bytes that it would have needed a moment
//! ago. The table grows meanwhile, so the second call can fail like the first, and the third like the second; and some
//! systems say STATUS_UNSUCCESSFUL, a status and not an error code, when the table changes under their hands. What
//! follows knows nothing of Windows but those codes, and is tested on every system.
#![cfg_attr(not(windows), allow(dead_code))]

use core::time::Duration;
use std::io;

use tcp6_sys::{ERROR_INSUFFICIENT_BUFFER, ERROR_NO_DATA, ERROR_NOT_SUPPORTED, NO_ERROR, STATUS_UNSUCCESSFUL};

use crate::error::{Error, Malformed, Result};
use crate::row::class::Class;
use crate::row::pod::Word;
use crate::system::backoff::{ATTEMPTS, attempts};
use crate::table::buffer::Buffer;

/// The waits between attempts.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(32);

/// The size of the first call with a new buffer: room for about 1,200 rows of the smallest class.
const FIRST_BYTES: usize = 64 * 1024;

/// Beyond what was asked for: a quarter, and this much.
const SLACK_BYTES: usize = 4096;

/// A size that is believed at once, and up to which room is doubled on no more than a suspicion: 1.2 million rows.
const PLAUSIBLE_BYTES: usize = 64 << 20;

/// Beyond that, no answer makes the buffer grow to more than this multiple of itself. A table that is really so large is
/// reached an attempt or two later; an answer that is nonsense does not take the machine's memory.
const MAX_GROWTH_FACTOR: usize = 16;

/// What one refresh may take altogether, unless the buffer began with at least half of it: 2.5 million rows of the
/// smallest class, 700,000 of the largest. The sizes of a table that changes are plausible and small; without this bound
/// three answers that claim 1 GB take 2.1 GB.
const MOST_BYTES: usize = 128 << 20;

/// A count that no call writes. It stands where the count will be, so that a call which succeeds and writes nothing is
/// found out, and the rows of the last refresh are not taken for new ones.
const NEVER_WRITTEN: u32 = u32::MAX;

/// Fills the buffer with a table of this class, however often `call` must be made for it.
///
/// `call` gets the storage and the size of it in bytes, which it sets, and gives the function's return code. `wait` is
/// [`std::thread::sleep`] but for tests.
///
/// After an error the buffer has the capacity that it had before: what was allocated for answers that came to nothing is
/// freed.
pub(crate) fn fill(
    buffer: &mut Buffer,
    class: Class,
    name: &'static str,
    call: impl FnMut(&mut [Word], &mut u32) -> u32,
    wait: impl FnMut(Duration),
) -> Result<()> {
    let before = buffer.capacity();
    let filled = attempt(buffer, class, name, call, wait);
    if filled.is_err() && buffer.capacity() > before {
        buffer.shrink_to(before);
    }
    filled
}

fn attempt(
    buffer: &mut Buffer,
    class: Class,
    name: &'static str,
    mut call: impl FnMut(&mut [Word], &mut u32) -> u32,
    mut wait: impl FnMut(Duration),
) -> Result<()> {
    buffer.clear();
    // A buffer that was made for a larger table may grow to twice its size.
    let most = buffer.capacity().saturating_mul(2).max(MOST_BYTES);
    buffer.grow_to(FIRST_BYTES)?;
    let mut last = NO_ERROR;
    for pause in attempts(FIRST_WAIT, LONGEST_WAIT) {
        pause.into_iter().for_each(&mut wait);
        let capacity = buffer.capacity();
        let given = u32::try_from(capacity).unwrap_or(u32::MAX);
        let mut size = given;
        let words = buffer.words_mut();
        words[0] = Word([NEVER_WRITTEN; 2]);
        last = call(words, &mut size);
        match last {
            NO_ERROR if size > given => {
                return Err(Malformed::BeyondBuffer { reported: size, capacity }.into());
            }
            NO_ERROR => return buffer.hold(class, size as usize),
            ERROR_NO_DATA => return empty(buffer, class),
            ERROR_NOT_SUPPORTED => return Err(Error::NotSupported),
            ERROR_INSUFFICIENT_BUFFER => buffer.grow_to(grown(capacity, size as usize).min(most))?,
            STATUS_UNSUCCESSFUL => buffer.grow_to(grown(capacity, 0).min(most))?,
            code => return Err(Error::os(name, os_error(code))),
        }
    }
    Err(Error::Unstable { call: name, attempts: ATTEMPTS, last: os_error(last) })
}

/// The size to try after a call that wanted `wanted` bytes and had `capacity`.
fn grown(capacity: usize, wanted: usize) -> usize {
    let with_slack = wanted.saturating_add(wanted / 4).saturating_add(SLACK_BYTES);
    let doubled = capacity.saturating_mul(2).min(PLAUSIBLE_BYTES).max(capacity);
    let steepest = capacity.saturating_mul(MAX_GROWTH_FACTOR).max(PLAUSIBLE_BYTES);
    // No function of the family can be told of more than a u32.
    with_slack.max(doubled).min(steepest).min(u32::MAX as usize)
}

fn empty(buffer: &mut Buffer, class: Class) -> Result<()> {
    buffer.words_mut()[0] = Word::default();
    buffer.hold(class, class.rows_offset())
}

/// Codes are DWORDs and `io::Error` wants an `i32`: the bits are the same.
fn os_error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code as i32)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
