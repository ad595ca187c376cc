//! Escaping of untrusted text, shared by text output, JSON and the live view.
//!
//! A process can choose any name. Characters that control a terminal or reorder a line must not reach the terminal.

use std::ffi::OsStr;
use std::fmt::Write;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether a character is escaped in output.
///
/// Escaped are controls (C0, DEL, C1), format characters (bidi, zero-width), and line and paragraph separators. Quotes,
/// backslashes and combining marks are harmless and are not escaped.
pub fn is_escaped(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(get_general_category(c), Control | Format | LineSeparator | ParagraphSeparator)
}

/// Escapes each character for which [`is_escaped`] holds, as `\n`, `\t`, `\r` or `\u{1b}`.
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

/// Decodes a process name. Bytes that are not valid UTF-8 are written as, for example, `\xff`.
///
/// A replacement character would make different names equal.
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

    /// Difficult process names: decoded, and escaped for text.
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
    fn escapes_control_and_format_characters_only() {
        for (name, escaped) in NAMES {
            assert_eq!(escape(name), escaped);
        }
    }

    #[test]
    fn escapes_every_bidi_control() {
        let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter().chain('\u{202a}'..='\u{202e}');
        for c in bidi.chain('\u{2066}'..='\u{2069}') {
            assert!(is_escaped(c), "{c:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn decodes_invalid_utf8_as_hex_escapes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(decode(OsStr::from_bytes(b"\xff\xfe\x9b31m")), r"\xff\xfe\x9b31m");
        assert_eq!(decode(OsStr::from_bytes("日本".as_bytes().split_last().unwrap().1)), r"日\xe6\x9c");
        assert_eq!(decode(OsStr::new("größe")), "größe");
    }
}
