//! Serializes times: RFC 3339 in UTC in human-readable formats, else seconds and nanoseconds.
//!
//! `SystemTime` has a resolution of 100 ns on Windows. A time from Linux is rounded down when it is read there.

use core::fmt;
use core::str::FromStr;
use std::time::SystemTime;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::unix_time::{at, since_epoch};

/// A time that is serialized exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) SystemTime);

/// A time of which human-readable formats contain only the whole second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second(pub(super) SystemTime);

const DAY: i64 = 24 * 60 * 60;

/// The number of days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const DAYS_BEFORE_1970: i64 = 719_468;
/// The number of days in 400 years, the period of the calendar.
const ERA: i64 = 146_097;

/// The year, month and day of a day number, counted from 1970-01-01.
///
/// Years begin in March internally, so that the leap day is the last day of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The day number of a date, counted from 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * ERA + of_era - DAYS_BEFORE_1970
}

/// Writes a time. Fails if the year does not have four digits.
fn write(f: &mut impl fmt::Write, seconds: i64, nanoseconds: u32) -> fmt::Result {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999).ok_or(fmt::Error)?;
    write!(f, "{year:04}-{month:02}-{day:02}T")?;
    write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
    // Some parsers accept only 3, 6 or 9 digits.
    match nanoseconds {
        0 => Ok(()),
        _ if nanoseconds % 1_000_000 == 0 => write!(f, ".{:03}", nanoseconds / 1_000_000),
        _ if nanoseconds % 1_000 == 0 => write!(f, ".{:06}", nanoseconds / 1_000),
        _ => write!(f, ".{nanoseconds:09}"),
    }?;
    f.write_char('Z')
}

impl Time {
    /// The seconds since 1970-01-01 UTC, rounded down, and the nanoseconds after them.
    pub(super) fn parts(self) -> (i64, u32) {
        since_epoch(self.0)
    }

    /// The time with these nanoseconds after its second.
    ///
    /// Without them, its fraction of a second counts.
    ///
    /// # Errors
    ///
    /// A text, if `nanoseconds` is not below 10^9, or if both are present.
    pub(super) fn with_nanoseconds(self, nanoseconds: Option<u32>) -> Result<Time, &'static str> {
        match (self.parts(), nanoseconds) {
            (_, None) => Ok(self),
            ((seconds, 0), Some(nanoseconds)) => at(seconds, nanoseconds).map(Time).ok_or("invalid `taken_at_nanos`"),
            _ => Err("both `taken_at_nanos` and a fraction of a second in `taken_at`"),
        }
    }
}

impl fmt::Display for Time {
    /// Fails if the year does not have four digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = since_epoch(self.0);
        write(f, seconds, nanoseconds)
    }
}

impl Second {
    /// Whether human-readable formats can represent the time: the year has four digits.
    pub(super) fn is_writable(self) -> bool {
        write(&mut String::new(), since_epoch(self.0).0, 0).is_ok()
    }
}

/// A description of the text that [`Time`] is parsed from, for errors.
pub(super) const EXPECTED: &str = "a time like 2026-01-31T12:00:00.5Z";

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Time, &'static str> {
        parse(text).ok_or(EXPECTED)
    }
}

fn parse(text: &str) -> Option<Time> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let nanoseconds = match fraction.len() {
        1..=9 if is_digits(fraction) => format!("{fraction:0<9}").parse().ok()?,
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // Invalid dates do not round-trip.
    if civil(days) != (year, month, day) {
        return None;
    }
    at(days * DAY + hour * 3600 + minute * 60 + second, nanoseconds).map(Time)
}

/// Parses three numbers that have exactly the given numbers of digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.parts().serialize(serializer);
        }
        serialize_text(serializer, self.parts())
    }
}

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (seconds, nanoseconds) = since_epoch(self.0);
        if !serializer.is_human_readable() {
            return (seconds, nanoseconds).serialize(serializer);
        }
        serialize_text(serializer, (seconds, 0))
    }
}

fn serialize_text<S: Serializer>(serializer: S, (seconds, nanoseconds): (i64, u32)) -> Result<S::Ok, S::Error> {
    let mut text = String::new();
    write(&mut text, seconds, nanoseconds).map_err(|_| S::Error::custom("a year outside 0000 to 9999"))?;
    serializer.serialize_str(&text)
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        if deserializer.is_human_readable() {
            return super::sets::parsed(deserializer, EXPECTED);
        }
        let (seconds, nanoseconds) = Deserialize::deserialize(deserializer)?;
        at(seconds, nanoseconds).map(Time).ok_or_else(|| D::Error::custom("a time that this system cannot represent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_as_rfc_3339() {
        // Multiples of 100 ns, the resolution of `SystemTime` on Windows.
        for (seconds, nanoseconds, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 500, "2000-02-29T00:00:00.000000500Z"),
            (1_795_430_559, 99_338_100, "2026-11-23T10:42:39.099338100Z"),
            (-1, 999_999_900, "1969-12-31T23:59:59.999999900Z"),
            (1, 500_000_000, "1970-01-01T00:00:01.500Z"),
            (1, 20_000, "1970-01-01T00:00:01.000020Z"),
            (253_402_300_799, 0, "9999-12-31T23:59:59Z"),
        ] {
            let time = Time(at(seconds, nanoseconds).unwrap());
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn years_without_four_digits_are_errors() {
        for seconds in [253_402_300_800, -62_167_219_201] {
            if let Some(time) = at(seconds, 0) {
                assert!(!Second(time).is_writable(), "{seconds}");
                assert!(serde_json::to_string(&Second(time)).is_err(), "{seconds}");
                assert!(serde_json::to_string(&Time(time)).is_err(), "{seconds}");
            }
        }
        let first = Time(at(-62_167_219_200, 0).unwrap_or(SystemTime::UNIX_EPOCH));
        assert_eq!(first.to_string().parse(), Ok(first));
    }

    #[test]
    fn every_day_of_eight_hundred_years_round_trips() {
        for day in days(1700, 1, 1)..days(2500, 1, 1) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn a_fraction_may_be_short_or_missing() {
        assert_eq!("1970-01-01T00:00:00Z".parse(), Ok(Time(at(0, 0).unwrap())));
        assert_eq!("1970-01-01T00:00:00.5Z".parse(), Ok(Time(at(0, 500_000_000).unwrap())));
    }

    #[test]
    fn rejects_invalid_times() {
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+00:00",
            "1970-13-01T00:00:00Z",
            "1970-02-30T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T23:60:00Z",
            "1970-01-01T23:59:60Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.0000000000Z",
            "+970-01-01T00:00:00Z",
            "1970-01-01T00:00:00:00Z",
        ] {
            assert_eq!(text.parse::<Time>(), Err(EXPECTED), "{text}");
        }
    }
}
