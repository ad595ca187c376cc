//! A panic restores the terminal before its message is written.

use super::{Line, Style, Terminal};

#[path = "../../tests/suite/pty.rs"]
#[expect(dead_code, reason = "shared with the tests that run the program")]
mod pty;

#[test]
fn a_panic_restores_the_terminal_before_its_message() {
    let tests = std::env::current_exe().unwrap();
    let child = ["--ignored", "--exact", "terminal::panic_test::a_program_that_panics", "--nocapture"];
    let mut session = pty::Session::start(80, 24, &[&[tests.to_str().unwrap()], &child[..]].concat());
    session.until("the other screen", |screen| screen.contents().contains("before the panic"));
    assert!(session.emulator.screen().alternate_screen());
    assert!(!session.has_initial_modes());
    session.type_keys("x");
    assert!(!session.wait().success());
    session.assert_restored("panic");
    assert!(session.screen().contains("the view has panicked"), "{}", session.screen());
}

#[test]
#[ignore = "not a test: the program of the test above"]
fn a_program_that_panics() {
    let mut terminal = Terminal::open().unwrap();
    terminal.draw((80, 24), vec![Line::new("before the panic", Style::PLAIN)]).unwrap();
    let event = terminal.next(std::time::Duration::from_secs(20)).unwrap();
    // The terminal still exists: nothing but the hook can have restored it when the message is written.
    std::hint::black_box(&terminal);
    panic!("the view has panicked after {event:?}");
}
