//! The key bindings of the live view.

use crate::escape::is_escaped;
use crate::terminal::Key;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Quit,
    Pause,
    Sort,
    Reverse,
    State,
    Help,
    Filter(Edit),
    Scroll(Scroll),
}

/// A change of the filter text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Begin,
    Type(char),
    Erase,
    /// Ends the input and keeps the filter.
    Keep,
    /// Ends the input and removes the filter.
    Clear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// The help of the view. An entry is never split across lines.
pub const HELP: [&str; 9] = [
    "q quit",
    "p pause or resume",
    "s next sort column",
    "r reverse order",
    "f next state filter",
    "/ text filter (Enter confirms)",
    "Esc clear text filter",
    "arrows, PgUp, PgDn, Home, End scroll",
    "h hide help",
];

/// The action of a key. `is_typing` means that the user is typing a filter.
pub fn action(key: Key, is_typing: bool) -> Option<Action> {
    let shared = match key {
        Key::Ctrl('c') => Action::Quit,
        Key::Esc => Action::Filter(Edit::Clear),
        Key::Up => Action::Scroll(Scroll::Up),
        Key::Down => Action::Scroll(Scroll::Down),
        Key::PageUp => Action::Scroll(Scroll::PageUp),
        Key::PageDown => Action::Scroll(Scroll::PageDown),
        Key::Home => Action::Scroll(Scroll::Top),
        Key::End => Action::Scroll(Scroll::Bottom),
        _ => return if is_typing { edit(key).map(Action::Filter) } else { command(key) },
    };
    Some(shared)
}

fn edit(key: Key) -> Option<Edit> {
    Some(match key {
        Key::Char(c) if !is_escaped(c) => Edit::Type(c),
        Key::Backspace => Edit::Erase,
        Key::Enter => Edit::Keep,
        _ => return None,
    })
}

fn command(key: Key) -> Option<Action> {
    let Key::Char(c) = key else { return None };
    // Caps Lock must not disable the keys.
    Some(match c.to_ascii_lowercase() {
        'q' => Action::Quit,
        'p' | ' ' => Action::Pause,
        's' => Action::Sort,
        'r' => Action::Reverse,
        'f' => Action::State,
        '/' => Action::Filter(Edit::Begin),
        'h' | '?' => Action::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_commands_or_filter_text() {
        for q in ['q', 'Q'] {
            assert_eq!(action(Key::Char(q), false), Some(Action::Quit));
            assert_eq!(action(Key::Char(q), true), Some(Action::Filter(Edit::Type(q))));
        }
        assert_eq!(action(Key::Char('\''), true), Some(Action::Filter(Edit::Type('\''))));
        assert_eq!(action(Key::Char('\u{202e}'), true), None, "names show it escaped");
    }

    #[test]
    fn esc_clears_the_filter_and_does_not_quit() {
        for is_typing in [false, true] {
            assert_eq!(action(Key::Esc, is_typing), Some(Action::Filter(Edit::Clear)));
        }
        assert!(HELP.contains(&"Esc clear text filter") && HELP.contains(&"q quit"));
    }

    #[test]
    fn ctrl_c_quits_and_other_control_keys_are_ignored() {
        for is_typing in [false, true] {
            assert_eq!(action(Key::Ctrl('c'), is_typing), Some(Action::Quit));
            assert_eq!(action(Key::Ctrl('q'), is_typing), None);
        }
    }
}
