use super::*;
use crate::row::Row;
use crate::row::class::{BasicRow, OwnerModuleRow};
use crate::row::pod;
use crate::row::state::State;
use crate::table::layout;

/// A function of the family, played by a script: an answer for each call.
struct Script<F> {
    answers: F,
    calls: u32,
    waits: Vec<Duration>,
}

impl<F: FnMut(u32, &mut [Word], &mut u32) -> u32> Script<F> {
    /// `answers` gets the number of the call, from 0.
    fn new(answers: F) -> Script<F> {
        Script { answers, calls: 0, waits: Vec::new() }
    }

    fn fill(&mut self, class: Class, buffer: &mut Buffer) -> Result<()> {
        let call = |table: &mut [Word], size: &mut u32| {
            self.calls += 1;
            (self.answers)(self.calls - 1, table, size)
        };
        fill(buffer, class, "GetTcp6Table", call, |time| self.waits.push(time))
    }
}

fn rows<R: Row>(count: usize) -> Vec<R> {
    (0..count).map(|i| R::new(State::Listen, format!("[::1]:{}", i % 65536).parse().unwrap(), None)).collect()
}

/// What the real functions do with a table of so many rows.
fn answer<R: Row>(count: usize, table: &mut [Word], size: &mut u32) -> u32 {
    let needed = R::CLASS.table_size(count).unwrap();
    if (*size as usize) < needed {
        *size = needed as u32;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    let bytes = pod::bytes_of_mut(table);
    bytes[..4].copy_from_slice(&(count as u32).to_ne_bytes());
    bytes[R::CLASS.rows_offset()..needed].copy_from_slice(pod::bytes_of(&rows::<R>(count)));
    *size = needed as u32;
    NO_ERROR
}

#[test]
fn a_table_that_fits_is_one_call() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|_, table, size| answer::<BasicRow>(1000, table, size));
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert_eq!(script.calls, 1);
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), 1000);
}

#[test]
fn a_table_that_does_not_fit_is_two_calls_and_one_ever_after() {
    let mut buffer = Buffer::new();
    for (count, calls) in [(20_000, 2), (20_000, 1), (22_000, 1), (10, 1), (20_000, 1)] {
        let mut script = Script::new(|_, table, size| answer::<OwnerModuleRow>(count, table, size));
        script.fill(Class::OwnerModule, &mut buffer).unwrap();
        assert_eq!(script.calls, calls, "{count} rows");
        assert_eq!(buffer.table::<OwnerModuleRow>().unwrap().len(), count);
    }
}

#[test]
fn a_table_that_grows_at_each_call_is_caught_up_with() {
    let mut buffer = Buffer::new();
    // Faster than any machine: half as many again between two calls.
    let mut script =
        Script::new(|call, table, size| answer::<BasicRow>(5_000 * 3usize.pow(call) / 2usize.pow(call), table, size));
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert!(script.calls < ATTEMPTS, "{} calls", script.calls);
    let rows = 5_000 * 3usize.pow(script.calls - 1) / 2usize.pow(script.calls - 1);
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), rows);
}

#[test]
fn a_table_that_always_wants_more_ends_in_an_error() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|_, _, size: &mut u32| {
        // As a call with a wrong idea of its own size would: never enough, by a little.
        *size = size.saturating_add(1).min(1 << 20);
        ERROR_INSUFFICIENT_BUFFER
    });
    let error = script.fill(Class::Basic, &mut buffer).unwrap_err();
    assert!(matches!(error, Error::Unstable { attempts: ATTEMPTS, call: "GetTcp6Table", .. }), "{error}");
    assert_eq!(error.raw_os_error(), Some(122));
    assert_eq!(script.calls, ATTEMPTS);
    assert_eq!(buffer.class(), None);
}

#[test]
fn an_unsuccessful_status_is_tried_again_with_more_room() {
    let mut buffer = Buffer::new();
    let mut given = Vec::new();
    let mut script = Script::new(|call, table, size| {
        given.push(*size);
        if call < 5 { STATUS_UNSUCCESSFUL } else { answer::<BasicRow>(3, table, size) }
    });
    script.fill(Class::Basic, &mut buffer).unwrap();
    let waits = script.waits.clone();
    assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), 3);
    assert_eq!(waits, [FIRST_WAIT, FIRST_WAIT * 2], "at once at first, then after a wait");
}

