//! Column widths, padding and truncation.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The number of terminal columns that a text takes. Wide characters take two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Takes up to `excess` columns from `width`, down to `min`, and subtracts them from `excess`.
pub fn shrink(width: &mut usize, min: usize, excess: &mut usize) {
    let taken = width.saturating_sub(min).min(*excess);
    *width -= taken;
    *excess -= taken;
}

/// Like [`shrink`] for two widths: each column is taken from the wider one.
pub fn shrink_both(a: &mut usize, b: &mut usize, min: usize, excess: &mut usize) {
    while *excess > 0 && (*a).max(*b) > min {
        if *a > *b {
            *a -= 1
        } else {
            *b -= 1
        }
        *excess -= 1;
    }
}

/// Pads or truncates a text to exactly `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let mut text = truncate(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Truncates a text to at most `columns`. An ellipsis (`…`) replaces the removed end.
pub fn truncate(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(limit) = columns.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= limit
    };
    let mut head: String = text.chars().take_while(fits).collect();
    head.push('…');
    head
}

/// Truncates an endpoint (`[address]:port`) to at most `columns`.
///
/// An ellipsis replaces the middle of the address. The port is truncated only if it does not fit by itself.
pub fn truncate_endpoint(endpoint: &str, columns: usize) -> String {
    let Some(excess) = width(endpoint).checked_sub(columns).filter(|excess| *excess > 0) else {
        return endpoint.to_owned();
    };
    // The name of an interface can contain any characters.
    if !endpoint.is_ascii() {
        return truncate(endpoint, columns);
    }
    let port = endpoint.rfind(':').unwrap_or(endpoint.len());
    // One more, for the ellipsis.
    match port.checked_sub(excess + 1) {
        Some(kept) => {
            let head = kept.div_ceil(2);
            format!("{}…{}{}", &endpoint[..head], &endpoint[port - (kept - head)..port], &endpoint[port..])
        }
        None => truncate(&endpoint[port..], columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pad_returns_exactly_the_given_width() {
        assert_eq!(pad("nginx", 7), "nginx  ");
        assert_eq!(pad("nginx", 5), "nginx");
        assert_eq!(pad("nginx", 4), "ngi…");
        assert_eq!(pad("nginx", 0), "");
        assert_eq!(pad("日本語", 6), "日本語");
        assert_eq!(pad("日本語", 5), "日本…");
        assert_eq!(pad("日本語", 4), "日… ", "a wide character is not split");
        assert_eq!(pad("e\u{301}\u{301}!", 3), "e\u{301}\u{301}! ");
    }

    #[test]
    fn truncates_addresses_in_the_middle_and_keeps_ports() {
        let end = "[2001:db8::1234]:50123";
        assert_eq!(truncate_endpoint(end, 22), end);
        assert_eq!(truncate_endpoint(end, 21), "[2001:d…::1234]:50123");
        assert_eq!(truncate_endpoint(end, 14), "[200…34]:50123");
        assert_eq!(truncate_endpoint(end, 8), "[…:50123");
        assert_eq!(truncate_endpoint(end, 7), "…:50123");
        assert_eq!(truncate_endpoint(end, 6), ":50123");
        assert_eq!(truncate_endpoint(end, 4), ":50…");
        assert_eq!(truncate_endpoint(end, 0), "");
        assert_eq!(truncate_endpoint("-", 1), "-");
        assert_eq!(truncate_endpoint("-", 0), "");
        for end in [end, "[fe80::1%日本]:80", "[fe80::1%e\u{301}th0]:50123", "[fe80::1%a:b]:443"] {
            for columns in 0..30 {
                assert!(width(&truncate_endpoint(end, columns)) <= columns, "{end}: {columns}");
            }
            assert_eq!(truncate_endpoint(end, width(end)), end);
        }
    }

    #[test]
    fn shrink_both_takes_from_the_wider_column_first() {
        let (mut a, mut b, mut excess) = (40, 20, 15);
        shrink_both(&mut a, &mut b, 14, &mut excess);
        assert_eq!((a, b, excess), (25, 20, 0));
        excess = 25;
        shrink_both(&mut a, &mut b, 14, &mut excess);
        assert_eq!((a, b, excess), (14, 14, 8));
        shrink(&mut a, 10, &mut excess);
        assert_eq!((a, excess), (10, 4));
        shrink(&mut a, 12, &mut excess);
        assert_eq!((a, excess), (10, 4), "it is already below the minimum");
    }
}
