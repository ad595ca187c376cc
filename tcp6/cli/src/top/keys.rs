//! The key bindings of `tcp6 top`.

use super::view::Sort;
use crate::live::keys;
use crate::terminal::Key;

/// The action of a key.
pub type Action = keys::Action<Own>;

/// The actions that only this view has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Switches between connections and processes.
    Group,
    SortBy(Sort),
}

/// The help for the keys that only this view has.
pub const HELP: [&str; 6] =
    ["g connections or processes", "a sort by in + out", "i by in", "o by out", "t by RTT", "x by retransmits"];

/// The action of a key. `is_typing` means that the user is typing a filter.
pub fn action(key: Key, is_typing: bool) -> Option<Action> {
    keys::action(key, is_typing, |c| {
        Some(match c {
            'g' => Own::Group,
            'a' => Own::SortBy(Sort::Total),
            'i' => Own::SortBy(Sort::Received),
            'o' => Own::SortBy(Sort::Sent),
            't' => Own::SortBy(Sort::Rtt),
            'x' => Own::SortBy(Sort::Retransmits),
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_in_the_help_exists() {
        for help in HELP {
            let key = Key::Char(help.chars().next().unwrap());
            assert!(matches!(action(key, false), Some(Action::Own(_))), "{help}");
            assert!(matches!(action(key, true), Some(Action::Filter(_))), "{help}");
        }
        assert_eq!(action(Key::Char('f'), false), None);
    }
}
