//! The key bindings of `tcp6 watch`.

use crate::live::keys;
use crate::terminal::Key;

/// The action of a key.
pub type Action = keys::Action<Own>;

/// The actions that only this view has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Selects the next state.
    State,
}

/// The help for the keys that only this view has.
pub const HELP: [&str; 1] = ["f next state filter"];

/// The action of a key. `is_typing` means that the user is typing a filter.
pub fn action(key: Key, is_typing: bool) -> Option<Action> {
    keys::action(key, is_typing, |c| (c == 'f').then_some(Own::State))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_selects_the_next_state() {
        assert_eq!(action(Key::Char('F'), false), Some(Action::Own(Own::State)));
        assert_eq!(action(Key::Char('g'), false), None);
    }
}
