//! Consoles on Windows.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, KeyCode, KeyEvent, KeyModifiers};
use crossterm::terminal;

use super::key::Key;
use super::{ENTER, Event, LEAVE};

/// Whether the console is in raw mode and must be restored.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The console of the process.
#[derive(Debug)]
pub struct Device;

impl Device {
    pub fn open() -> io::Result<Device> {
        // `supports_ansi` also enables the processing of escape sequences.
        if !crossterm::ansi_support::supports_ansi() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the console does not support escape sequences"));
        }
        terminal::enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        let mut device = Device;
        device.write(ENTER.as_bytes())?;
        Ok(device)
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    pub fn next(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        let deadline = Instant::now() + timeout;
        while event::poll(deadline.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                event::Event::Key(pressed) => {
                    if let Some(key) = key(pressed) {
                        return Ok(Some(Event::Key(key)));
                    }
                }
                event::Event::Resize(..) | event::Event::FocusGained => return Ok(Some(Event::Redraw)),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Leaves the alternate screen and raw mode. Repeated calls do nothing.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Errors are ignored: the console may have been closed.
        let _ = Device.write(LEAVE.as_bytes());
        let _ = terminal::disable_raw_mode();
    }
}

pub fn size() -> Option<(u16, u16)> {
    terminal::size().ok()
}

fn key(pressed: KeyEvent) -> Option<Key> {
    // Consoles report key releases too.
    if pressed.is_release() {
        return None;
    }
    let has = |modifier| pressed.modifiers.contains(modifier);
    Some(match pressed.code {
        KeyCode::Char(c) => return Key::typed(c, has(KeyModifiers::CONTROL), has(KeyModifiers::ALT)),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEventKind;

    use super::*;

    #[test]
    fn alt_gr_yields_its_character() {
        let alt_gr = KeyModifiers::CONTROL | KeyModifiers::ALT;
        assert_eq!(key(KeyEvent::new(KeyCode::Char('@'), alt_gr)), Some(Key::Char('@')));
        assert_eq!(key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Key::Ctrl('c')));
    }

    #[test]
    fn ignores_key_releases() {
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(key(released), None);
    }
}
