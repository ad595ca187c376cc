//! Property tests of the buffer protocol with random responses.
//!
//! The number of calls and the total wait are bounded. The outcome is the table that the last call wrote, or an error
//! and no table.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::row::Row;
use crate::row::class::BasicRow;
use crate::row::class::by_class;
use crate::row::pod;
use crate::row::state::State;

/// The behaviour of one call.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Behaves like the real functions: writes a table of `rows` rows, or reports the size that it
    /// requires.
    Table { rows: u32 },
    /// Reports that the buffer is too small.
    Insufficient { size: Size },
    /// Returns another code and writes nothing.
    Code(u32),
    /// Succeeds with an independent count and size. Writes as many rows as both allow.
    Success { count: u32, size: Size },
    /// Succeeds with a size that differs from that of `count` rows by a few bytes.
    NearMiss { count: u32, offset: i32 },
    /// Succeeds and writes nothing.
    Untouched { size: Size },
}

/// The size that a call reports, in relation to the size that it was given.
#[derive(Clone, Copy, Debug)]
enum Size {
    Less(u32),
    More(u32),
    Exactly(u32),
}

impl Size {
    fn of(self, given: u32) -> u32 {
        match self {
            Size::Less(by) => given.saturating_sub(by),
            Size::More(by) => given.saturating_add(by),
            Size::Exactly(size) => size,
        }
    }
}

/// Required sizes that are trusted at once. The limits for invalid sizes have their own tests.
fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        (0..3000u32).prop_map(Size::Less),
        (0..300_000u32).prop_map(Size::More),
        (0..600_000u32).prop_map(Size::Exactly),
    ]
}

/// Written sizes. They can be arbitrary, because they cause no allocation.
fn any_size() -> impl Strategy<Value = Size> {
    prop_oneof![4 => size(), 1 => any::<u32>().prop_map(Size::Exactly), 1 => Just(Size::Exactly(u32::MAX))]
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        4 => Just(STATUS_UNSUCCESSFUL),
        1 => prop::sample::select(vec![ERROR_NOT_SUPPORTED, ERROR_NO_DATA, 5, 8, 87]),
        1 => any::<u32>().prop_filter("another code", |code| ![NO_ERROR, ERROR_INSUFFICIENT_BUFFER].contains(code)),
    ];
    let count = prop_oneof![4 => 0..2000u32, 1 => any::<u32>(), 1 => Just(u32::MAX)];
    prop_oneof![
        3 => (0..5000u32).prop_map(|rows| Step::Table { rows }),
        6 => size().prop_map(|size| Step::Insufficient { size }),
        3 => code.prop_map(Step::Code),
        2 => (count, any_size()).prop_map(|(count, size)| Step::Success { count, size }),
        1 => (0..300u32, -3..=3).prop_map(|(count, offset)| Step::NearMiss { count, offset }),
        1 => any_size().prop_map(|size| Step::Untouched { size }),
    ]
}

impl Step {
    /// Plays the call for a table of this class. `mark` is the local port of every row.
    fn play<R: Row>(self, mark: u16, table: &mut [Word], size: &mut u32) -> u32 {
        let given = *size;
        match self {
            Step::Table { rows } => {
                *size = R::CLASS.table_size(rows as usize).unwrap() as u32;
                if *size > given {
                    return ERROR_INSUFFICIENT_BUFFER;
                }
                write::<R>(mark, rows, *size, table);
                NO_ERROR
            }
            Step::Insufficient { size: required } => {
                *size = required.of(given);
                ERROR_INSUFFICIENT_BUFFER
            }
            Step::Code(code) => code,
            Step::Success { count, size: reported } => {
                *size = reported.of(given);
                write::<R>(mark, count, (*size).min(given), table);
                NO_ERROR
            }
            Step::NearMiss { count, offset } => {
                let exact = R::CLASS.table_size(count as usize).unwrap() as u32;
                *size = exact.saturating_add_signed(offset);
                write::<R>(mark, count, (*size).min(given), table);
                NO_ERROR
            }
            Step::Untouched { size: reported } => {
                *size = reported.of(given);
                NO_ERROR
            }
        }
    }
}

/// Writes a count, and at most `count` rows into the first `bytes` bytes.
fn write<R: Row>(mark: u16, count: u32, bytes: u32, table: &mut [Word]) {
    let table = pod::bytes_of_mut(table);
    table[..4].copy_from_slice(&count.to_ne_bytes());
    let row = R::new(State::Listen, format!("[::1]:{mark}").parse().unwrap(), None);
    let rows = table[..bytes as usize].get_mut(R::CLASS.rows_offset()..).unwrap_or_default();
    for target in rows.chunks_exact_mut(R::CLASS.row_size()).take(count as usize) {
        target.copy_from_slice(pod::bytes_of(&[row]));
    }
}

