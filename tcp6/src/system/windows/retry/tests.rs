use super::*;
use crate::row::Row;
use crate::row::class::{BasicRow, OwnerModuleRow};
use crate::row::pod;
use crate::row::state::State;
use crate::table::layout;

/// A table function that responds to each call by a script.
struct Script<F> {
    respond: F,
    calls: u32,
    waits: Vec<Duration>,
}

impl<F: FnMut(u32, &mut [Word], &mut u32) -> u32> Script<F> {
    /// `respond` receives the number of the call, starting with 0, and the arguments of the call.
    fn new(respond: F) -> Script<F> {
        Script { respond, calls: 0, waits: Vec::new() }
    }

    fn fill(&mut self, class: Class, buffer: &mut Buffer) -> Result<()> {
        let call = |table: &mut [Word], size: &mut u32| {
            self.calls += 1;
            (self.respond)(self.calls - 1, table, size)
        };
        fill(buffer, class, "GetTcp6Table", call, |time| self.waits.push(time))
    }
}

fn rows<R: Row>(count: usize) -> Vec<R> {
    (0..count).map(|i| R::new(State::Listen, format!("[::1]:{}", i % 65536).parse().unwrap(), None)).collect()
}

/// Behaves like the real functions with a table of `count` rows.
fn respond<R: Row>(count: usize, table: &mut [Word], size: &mut u32) -> u32 {
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
fn makes_one_call_if_the_table_fits() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|_, table, size| respond::<BasicRow>(1000, table, size));
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert_eq!(script.calls, 1);
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), 1000);
}

#[test]
fn makes_two_calls_if_the_table_does_not_fit_and_one_afterwards() {
    let mut buffer = Buffer::new();
    for (count, calls) in [(20_000, 2), (20_000, 1), (22_000, 1), (10, 1), (20_000, 1)] {
        let mut script = Script::new(|_, table, size| respond::<OwnerModuleRow>(count, table, size));
        script.fill(Class::OwnerModule, &mut buffer).unwrap();
        assert_eq!(script.calls, calls, "{count} rows");
        assert_eq!(buffer.table::<OwnerModuleRow>().unwrap().len(), count);
    }
}

#[test]
fn fills_a_table_that_grows_with_each_call() {
    let mut buffer = Buffer::new();
    // The table grows by half between two calls, which is faster than on any machine.
    let mut script =
        Script::new(|call, table, size| respond::<BasicRow>(5_000 * 3usize.pow(call) / 2usize.pow(call), table, size));
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert!(script.calls < ATTEMPTS, "{} calls", script.calls);
    let rows = 5_000 * 3usize.pow(script.calls - 1) / 2usize.pow(script.calls - 1);
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), rows);
}

