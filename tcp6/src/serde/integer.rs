//! 64-bit integers that survive programs that store numbers as floats.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// A 64-bit integer in human-readable formats, written as a string of decimal digits.
///
/// The deserializer also accepts a number whose absolute value is below 2^53. JavaScript, `jq` and many other programs
/// store numbers as 64-bit floats, so a greater number may have been rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer<T>(pub(super) T);

/// The smallest absolute value to which a 64-bit float may round another integer.
pub(super) const INEXACT: u64 = 1 << 53;

impl From<u64> for Integer<u64> {
    fn from(value: u64) -> Integer<u64> {
        Integer(value)
    }
}

impl From<Integer<u64>> for u64 {
    fn from(Integer(value): Integer<u64>) -> u64 {
        value
    }
}

impl<T: fmt::Display> Serialize for Integer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr + TryFrom<i64>> Deserialize<'de> for Integer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Integer<T>, D::Error> {
        deserializer.deserialize_any(Digits(PhantomData))
    }
}

struct Digits<T>(PhantomData<T>);

impl<T: FromStr + TryFrom<i64>> Visitor<'_> for Digits<T> {
    type Value = Integer<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit integer as a string of digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Integer<T>, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let value = if digits.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
        value.map(Integer).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Integer<T>, E> {
        if number.unsigned_abs() >= INEXACT {
            return Err(E::custom(format_args!("the number {number} may have lost bits, expected a string of digits")));
        }
        number.try_into().map(Integer).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Integer<T>, E> {
        if number >= INEXACT {
            return Err(E::custom(format_args!("the number {number} may have lost bits, expected a string of digits")));
        }
        self.visit_i64(number as i64)
    }
}