/// The last call and its outcome.
#[derive(Clone, Copy, Debug)]
struct LastCall {
    step: Step,
    code: u32,
    given: u32,
    size: u32,
}

impl LastCall {
    /// The number of rows in the table that the call wrote, or `None` if it wrote no valid table.
    fn rows<R: Row>(self) -> Option<usize> {
        match self.step {
            _ if self.code == ERROR_NO_DATA => Some(0),
            _ if self.code != NO_ERROR || self.size > self.given => None,
            Step::Table { rows: count } | Step::Success { count, .. } | Step::NearMiss { count, .. } => {
                let required = match count {
                    0 => 4,
                    count => R::CLASS.table_size(count as usize)?,
                };
                (required <= self.size as usize).then_some(count as usize)
            }
            _ => None,
        }
    }
}

/// A sequence of calls, of which the last is repeated without end.
///
/// Most sequences end with a table. Sequences that exhaust the attempts grow a large buffer, which is slow.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![15 => (0..5000u32).prop_map(|rows| Step::Table { rows }), 1 => step()];
    (vec(step(), 0..18), end).prop_map(|(mut steps, end)| {
        steps.push(end);
        steps
    })
}

/// Fills the buffer by these steps and compares the outcome with the last call.
fn run<R: Row>(steps: &[Step], buffer: &mut Buffer) -> Result<(), TestCaseError> {
    let mut calls = 0;
    let mut waited = Duration::ZERO;
    let mut last = None;
    let before = buffer.capacity();
    let play = |table: &mut [Word], size: &mut u32| {
        let given = *size;
        assert!(given as usize <= size_of_val(table), "the size exceeds the buffer");
        let step = steps[calls.min(steps.len() - 1)];
        calls += 1;
        let code = step.play::<R>(calls as u16, table, size);
        last = Some(LastCall { step, code, given, size: *size });
        code
    };
    let filled = fill(buffer, R::CLASS, "GetTcp6Table", play, |time| waited += time);
    let last = last.expect("at least one call");

    prop_assert!(calls <= 16, "{calls} calls");
    prop_assert!(waited <= Duration::from_millis(300), "waited {waited:?}");
    match (filled, last.rows::<R>()) {
        (Ok(()), Some(rows)) => {
            let table = buffer.table::<R>().unwrap();
            prop_assert_eq!(table.len(), rows);
            // All rows are from the successful call, which wrote its number as their port.
            prop_assert!(table.iter().all(|row| usize::from(row.local().port()) == calls));
            return Ok(());
        }
        (Ok(()), None) => prop_assert!(false, "expected an error after {last:?}"),
        (Err(error), Some(rows)) => prop_assert!(false, "{error}, expected {rows} rows after {last:?}"),
        (Err(Error::Malformed(_)), None) => prop_assert_eq!(last.code, NO_ERROR),
        (Err(Error::NotSupported), None) => prop_assert_eq!(last.code, ERROR_NOT_SUPPORTED),
        (Err(Error::Unstable { attempts, last: source, .. }), None) => {
            prop_assert_eq!(attempts as usize, calls);
            prop_assert_eq!(calls, 16);
            prop_assert!([ERROR_INSUFFICIENT_BUFFER, STATUS_UNSUCCESSFUL].contains(&last.code));
            prop_assert_eq!(source.raw_os_error(), Some(last.code as i32));
        }
        (Err(Error::Os { source, .. }), None) => {
            let handled = [NO_ERROR, ERROR_INSUFFICIENT_BUFFER, STATUS_UNSUCCESSFUL, ERROR_NOT_SUPPORTED];
            prop_assert!(!handled.contains(&last.code));
            prop_assert_eq!(source.raw_os_error(), Some(last.code as i32));
        }
        (Err(error), None) => prop_assert!(false, "{error}"),
    }
    prop_assert_eq!(buffer.class(), None, "the buffer holds a table after an error");
    prop_assert_eq!(buffer.capacity(), before, "the capacity changed after an error");
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn returns_the_written_table_or_an_error() {
    // The second run starts with the rows of the first in the buffer.
    proptest!(config(500), |(first in steps(), second in steps(), class in 0..4usize)| {
        by_class!(Class::ALL[class], R => {
            let mut buffer = Buffer::new();
            run::<R>(&first, &mut buffer)?;
            run::<R>(&second, &mut buffer)?;
        });
    });
}

#[test]
fn gives_up_if_no_call_succeeds() {
    let failure =
        prop_oneof![size().prop_map(|size| Step::Insufficient { size }), Just(Step::Code(STATUS_UNSUCCESSFUL))];
    proptest!(config(20), |(steps in vec(failure, 1..20))| run::<BasicRow>(&steps, &mut Buffer::new())?);
}
