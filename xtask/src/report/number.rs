//! Formats numbers.

/// Formats an integer with thousands separators: 18000 as 18,000.
pub(in crate::report) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a value with about three significant digits.
pub(in crate::report) fn round(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        0.1.. => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_about_three_significant_digits() {
        assert_eq!(round(1234.5), "1234");
        assert_eq!(round(12.345), "12.3");
        assert_eq!(round(0.567), "0.57");
        assert_eq!(round(0.01234), "0.0123");
        assert_eq!(round(0.0), "0");
    }
}