#[test]
fn an_unsuccessful_status_for_ever_is_told_as_such() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|_, _, _| STATUS_UNSUCCESSFUL);
    let error = script.fill(Class::Basic, &mut buffer).unwrap_err();
    assert!(error.to_string().ends_with("no table after 16 attempts: status 0xC0000001"), "{error}");
    assert!(script.waits.iter().sum::<Duration>() < Duration::from_millis(500), "{:?}", script.waits);
    assert!(script.waits.iter().all(|wait| *wait <= LONGEST_WAIT));
    assert!(buffer.capacity() <= PLAUSIBLE_BYTES, "{} bytes", buffer.capacity());
    assert_eq!(buffer.class(), None);
}

#[test]
fn no_data_is_an_empty_table() {
    let mut buffer = Buffer::new();
    for class in Class::ALL {
        Script::new(|_, _, _| ERROR_NO_DATA).fill(class, &mut buffer).unwrap();
        assert_eq!(buffer.class(), Some(class));
        assert_eq!(layout::count(buffer.as_bytes(), class), Ok(0));
    }
}

#[test]
fn an_empty_table_may_be_four_bytes_in_every_class() {
    let mut buffer = Buffer::new();
    for class in Class::ALL {
        let mut script = Script::new(|_, table, size| {
            pod::bytes_of_mut(table)[..4].fill(0);
            *size = 4;
            NO_ERROR
        });
        script.fill(class, &mut buffer).unwrap();
        assert_eq!(layout::count(buffer.as_bytes(), class), Ok(0));
    }
}

#[test]
fn not_supported_is_told_as_such() {
    let error = Script::new(|_, _, _| ERROR_NOT_SUPPORTED).fill(Class::Basic, &mut Buffer::new()).unwrap_err();
    assert!(matches!(error, Error::NotSupported));
}

#[test]
fn every_other_code_is_handed_on_at_once() {
    for code in [5, 8, 14, 31, 65, 87, 120, 127, 234, 299, 1168, 1784, 0xDEAD_BEEF] {
        let mut script = Script::new(|_, _, _| code);
        let error = script.fill(Class::Basic, &mut Buffer::new()).unwrap_err();
        assert!(matches!(error, Error::Os { call: "GetTcp6Table", .. }), "{error}");
        assert_eq!(error.raw_os_error(), Some(code as i32));
        assert_eq!(script.calls, 1);
    }
}

/// A success that says it wrote `size` bytes and a count of `count` rows.
fn claim(count: u32, size: u32) -> Result<()> {
    let mut script = Script::new(|_, table, written| {
        pod::bytes_of_mut(table)[..4].copy_from_slice(&count.to_ne_bytes());
        *written = size;
        NO_ERROR
    });
    script.fill(Class::Basic, &mut Buffer::new())
}

#[test]
fn a_count_is_believed_only_as_far_as_the_bytes_go() {
    // Exact, and with the slack that Windows leaves.
    assert!(claim(2, 4 + 2 * 52).is_ok());
    assert!(claim(2, 4 + 2 * 52 + 8).is_ok());
    for (count, size) in
        [(3, 4 + 2 * 52 + 8), (1, 55), (1, 4), (u32::MAX, 60_000), (u32::MAX / 52 + 1, 64), (1 << 31, 108)]
    {
        let error = claim(count, size).unwrap_err();
        assert!(matches!(error, Error::Malformed(Malformed::CountBeyondBytes { .. })), "{count} in {size}: {error}");
    }
    assert!(matches!(claim(0, 3), Err(Error::Malformed(Malformed::TooShort { bytes: 3 }))));
    assert!(matches!(claim(0, u32::MAX), Err(Error::Malformed(Malformed::BeyondBuffer { reported: u32::MAX, .. }))));
}

#[test]
fn a_call_may_say_that_it_used_all_of_the_room_and_no_more() {
    for (beyond, fits) in [(0, true), (1, false)] {
        let mut buffer = Buffer::new();
        let mut script = Script::new(|_, table, size| {
            pod::bytes_of_mut(table)[..4].copy_from_slice(&2u32.to_ne_bytes());
            *size += beyond;
            NO_ERROR
        });
        match script.fill(Class::Basic, &mut buffer) {
            Ok(()) => assert!(fits && buffer.table::<BasicRow>().unwrap().len() == 2),
            Err(error) => {
                assert!(!fits && matches!(error, Error::Malformed(Malformed::BeyondBuffer { .. })), "{error}")
            }
        }
    }
}

