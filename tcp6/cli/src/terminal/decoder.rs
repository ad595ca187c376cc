//! Decodes the bytes that a Unix terminal sends into keys. No I/O.

use std::collections::VecDeque;

use super::key::Key;

/// The maximum length of an incomplete escape sequence in bytes. A longer one is discarded.
const MAX_SEQUENCE: usize = 32;

const ESC: u8 = 0x1b;

/// A decoder. It keeps the bytes of an incomplete key until the next read.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
}

/// The result of decoding the first key of some bytes.
enum Decoded {
    /// The number of bytes to consume, and the key, unless it is unknown.
    Key(usize, Option<Key>),
    Incomplete,
}

impl Decoder {
    /// Decodes the bytes of one read and appends the keys to `keys`.
    ///
    /// An ESC at the end is the key Esc. Terminals send an escape sequence at once, so it is not split after its ESC.
    pub fn decode(&mut self, bytes: &[u8], keys: &mut VecDeque<Key>) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Decoded::Key(length, key) = decode(&self.pending[at..]) {
            at += length;
            keys.extend(key);
        }
        self.pending.drain(..at);
        if self.pending.len() > MAX_SEQUENCE {
            self.pending.clear();
        }
    }
}

fn decode(bytes: &[u8]) -> Decoded {
    match bytes {
        [] => Decoded::Incomplete,
        [ESC] => Decoded::Key(1, Some(Key::Esc)),
        [ESC, b'[', sequence @ ..] => control_sequence(sequence),
        [ESC, b'O'] => Decoded::Incomplete,
        [ESC, b'O', letter, ..] => Decoded::Key(3, by_letter(*letter)),
        // Alt with a character, or Esc and a character that a slow connection delivered together.
        [ESC, ..] => Decoded::Key(1, Some(Key::Esc)),
        [b'\r' | b'\n', ..] => Decoded::Key(1, Some(Key::Enter)),
        // Terminals send either byte for Backspace.
        [0x08 | 0x7f, ..] => Decoded::Key(1, Some(Key::Backspace)),
        [control @ 0x01..=0x1a, ..] => Decoded::Key(1, Some(Key::Ctrl(char::from(control - 1 + b'a')))),
        [0x00..=0x1f, ..] => Decoded::Key(1, None),
        _ => character(bytes),
    }
}

/// Decodes the part of a control sequence after `ESC [`: parameters, intermediates, final byte.
fn control_sequence(sequence: &[u8]) -> Decoded {
    const INTRODUCER: usize = 2;
    let Some(end) = sequence.iter().position(|byte| !matches!(byte, 0x20..=0x3f)) else {
        return Decoded::Incomplete;
    };
    let key = match (&sequence[..end], sequence[end]) {
        // The Linux console sends `ESC [ [` and a letter for function keys.
        ([], b'[') if sequence.len() == 1 => return Decoded::Incomplete,
        ([], b'[') => return Decoded::Key(INTRODUCER + 2, None),
        (parameters, b'~') => by_number(parameters),
        (_, letter @ 0x40..=0x7e) => by_letter(letter),
        // Not a final byte: the sequence is aborted, and this byte begins the next key.
        _ => return Decoded::Key(INTRODUCER + end, None),
    };
    Decoded::Key(INTRODUCER + end + 1, key)
}

fn by_letter(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        _ => return None,
    })
}

/// The keys of the VT220, by number. Modifiers follow a semicolon and are ignored.
fn by_number(parameters: &[u8]) -> Option<Key> {
    Some(match parameters.split(|byte| *byte == b';').next()? {
        b"1" | b"7" => Key::Home,
        b"4" | b"8" => Key::End,
        b"5" => Key::PageUp,
        b"6" => Key::PageDown,
        _ => return None,
    })
}

/// Decodes a UTF-8 character. Invalid bytes are discarded.
fn character(bytes: &[u8]) -> Decoded {
    let chunk = bytes.utf8_chunks().next();
    let Some(chunk) = chunk else { return Decoded::Incomplete };
    match chunk.valid().chars().next() {
        Some(c) => Decoded::Key(c.len_utf8(), Some(Key::Char(c))),
        None => match std::str::from_utf8(bytes) {
            // The rest of the character has not arrived yet.
            Err(error) if error.error_len().is_none() => Decoded::Incomplete,
            _ => Decoded::Key(chunk.invalid().len().max(1), None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(reads: &[&[u8]]) -> Vec<Key> {
        let (mut decoder, mut keys) = (Decoder::default(), VecDeque::new());
        reads.iter().for_each(|read| decoder.decode(read, &mut keys));
        keys.into()
    }

    #[test]
    fn decodes_keys_of_common_terminals() {
        let keys: [(&[u8], &[Key]); 22] = [
            (b"q", &[Key::Char('q')]),
            ("€ć日".as_bytes(), &[Key::Char('€'), Key::Char('ć'), Key::Char('日')]),
            (b"\x1b", &[Key::Esc]),
            (b"\x1b\x1b", &[Key::Esc, Key::Esc]),
            (b"\r", &[Key::Enter]),
            (b"\n", &[Key::Enter]),
            (b"\x1bOM", &[Key::Enter]),
            (b"\x7f", &[Key::Backspace]),
            (b"\x08", &[Key::Backspace]),
            (b"\x03", &[Key::Ctrl('c')]),
            (b"\x1b[A\x1b[B", &[Key::Up, Key::Down]),
            (b"\x1bOA\x1bOB", &[Key::Up, Key::Down]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x1b[5~\x1b[6~", &[Key::PageUp, Key::PageDown]),
            (b"\x1b[5;2~", &[Key::PageUp]),
            (b"\x1b[H\x1b[1~\x1b[7~\x1bOH", &[Key::Home; 4]),
            (b"\x1b[F\x1b[4~\x1b[8~\x1bOF", &[Key::End; 4]),
            (b"\x1b[[Aq", &[Key::Char('q')]),
            (b"\x1bq", &[Key::Esc, Key::Char('q')]),
            ("\x1bé".as_bytes(), &[Key::Esc, Key::Char('é')]),
            (b"\x1b[3~\x1b[15~\x1b[C\0\x1c", &[]),
            (b"a\xffb", &[Key::Char('a'), Key::Char('b')]),
        ];
        for (bytes, expected) in keys {
            assert_eq!(decoded(&[bytes]), expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn decodes_keys_split_across_reads() {
        assert_eq!(decoded(&[b"\x1b[", b"A"]), [Key::Up]);
        assert_eq!(decoded(&[b"\xe2", b"\x82", b"\xac"]), [Key::Char('€')]);
        assert_eq!(decoded(&[b"\x1bO", b"B"]), [Key::Down]);
    }

    #[test]
    fn pending_bytes_are_bounded_for_any_input() {
        let (mut decoder, mut keys) = (Decoder::default(), VecDeque::new());
        for _ in 0..100 {
            decoder.decode(b"\x1b[1111111111111111;", &mut keys);
            assert!(decoder.pending.len() <= MAX_SEQUENCE);
        }
        let mut state = 1_u32;
        for _ in 0..100_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            decoder.decode(&[(state >> 24) as u8], &mut keys);
            assert!(decoder.pending.len() <= MAX_SEQUENCE);
        }
        decoder.decode(b"\x1b\x1b", &mut keys);
        assert_eq!(keys.pop_back(), Some(Key::Esc));
    }
}
