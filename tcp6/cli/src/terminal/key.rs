//! The keys of a keyboard, as far as the live view knows them.

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Char(char),
    /// Control and a letter, in lower case.
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
    /// A character that was typed while these modifiers were down. None for Alt alone, which is not a character.
    ///
    /// Windows reports AltGr as Control and Alt: together with them, the character is what the keyboard layout made.
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
    fn alt_gr_types_the_character_of_the_layout() {
        for c in ['@', '[', '\\', '/', '€', 'ć', 'q'] {
            assert_eq!(Key::typed(c, true, true), Some(Key::Char(c)));
        }
    }

    #[test]
    fn control_alone_is_a_command_and_alt_alone_is_nothing() {
        assert_eq!(Key::typed('C', true, false), Some(Key::Ctrl('c')));
        assert_eq!(Key::typed('q', false, true), None);
        assert_eq!(Key::typed('Q', false, false), Some(Key::Char('Q')));
    }
}
