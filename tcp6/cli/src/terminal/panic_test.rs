//! Test that a panic restores the terminal before its message is written.

use super::{Line, Style, Terminal};

#[path = "../../tests/suite/pty.rs"]
#[expect(dead_code, reason = "shared with the integration tests")]
mod pty;

#[test]
fn panic_restores_the_terminal_before_its_message() {
    let tests = std::env::current_exe().unwrap();
    let child = ["--ignored", "--exact", "terminal::panic_test::panicking_child", "--nocapture"];
    let mut session = pty::Session::start(80, 24, &[&[tests.to_str().unwrap()], &child[..]].concat());
    session.until("the alternate screen", |screen| screen.contents().contains("before the panic"));
    assert!(session.emulator.screen().alternate_screen());
    assert!(!session.has_initial_modes());
    session.type_keys("x");
    assert!(!session.wait().success());
    session.assert_restored("panic");
    assert!(session.screen().contains("panic in the live view"), "{}", session.screen());
}

#[test]
#[ignore = "not a test: run as a child process by the test above"]
fn panicking_child() {
    let mut terminal = Terminal::open().unwrap();
    terminal.draw((80, 24), vec![Line::new("before the panic", Style::PLAIN)]).unwrap();
    let event = terminal.next(std::time::Duration::from_secs(20)).unwrap();
    // Keeps the terminal alive until the panic, so that only the hook can restore it before the message.
    std::hint::black_box(&terminal);
    panic!("panic in the live view after {event:?}");
}
