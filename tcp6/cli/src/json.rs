//! JSON output that writes each character for which [`is_escaped`] holds as a `\u` escape.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::escape::is_escaped;

/// Writes a value as one line of JSON.
pub fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Escaping))?;
    out.write_all(b"\n")
}

/// The compact format of serde_json with more escapes.
///
/// serde_json itself escapes only quotes, backslashes and characters below U+0020.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_escaped(*c)) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escape::tests::NAMES;

    fn line(value: &str) -> String {
        let mut out = Vec::new();
        write_line(&mut out, &value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn control_and_format_characters_are_escaped() {
        assert_eq!(line("\u{9b}31m"), "\"\\u009b31m\"\n");
        assert_eq!(line("a\u{7f}b"), "\"a\\u007fb\"\n");
        assert_eq!(line("\u{202e}evil"), "\"\\u202eevil\"\n");
        assert_eq!(line("\x1b[0m\n"), "\"\\u001b[0m\\n\"\n");
        assert_eq!(line("\u{e0041}"), "\"\\udb40\\udc41\"\n");
        assert_eq!(line("say \"hi\" 日本 a\\b e\u{301}"), "\"say \\\"hi\\\" 日本 a\\\\b e\u{301}\"\n");
    }

    #[test]
    fn escaped_text_round_trips() {
        for (name, _) in NAMES {
            let line = line(name);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
            assert!(!line.trim_end().contains(is_escaped), "{line:?}");
        }
    }
}
