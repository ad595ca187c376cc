//! What is escaped in the output: text, JSON and the live view share this one decision.
//!
//! A process chooses its own name. Characters that act on a terminal or reorder a line must not reach it.

use std::ffi::OsStr;
use std::fmt::Write;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether a character is escaped: controls (C0, DEL, C1), format characters (bidi, zero-width) and line separators.
///
/// Quotes, backslashes and combining marks are harmless and stay.
pub fn is_escaped(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(get_general_category(c), Control | Format | LineSeparator | ParagraphSeparator)
}

/// The text with every character of [`is_escaped`] written as `\n`, `\t`, `\r` or `\u{1b}`.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The text of a name, with each byte that is not UTF-8 written as `\xff`, so that different names stay different.
pub fn decode(name: &OsStr) -> String {
    let mut decoded = String::with_capacity(name.len());
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        decoded.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(decoded, "\\x{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    decoded
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Names that processes have used against tools like this one: decoded, escaped for text.
    pub const NAMES: [(&str, &str); 12] = [
        ("Bob's app", "Bob's app"),
        ("say \"hi\"", "say \"hi\""),
        ("a\\b", "a\\b"),
        ("\x1b[31mred\x1b[0m", r"\u{1b}[31mred\u{1b}[0m"),
        ("new\nline", r"new\nline"),
        ("tab\there", r"tab\there"),
        ("日本語アプ", "日本語アプ"),
        ("e\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}"),
        ("\u{202e}evil", r"\u{202e}evil"),
        ("\u{7f}\u{9b}31m\u{85}", r"\u{7f}\u{9b}31m\u{85}"),
        ("a\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}b", r"a\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}b"),
        ("", ""),
    ];

    #[test]
    fn only_control_and_format_characters_are_escaped() {
        for (name, escaped) in NAMES {
            assert_eq!(escape(name), escaped);
        }
    }

    #[test]
    fn every_bidi_control_is_escaped() {
        let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter().chain('\u{202a}'..='\u{202e}');
        for c in bidi.chain('\u{2066}'..='\u{2069}') {
            assert!(is_escaped(c), "{c:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn invalid_bytes_are_shown_as_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(decode(OsStr::from_bytes(b"\xff\xfe\x9b31m")), r"\xff\xfe\x9b31m");
        assert_eq!(decode(OsStr::from_bytes("日本".as_bytes().split_last().unwrap().1)), r"日\xe6\x9c");
        assert_eq!(decode(OsStr::new("größe")), "größe");
    }
}
