//! The keys that the live view uses.

/// A pressed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Char(char),
    /// Control with a letter, in lower case.
    Ctrl(char),
    Enter,
    Esc,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

impl Key {
    /// The key for a character typed with these modifiers. `None` for a character with Alt alone.
    ///
    /// Windows reports AltGr as Control and Alt together. The character is then the one of the keyboard layout.
    #[cfg_attr(not(windows), allow(dead_code, reason = "Unix terminals send characters, not modifiers"))]
    pub fn typed(c: char, control: bool, alt: bool) -> Option<Key> {
        match (control, alt) {
            (false, false) | (true, true) => Some(Key::Char(c)),
            (true, false) => Some(Key::Ctrl(c.to_ascii_lowercase())),
            (false, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alt_gr_yields_the_character_of_the_layout() {
        for c in ['@', '[', '\\', '/', '€', 'ć', 'q'] {
            assert_eq!(Key::typed(c, true, true), Some(Key::Char(c)));
        }
    }

    #[test]
    fn control_yields_a_command_and_alt_is_ignored() {
        assert_eq!(Key::typed('C', true, false), Some(Key::Ctrl('c')));
        assert_eq!(Key::typed('q', false, true), None);
        assert_eq!(Key::typed('Q', false, false), Some(Key::Char('Q')));
    }
}
