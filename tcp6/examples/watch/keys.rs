//! What a key means.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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

/// What is done to the text of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Begin,
    Type(char),
    Erase,
    Keep,
    Drop,
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

/// For people.
pub const HELP: [&str; 2] = [
    "q quit  p pause  s sort  r reverse  f state  / filter (Enter keeps it, Esc drops it)",
    "arrows, PgUp, PgDn, Home, End scroll  h hides this",
];

/// What is done when this key is pressed, while a filter is typed or not.
pub fn action(key: KeyEvent, typing: bool) -> Option<Action> {
    // Windows tells of keys that are let go, too.
    if key.is_release() {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Action::Quit);
    }
    if let Some(scroll) = scroll(key.code) {
        return Some(Action::Scroll(scroll));
    }
    if typing { edit(key.code).map(Action::Filter) } else { command(key.code) }
}

fn scroll(code: KeyCode) -> Option<Scroll> {
    Some(match code {
        KeyCode::Up => Scroll::Up,
        KeyCode::Down => Scroll::Down,
        KeyCode::PageUp => Scroll::PageUp,
        KeyCode::PageDown => Scroll::PageDown,
        KeyCode::Home => Scroll::Top,
        KeyCode::End => Scroll::Bottom,
        _ => return None,
    })
}

fn edit(code: KeyCode) -> Option<Edit> {
    Some(match code {
        KeyCode::Char(typed) => Edit::Type(typed),
        KeyCode::Backspace => Edit::Erase,
        KeyCode::Enter => Edit::Keep,
        KeyCode::Esc => Edit::Drop,
        _ => return None,
    })
}

fn command(code: KeyCode) -> Option<Action> {
    Some(match code {
        KeyCode::Char('q') | KeyCode::Esc => Action::Quit,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('r') => Action::Reverse,
        KeyCode::Char('f') => Action::State,
        KeyCode::Char('/') => Action::Filter(Edit::Begin),
        KeyCode::Char('h' | '?') => Action::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEventKind;

    use super::*;

    #[test]
    fn a_letter_is_a_command_or_is_typed() {
        let q = KeyEvent::from(KeyCode::Char('q'));
        assert_eq!(action(q, false), Some(Action::Quit));
        assert_eq!(action(q, true), Some(Action::Filter(Edit::Type('q'))));
        let esc = KeyEvent::from(KeyCode::Esc);
        assert_eq!(action(esc, false), Some(Action::Quit));
        assert_eq!(action(esc, true), Some(Action::Filter(Edit::Drop)));
    }

    #[test]
    fn control_c_always_quits_and_no_other_control_key_does_anything() {
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for typing in [false, true] {
            assert_eq!(action(control('c'), typing), Some(Action::Quit));
            assert_eq!(action(control('q'), typing), None);
        }
    }

    #[test]
    fn a_key_that_is_let_go_does_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(action(released, false), None);
    }
}
