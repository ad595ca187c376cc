//! Columns as wide as their content, and what is cut if a line has less room.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a terminal that a text takes. Wide characters take two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Takes up to `excess` columns from a width, which stays at least `least` if it was.
pub fn shrink(width: &mut usize, least: usize, excess: &mut usize) {
    let taken = width.saturating_sub(least).min(*excess);
    *width -= taken;
    *excess -= taken;
}

/// Takes up to `excess` columns from two widths, always from the wider one.
pub fn shrink_both(a: &mut usize, b: &mut usize, least: usize, excess: &mut usize) {
    while *excess > 0 && (*a).max(*b) > least {
        if *a > *b {
            *a -= 1
        } else {
            *b -= 1
        }
        *excess -= 1;
    }
}

/// The text in exactly `columns`: padded, or cut at its end.
pub fn pad(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The text in at most `columns`; `…` stands for the end that is cut off.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// An end (`[address]:port`) in at most `columns`: the middle of the address is cut, and the port is kept.
pub fn cut_end(end: &str, columns: usize) -> String {
    let Some(excess) = end.len().checked_sub(columns).filter(|excess| *excess > 0) else {
        return end.to_owned();
    };
    let port = end.rfind(':').unwrap_or(end.len());
    // The ellipsis needs a column as well.
    match port.checked_sub(excess + 1) {
        Some(kept) => {
            let head = kept.div_ceil(2);
            format!("{}…{}{}", &end[..head], &end[port - (kept - head)..port], &end[port..])
        }
        None => cut(&end[port..], columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_exactly_its_columns() {
        assert_eq!(pad("nginx", 7), "nginx  ");
        assert_eq!(pad("nginx", 5), "nginx");
        assert_eq!(pad("nginx", 4), "ngi…");
        assert_eq!(pad("nginx", 0), "");
        assert_eq!(pad("日本語", 6), "日本語");
        assert_eq!(pad("日本語", 5), "日本…");
        assert_eq!(pad("日本語", 4), "日… ", "a wide character is not halved");
        assert_eq!(pad("e\u{301}\u{301}!", 3), "e\u{301}\u{301}! ");
    }

    #[test]
    fn an_address_is_cut_in_its_middle_and_keeps_its_port() {
        let end = "[2001:db8::1234]:50123";
        assert_eq!(cut_end(end, 22), end);
        assert_eq!(cut_end(end, 21), "[2001:d…::1234]:50123");
        assert_eq!(cut_end(end, 14), "[200…34]:50123");
        assert_eq!(cut_end(end, 8), "[…:50123");
        assert_eq!(cut_end(end, 7), "…:50123");
        assert_eq!(cut_end(end, 6), ":50123");
        assert_eq!(cut_end(end, 4), ":50…");
        assert_eq!(cut_end(end, 0), "");
        assert_eq!(cut_end("-", 1), "-");
        assert_eq!(cut_end("-", 0), "");
        for columns in 0..30 {
            assert!(width(&cut_end(end, columns)) <= columns, "{columns}");
        }
    }

    #[test]
    fn the_wider_of_two_columns_shrinks_first() {
        let (mut a, mut b, mut excess) = (40, 20, 15);
        shrink_both(&mut a, &mut b, 14, &mut excess);
        assert_eq!((a, b, excess), (25, 20, 0));
        excess = 25;
        shrink_both(&mut a, &mut b, 14, &mut excess);
        assert_eq!((a, b, excess), (14, 14, 8));
        shrink(&mut a, 10, &mut excess);
        assert_eq!((a, excess), (10, 4));
        shrink(&mut a, 12, &mut excess);
        assert_eq!((a, excess), (10, 4), "it is below the least already");
    }
}