#[test]
fn a_success_that_writes_nothing_does_not_show_the_last_table_again() {
    let mut buffer = Buffer::new();
    Script::new(|_, table, size| answer::<BasicRow>(10, table, size)).fill(Class::Basic, &mut buffer).unwrap();
    let untouched = Script::new(|_, _, _| NO_ERROR).fill(Class::Basic, &mut buffer);
    assert!(matches!(untouched, Err(Error::Malformed(_))));
    assert_eq!(buffer.class(), None);
}

#[test]
fn an_absurd_size_does_not_take_the_memory_of_the_machine() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|call, table, size| {
        if call == 0 {
            *size = u32::MAX;
            return ERROR_INSUFFICIENT_BUFFER;
        }
        answer::<BasicRow>(10, table, size)
    });
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert!(buffer.capacity() <= PLAUSIBLE_BYTES, "{} bytes", buffer.capacity());
}

/// Claims 1 GB at the first `lies` calls, then writes a table of one row.
fn claim_a_gigabyte(lies: u32, buffer: &mut Buffer) -> (Result<()>, usize) {
    let mut most = 0;
    let mut script = Script::new(|call, table, size| {
        most = most.max(size_of_val(table));
        if call < lies {
            *size = 1 << 30;
            return ERROR_INSUFFICIENT_BUFFER;
        }
        answer::<BasicRow>(1, table, size)
    });
    let filled = script.fill(Class::Basic, buffer);
    (filled, most)
}

#[test]
fn absurd_sizes_do_not_add_up() {
    for lies in [1, 2, 3, ATTEMPTS - 1, ATTEMPTS] {
        let mut buffer = Buffer::new();
        let (filled, most) = claim_a_gigabyte(lies, &mut buffer);
        assert!(most <= MOST_BYTES, "{lies} claims: {most} bytes");
        assert_eq!(filled.is_ok(), lies < ATTEMPTS);
        assert_eq!(buffer.table::<BasicRow>().map_or(0, |table| table.len()), usize::from(lies < ATTEMPTS));
    }
}

#[test]
fn a_refresh_that_fails_frees_what_it_allocated_and_no_more() {
    let mut buffer = Buffer::new();
    assert!(claim_a_gigabyte(ATTEMPTS, &mut buffer).0.is_err());
    assert_eq!(buffer.capacity(), 0);

    Script::new(|_, table, size| answer::<BasicRow>(10_000, table, size)).fill(Class::Basic, &mut buffer).unwrap();
    let capacity = buffer.capacity();
    assert!(claim_a_gigabyte(ATTEMPTS, &mut buffer).0.is_err());
    assert_eq!((buffer.capacity(), buffer.class()), (capacity, None));
    Script::new(|_, _, _| ERROR_NOT_SUPPORTED).fill(Class::Basic, &mut buffer).unwrap_err();
    assert_eq!(buffer.capacity(), capacity);
}

#[test]
fn a_buffer_that_was_made_for_a_larger_table_may_double() {
    let rows = MOST_BYTES / 52;
    let mut buffer = Buffer::with_capacity_for(Class::Basic, rows).unwrap();
    let before = buffer.capacity();
    let (filled, most) = claim_a_gigabyte(3, &mut buffer);
    filled.unwrap();
    assert_eq!(most, 2 * before);
}

#[test]
fn the_size_to_try_next_is_more_and_never_too_much() {
    for capacity in [65_536_usize, 1 << 20, 1 << 26, 1 << 30] {
        for wanted in [0, 1, capacity - 1, capacity, capacity + 1, capacity.saturating_mul(3), usize::MAX] {
            let next = grown(capacity, wanted);
            let most = capacity.saturating_mul(MAX_GROWTH_FACTOR).max(PLAUSIBLE_BYTES).min(u32::MAX as usize);
            assert!(next > capacity || wanted < capacity && capacity >= PLAUSIBLE_BYTES, "{capacity} {wanted}: {next}");
            assert!(next <= most, "{capacity} {wanted}: {next}");
            assert!(next > wanted || next == most, "{capacity} {wanted}: {next}");
        }
    }
}
