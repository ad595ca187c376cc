//! Fills a buffer through a scripted iphlpapi.
//!
//! For every script, the function is called at most 16 times, with less than half a second of waiting in total. Then
//! the buffer contains the table that the function wrote, or there is an error and no table.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tcp6::{Buffer, Class, Row};
use tcp6_fuzz::for_each_class;
use tcp6_fuzz::rows::local_port;

const NO_ERROR: u32 = 0;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;

const MAX_CALLS: usize = 16;
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The buffer size at which calls succeed. Only a few inputs allow larger buffers, which are slow.
const SUFFICIENT_SIZE: u32 = 1 << 20;

/// The maximum size that a call requests. A test of the crate covers larger ones.
const MAX_SIZE: u32 = 64 << 20;

/// The behaviour of one call.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// Behaves correctly: writes a table of `16 * rows` rows, or reports the size that it needs.
    Table { rows: u8 },
    /// Fails with ERROR_INSUFFICIENT_BUFFER and reports this size.
    Insufficient { size: Size },
    /// Fails with another code and writes nothing.
    Code(Code),
    /// Succeeds with a count and a size that may contradict each other. Writes as many rows as fit.
    Success { count: Option<u32>, size: Size },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Code {
    /// One of the codes that the crate handles.
    Known(u8),
    Any(u32),
}

/// The size that a call reports, relative to the size of the buffer.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    Untouched,
    Less(u16),
    More(u16),
    /// Any number. Large ones are rare.
    Any(u32, u8),
}

impl Size {
    fn of(self, given: u32) -> u32 {
        match self {
            Size::Untouched => given,
            Size::Less(by) => given.saturating_sub(by.into()),
            Size::More(by) => given.saturating_add(by.into()),
            Size::Any(size, u8::MAX) => size,
            Size::Any(size, shift) => size >> (10 + shift % 22),
        }
    }
}

impl Code {
    fn number(self) -> u32 {
        match self {
            Code::Known(choice) => [50, 232, 0xC000_0001, 5, 8, 87][usize::from(choice) % 6],
            Code::Any(number) => number,
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    steps: Vec<(Step, u8)>,
    large: u8,
}

fuzz_target!(|input: Input| for_each_class!(run(&input)));

fn run<R: Row>(input: &Input) {
    let sufficient = if input.large == u8::MAX && R::CLASS == Class::Basic { u32::MAX } else { SUFFICIENT_SIZE };
    // Repeats each step up to 8 times, and the last one without end.
    let Some((last, _)) = input.steps.last() else { return };
    let mut script =
        input.steps.iter().flat_map(|(step, times)| std::iter::repeat_n(*step, usize::from(*times % 8) + 1));
    let mut calls = 0;
    let mut waited = Duration::ZERO;
    let mut last_call = None;
    let mut buffer = Buffer::new();
    let filled = tcp6::fuzzing::retry(
        &mut buffer,
        R::CLASS,
        |table, size| {
            calls += 1;
            let given = *size;
            assert!(given as usize <= table.len());
            let mut step = script.next().unwrap_or(*last);
            if given >= sufficient {
                step = Step::Table { rows: 3 };
            }
            let code = step.play::<R>(calls as u16, table, size);
            last_call = Some((step, code, given, *size));
            code
        },
        |time| waited += time,
    );
    assert!(0 < calls && calls <= MAX_CALLS, "{calls} calls");
    assert!(waited < MAX_WAIT, "{waited:?} waited");

    let (step, code, given, size) = last_call.unwrap();
    let Err(error) = filled else {
        let table = buffer.table::<R>().unwrap();
        match step {
            Step::Table { rows } => assert_eq!(table.len(), usize::from(rows) * 16),
            Step::Success { count, .. } => {
                assert_eq!(Some(table.len() as u32), count);
                assert!(
                    size <= given && table.is_empty() || R::CLASS.table_size(table.len()).unwrap() <= size as usize
                );
            }
            _ => assert!(table.is_empty() && code == 232),
        }
        // The call that succeeded wrote each row.
        assert!(table.iter().all(|row| row.local().port() == calls as u16));
        return;
    };
    assert_eq!(buffer.class(), None);
    if let (Some(reported), true) = (error.raw_os_error(), code != NO_ERROR) {
        assert_eq!(reported as u32, code);
    }
}

impl Step {
    /// Writes rows whose local port is `mark`, sets the size, and returns the code.
    fn play<R: Row>(self, mark: u16, table: &mut [u8], size: &mut u32) -> u32 {
        match self {
            Step::Table { rows } => {
                let rows = u32::from(rows) * 16;
                let needed = R::CLASS.table_size(rows as usize).unwrap() as u32;
                let fits = needed <= *size;
                *size = needed;
                if !fits {
                    return ERROR_INSUFFICIENT_BUFFER;
                }
                write::<R>(table, Some(rows), needed, mark);
                NO_ERROR
            }
            Step::Insufficient { size: reported } => {
                *size = reported.of(*size).min(MAX_SIZE);
                ERROR_INSUFFICIENT_BUFFER
            }
            Step::Code(code) => match code.number() {
                NO_ERROR | ERROR_INSUFFICIENT_BUFFER => 1,
                code => code,
            },
            Step::Success { count, size: reported } => {
                let given = *size;
                *size = reported.of(given);
                write::<R>(table, count, (*size).min(given), mark);
                NO_ERROR
            }
        }
    }
}

/// Writes `count`, if it is set, and up to `count` rows, as many as fit into `bytes` bytes.
fn write<R: Row>(table: &mut [u8], count: Option<u32>, bytes: u32, mark: u16) {
    let mut put = |at: usize, value: &[u8]| table[at..][..value.len()].copy_from_slice(value);
    let Some(count) = count else { return };
    put(0, &count.to_ne_bytes());
    let max_rows = (bytes as usize).saturating_sub(R::CLASS.rows_offset()) / R::CLASS.row_size();
    for number in 0..max_rows.min(count as usize) {
        let row = R::CLASS.rows_offset() + number * R::CLASS.row_size();
        put(row + local_port::<R>(), &mark.to_be_bytes());
    }
}
