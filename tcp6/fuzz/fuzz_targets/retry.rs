//! A scripted iphlpapi: whatever it says, it is called at most 16 times, for less than half a second of waiting, and
//! then there is the table that it wrote, or an error and no table.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tcp6::{Buffer, Class, Row};
use tcp6_fuzz::for_each_class;
use tcp6_fuzz::rows::local_port;

const NO_ERROR: u32 = 0;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;

const ATTEMPTS: usize = 16;
const PATIENCE: Duration = Duration::from_millis(500);

/// Large buffers take their time, and are left to few inputs: in the others a call with so much room succeeds.
const STAT_BUF_LEN: u32 = 1 << 20;

/// No call asks for more than this. What nonsense may take is bounded by a test of the crate.
const MOST: u32 = 64 << 20;

/// What a call does.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// What the functions do when all is well: a table of 16 times so many rows, or the room that it would need.
    Table { rows: u8 },
    /// Too little room, by the function's account.
    Insufficient { size: Size },
    /// Any other code. Nothing is written.
    Code(Code),
    /// Success, with a count and a size that need not go together. As much is written as the room holds.
    Success { count: Option<u32>, size: Size },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Code {
    /// The codes that have a meaning.
    Known(u8),
    Any(u32),
}

/// The size that a call reports, by the room that it was given.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    Untouched,
    Less(u16),
    More(u16),
    /// Any number; large ones are rare.
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
    let enough = if input.large == u8::MAX && R::CLASS == Class::Basic { u32::MAX } else { STAT_BUF_LEN };
    // Each step as often as it says, the last one for ever.
    let Some((last, _)) = input.steps.last() else { return };
    let mut script =
        input.steps.iter().flat_map(|(step, times)| std::iter::repeat_n(*step, usize::from(*times % 8) + 1));
    let mut calls = 0;
    let mut waited = Duration::ZERO;
    let mut answer = None;
    let mut buffer = Buffer::new();
    let filled = tcp6::fuzzing::retry(
        &mut buffer,
        R::CLASS,
        |table, size| {
            calls += 1;
            let given = *size;
            assert!(given as usize <= table.len());
            let mut step = script.next().unwrap_or(*last);
            if given >= enough {
                step = Step::Table { rows: 3 };
            }
            let code = step.play::<R>(calls as u16, table, size);
            answer = Some((step, code, given, *size));
            code
        },
        |time| waited += time,
    );
    assert!(0 < calls && calls <= ATTEMPTS, "{calls} calls");
    assert!(waited < PATIENCE, "{waited:?} waited");

    let (step, code, given, size) = answer.unwrap();
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
        // Each of them was written by the call that succeeded.
        assert!(table.iter().all(|row| row.local().port() == calls as u16));
        return;
    };
    assert_eq!(buffer.class(), None);
    if let (Some(told), true) = (error.raw_os_error(), code != NO_ERROR) {
        assert_eq!(told as u32, code);
    }
}

impl Step {
    /// Writes rows whose local port is `mark`, sets the size, and gives the code.
    fn play<R: Row>(self, mark: u16, table: &mut [u8], size: &mut u32) -> u32 {
        match self {
            Step::Table { rows } => {
                let rows = u32::from(rows) * 16;
                let needed = R::CLASS.table_size(rows as usize).unwrap() as u32;
                let enough = needed <= *size;
                *size = needed;
                if !enough {
                    return ERROR_INSUFFICIENT_BUFFER;
                }
                write::<R>(table, Some(rows), needed, mark);
                NO_ERROR
            }
            Step::Insufficient { size: wanted } => {
                *size = wanted.of(*size).min(MOST);
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

/// Writes a count, if there is one, and so many rows, as far as that many bytes go.
fn write<R: Row>(table: &mut [u8], count: Option<u32>, bytes: u32, mark: u16) {
    let mut put = |at: usize, what: &[u8]| table[at..][..what.len()].copy_from_slice(what);
    let Some(count) = count else { return };
    put(0, &count.to_ne_bytes());
    let room = (bytes as usize).saturating_sub(R::CLASS.rows_offset()) / R::CLASS.row_size();
    for number in 0..room.min(count as usize) {
        let row = R::CLASS.rows_offset() + number * R::CLASS.row_size();
        put(row + local_port::<R>(), &mark.to_be_bytes());
    }
}