#[test]
fn fails_if_every_buffer_is_too_small() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|_, _, size: &mut u32| {
        // The function always requires one byte more than it has, but reports at most 1 MiB.
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
fn retries_status_unsuccessful_with_a_larger_buffer() {
    let mut buffer = Buffer::new();
    let mut given = Vec::new();
    let mut script = Script::new(|call, table, size| {
        given.push(*size);
        if call < 5 { STATUS_UNSUCCESSFUL } else { respond::<BasicRow>(3, table, size) }
    });
    script.fill(Class::Basic, &mut buffer).unwrap();
    let waits = script.waits.clone();
    assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    assert_eq!(buffer.table::<BasicRow>().unwrap().len(), 3);
    assert_eq!(waits, [FIRST_WAIT, FIRST_WAIT * 2], "the first retries have no wait");
}

#[test]
fn fails_if_every_call_returns_status_unsuccessful() {
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
fn treats_no_data_as_an_empty_table() {
    let mut buffer = Buffer::new();
    for class in Class::ALL {
        Script::new(|_, _, _| ERROR_NO_DATA).fill(class, &mut buffer).unwrap();
        assert_eq!(buffer.class(), Some(class));
        assert_eq!(layout::count(buffer.as_bytes(), class), Ok(0));
    }
}

#[test]
fn accepts_an_empty_table_of_four_bytes_in_every_class() {
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
fn reports_not_supported() {
    let error = Script::new(|_, _, _| ERROR_NOT_SUPPORTED).fill(Class::Basic, &mut Buffer::new()).unwrap_err();
    assert!(matches!(error, Error::NotSupported));
}

#[test]
fn reports_other_codes_without_a_retry() {
    for code in [5, 8, 14, 31, 65, 87, 120, 127, 234, 299, 1168, 1784, 0xDEAD_BEEF] {
        let mut script = Script::new(|_, _, _| code);
        let error = script.fill(Class::Basic, &mut Buffer::new()).unwrap_err();
        assert!(matches!(error, Error::Os { call: "GetTcp6Table", .. }), "{error}");
        assert_eq!(error.raw_os_error(), Some(code as i32));
        assert_eq!(script.calls, 1);
    }
}

/// Fills a buffer by a call that succeeds, writes a count of `count` rows and reports `size`
/// written bytes.
fn claim(count: u32, size: u32) -> Result<()> {
    let mut script = Script::new(|_, table, written| {
        pod::bytes_of_mut(table)[..4].copy_from_slice(&count.to_ne_bytes());
        *written = size;
        NO_ERROR
    });
    script.fill(Class::Basic, &mut Buffer::new())
}

#[test]
fn rejects_a_count_that_exceeds_the_written_bytes() {
    // The exact size, and a size with the slack that Windows adds.
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
fn rejects_a_written_size_beyond_the_buffer() {
    for (excess, fits) in [(0, true), (1, false)] {
        let mut buffer = Buffer::new();
        let mut script = Script::new(|_, table, size| {
            pod::bytes_of_mut(table)[..4].copy_from_slice(&2u32.to_ne_bytes());
            *size += excess;
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
fn reports_no_stale_table_if_the_call_writes_nothing() {
    let mut buffer = Buffer::new();
    Script::new(|_, table, size| respond::<BasicRow>(10, table, size)).fill(Class::Basic, &mut buffer).unwrap();
    let untouched = Script::new(|_, _, _| NO_ERROR).fill(Class::Basic, &mut buffer);
    assert!(matches!(untouched, Err(Error::Malformed(_))));
    assert_eq!(buffer.class(), None);
}

#[test]
fn limits_the_growth_for_one_invalid_size() {
    let mut buffer = Buffer::new();
    let mut script = Script::new(|call, table, size| {
        if call == 0 {
            *size = u32::MAX;
            return ERROR_INSUFFICIENT_BUFFER;
        }
        respond::<BasicRow>(10, table, size)
    });
    script.fill(Class::Basic, &mut buffer).unwrap();
    assert!(buffer.capacity() <= PLAUSIBLE_BYTES, "{} bytes", buffer.capacity());
}

/// Fills the buffer by a call that requires 1 GiB in its first `false_claims` calls, then writes
/// one row.
///
/// Returns the result, and the largest buffer of a call in bytes.
fn claim_a_gibibyte(false_claims: u32, buffer: &mut Buffer) -> (Result<()>, usize) {
    let mut largest = 0;
    let mut script = Script::new(|call, table, size| {
        largest = largest.max(size_of_val(table));
        if call < false_claims {
            *size = 1 << 30;
            return ERROR_INSUFFICIENT_BUFFER;
        }
        respond::<BasicRow>(1, table, size)
    });
    let filled = script.fill(Class::Basic, buffer);
    (filled, largest)
}

#[test]
fn limits_the_growth_for_repeated_invalid_sizes() {
    for false_claims in [1, 2, 3, ATTEMPTS - 1, ATTEMPTS] {
        let mut buffer = Buffer::new();
        let (filled, largest) = claim_a_gibibyte(false_claims, &mut buffer);
        assert!(largest <= MAX_BYTES, "{false_claims} false claims: {largest} bytes");
        assert_eq!(filled.is_ok(), false_claims < ATTEMPTS);
        assert_eq!(buffer.table::<BasicRow>().map_or(0, |table| table.len()), usize::from(false_claims < ATTEMPTS));
    }
}

#[test]
fn frees_only_what_a_failed_refresh_allocated() {
    let mut buffer = Buffer::new();
    assert!(claim_a_gibibyte(ATTEMPTS, &mut buffer).0.is_err());
    assert_eq!(buffer.capacity(), 0);

    Script::new(|_, table, size| respond::<BasicRow>(10_000, table, size)).fill(Class::Basic, &mut buffer).unwrap();
    let capacity = buffer.capacity();
    assert!(claim_a_gibibyte(ATTEMPTS, &mut buffer).0.is_err());
    assert_eq!((buffer.capacity(), buffer.class()), (capacity, None));
    Script::new(|_, _, _| ERROR_NOT_SUPPORTED).fill(Class::Basic, &mut buffer).unwrap_err();
    assert_eq!(buffer.capacity(), capacity);
}

#[test]
fn doubles_a_buffer_that_was_created_for_a_larger_table() {
    let rows = MAX_BYTES / 52;
    let mut buffer = Buffer::with_capacity_for(Class::Basic, rows).unwrap();
    let before = buffer.capacity();
    let (filled, largest) = claim_a_gibibyte(3, &mut buffer);
    filled.unwrap();
    assert_eq!(largest, 2 * before);
}

#[test]
fn next_size_grows_within_its_limits() {
    for capacity in [65_536_usize, 1 << 20, 1 << 26, 1 << 30] {
        for required in [0, 1, capacity - 1, capacity, capacity + 1, capacity.saturating_mul(3), usize::MAX] {
            let next = next_size(capacity, required);
            let max = capacity.saturating_mul(MAX_GROWTH_FACTOR).max(PLAUSIBLE_BYTES).min(u32::MAX as usize);
            assert!(
                next > capacity || required < capacity && capacity >= PLAUSIBLE_BYTES,
                "{capacity} {required}: {next}"
            );
            assert!(next <= max, "{capacity} {required}: {next}");
            assert!(next > required || next == max, "{capacity} {required}: {next}");
        }
    }
}
