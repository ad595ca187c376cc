//! The keys that all live views have.

use crate::escape::is_escaped;
use crate::terminal::Key;

/// The action of a key. `Own` are the actions of one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<Own> {
    Quit,
    Pause,
    Sort,
    Reverse,
    Help,
    Filter(Edit),
    Scroll(Scroll),
    Own(Own),
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

/// The help for the keys in [`action`], around that for the own keys of a view.
pub const FIRST_HELP: [&str; 4] = ["q quit", "p pause or resume", "s next sort column", "r reverse order"];
pub const LAST_HELP: [&str; 4] =
    ["/ text filter (Enter confirms)", "Esc clear text filter", "arrows, PgUp, PgDn, Home, End scroll", "h hide help"];

/// The action of a key. `is_typing` means that the user is typing a filter. `own` are the letters of the view.
pub fn action<Own>(key: Key, is_typing: bool, own: impl Fn(char) -> Option<Own>) -> Option<Action<Own>> {
    let shared = match key {
        Key::Ctrl('c') => Action::Quit,
        Key::Esc => Action::Filter(Edit::Clear),
        Key::Up => Action::Scroll(Scroll::Up),
        Key::Down => Action::Scroll(Scroll::Down),
        Key::PageUp => Action::Scroll(Scroll::PageUp),
        Key::PageDown => Action::Scroll(Scroll::PageDown),
        Key::Home => Action::Scroll(Scroll::Top),
        Key::End => Action::Scroll(Scroll::Bottom),
        _ if is_typing => return edit(key).map(Action::Filter),
        Key::Char(c) => return command(c, own),
        _ => return None,
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

fn command<Own>(c: char, own: impl Fn(char) -> Option<Own>) -> Option<Action<Own>> {
    // Caps Lock must not disable the keys.
    let c = c.to_ascii_lowercase();
    Some(match c {
        'q' => Action::Quit,
        'p' | ' ' => Action::Pause,
        's' => Action::Sort,
        'r' => Action::Reverse,
        '/' => Action::Filter(Edit::Begin),
        'h' | '?' => Action::Help,
        _ => return own(c).map(Action::Own),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The action of a key in a view with the own letter `x`.
    fn action(key: Key, is_typing: bool) -> Option<Action<char>> {
        super::action(key, is_typing, |c| (c == 'x').then_some(c))
    }

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
    fn a_view_has_letters_of_its_own() {
        for x in ['x', 'X'] {
            assert_eq!(action(Key::Char(x), false), Some(Action::Own('x')));
            assert_eq!(action(Key::Char(x), true), Some(Action::Filter(Edit::Type(x))));
        }
        assert_eq!(action(Key::Char('y'), false), None);
    }

    #[test]
    fn esc_clears_the_filter_and_does_not_quit() {
        for is_typing in [false, true] {
            assert_eq!(action(Key::Esc, is_typing), Some(Action::Filter(Edit::Clear)));
        }
        assert!(LAST_HELP.contains(&"Esc clear text filter") && FIRST_HELP.contains(&"q quit"));
    }

    #[test]
    fn ctrl_c_quits_and_other_control_keys_are_ignored() {
        for is_typing in [false, true] {
            assert_eq!(action(Key::Ctrl('c'), is_typing), Some(Action::Quit));
            assert_eq!(action(Key::Ctrl('q'), is_typing), None);
        }
    }
}
