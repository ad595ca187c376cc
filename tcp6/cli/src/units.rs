//! Numbers with units, in few columns: two or three digits each.

use std::time::Duration;

const BYTES: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const RATES: [&str; 7] = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s", "EB/s"];
const TIMES: [&str; 3] = ["us", "ms", "s"];

/// The width of the widest text of [`rate`] and of [`time`], below 1000 EB/s and 1000 s.
pub const RATE_WIDTH: usize = "999 MB/s".len();
pub const TIME_WIDTH: usize = "999 ms".len();

/// A number of bytes, such as `999 B`, `1.2 kB` and `12 kB`. A kilobyte has 1000 bytes.
pub fn bytes(bytes: u64) -> String {
    scaled(bytes as f64, &BYTES)
}

/// A number of bytes per second, such as `1.2 MB/s`.
pub fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 1.0 { "<1 B/s".to_owned() } else { scaled(per_second, &RATES) }
}

/// A time, such as `87 us`, `1.2 ms` and `12 s`.
pub fn time(time: Duration) -> String {
    scaled(time.as_micros() as f64, &TIMES)
}

/// The largest unit in which the number is at least 1, with one digit after the point below 10. The first unit is whole.
fn scaled(mut value: f64, units: &[&'static str]) -> String {
    let mut rest = units.iter();
    let mut unit = rest.next().unwrap_or(&"");
    let mut is_whole = true;
    // Compares what is printed: 999.6 rounds to 1000.
    while value.round() >= 1000.0 {
        let Some(larger) = rest.next() else { break };
        (value, unit, is_whole) = (value / 1000.0, larger, false);
    }
    if is_whole || (value * 10.0).round() >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_or_three_digits_and_the_largest_unit() {
        let texts = [0, 1, 999, 1_000, 1_049, 1_050, 9_949, 9_950, 12_345, 999_499, 999_500, 1_234_567].map(bytes);
        let expected = [
            "0 B", "1 B", "999 B", "1.0 kB", "1.0 kB", "1.1 kB", "9.9 kB", "10 kB", "12 kB", "999 kB", "1.0 MB",
            "1.2 MB",
        ];
        assert_eq!(texts, expected);
        assert_eq!(bytes(u64::MAX), "18 EB");
        let texts = [0.0, 0.2, 1.4, 999.4, 999.5, 12e6, 1e24].map(rate);
        assert_eq!(texts, ["0 B/s", "<1 B/s", "1 B/s", "999 B/s", "1.0 kB/s", "12 MB/s", "1000000 EB/s"]);
        let texts = [0, 87, 999, 1_000, 12_300, 999_600, 61_000_000].map(|us| time(Duration::from_micros(us)));
        assert_eq!(texts, ["0 us", "87 us", "999 us", "1.0 ms", "12 ms", "1.0 s", "61 s"]);
        assert_eq!(time(Duration::from_secs(7_200)), "7200 s");
    }

    #[test]
    fn texts_fit_their_columns_and_never_decrease() {
        let (mut value, mut last) = (0.01, 0.0);
        while value < 1e20 {
            let text = rate(value);
            assert!(
                text.len() <= RATE_WIDTH
                    && time(Duration::from_micros((value as u64).min(999_000_000))).len() <= TIME_WIDTH
            );
            let (number, unit) = text.split_once(' ').unwrap();
            let scale = 1000f64.powi(RATES.iter().position(|known| *known == unit).unwrap() as i32);
            let printed = number.trim_start_matches('<').parse::<f64>().unwrap() * scale;
            assert!(printed >= last, "{text}");
            // Half a unit of the last digit: 1 / 1.05 at most.
            assert!(value < 1.0 || (printed / value - 1.0).abs() < 0.5, "{value}: {text}");
            assert!(value < 1_000.0 || (printed / value - 1.0).abs() < 0.05, "{value}: {text}");
            (value, last) = (value * 1.013, printed);
        }
    }
}
