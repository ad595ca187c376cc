//! `tcp6 watch` in a terminal: keys, sizes, and every way to end.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;
use rustix::termios::{Action, LocalModes, OptionalActions, Winsize, tcflow, tcgetattr, tcsetattr, tcsetwinsize};

use crate::pty::{PATIENCE, Session};
use crate::support::Loopback;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcp6");

/// The live view, drawn once.
fn view(columns: u16, rows: u16, more: &[&str]) -> Session {
    let mut session = Session::start(columns, rows, &[&[PROGRAM, "watch"], more].concat());
    session.until("the view", is_drawn);
    session
}

fn is_drawn(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.hide_cursor() && screen.contents().contains("h help  q quit")
}

#[test]
fn signals_restore_the_terminal_and_end_with_the_status_of_the_signal() {
    let signals = [
        Signal::TERM,
        Signal::INT,
        Signal::QUIT,
        Signal::HUP,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::VTALARM,
        Signal::PROF,
        Signal::XCPU,
    ];
    for signal in signals {
        let mut session = view(80, 24, &[]);
        assert!(!session.has_initial_modes());
        session.send(signal);
        let status = session.wait();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{signal:?}: {status:?}");
        session.assert_restored(&format!("{signal:?}"));
    }
}

#[test]
fn control_c_and_control_backslash_are_signals() {
    for (key, signal) in [("\x03", Signal::INT), ("\x1c", Signal::QUIT)] {
        let mut session = view(80, 24, &[]);
        session.type_keys(key);
        assert_eq!(session.wait().signal(), Some(signal.as_raw()));
        session.assert_restored(&format!("{signal:?}"));
    }
}

#[test]
fn q_quits_with_status_0() {
    let mut session = view(80, 24, &[]);
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    session.assert_restored("q");
}

#[test]
fn esc_clears_the_filter_and_does_not_quit() {
    let own = Loopback::open();
    let mut session = view(80, 24, &["--port", &own.port()]);
    session.type_keys("\x1b");
    session.type_keys("/zzz");
    session.until("filtered", |screen| screen.contents().contains("filter: zzz_"));
    assert!(session.screen().contains("nothing to show"));
    session.type_keys("\r");
    session.until("kept", |screen| screen.contents().contains("filter: zzz "));
    session.type_keys("\x1b");
    session.until("cleared", |screen| !screen.contents().contains("filter") && screen.contents().contains("LISTEN"));
    session.type_keys("/\x1b");
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}

#[test]
fn control_z_stops_the_job_and_fg_continues_it() {
    let script = r#""$0" watch; echo "status $?"; read -r line; fg >/dev/null; echo "status $?""#;
    let mut session = Session::start(80, 24, &["bash", "-mc", script, PROGRAM]);
    session.until("the view", is_drawn);
    session.type_keys("\x1a");
    // 128 and the number of SIGSTOP.
    session.until("stopped", |screen| screen.contents().contains("status 147"));
    session.assert_restored("stopped");
    session.type_keys("\r");
    session.until("the view again", is_drawn);
    assert!(!session.has_initial_modes());
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    assert!(session.screen().contains("status 0"), "{}", session.screen());
    session.assert_restored("ended");
}

#[test]
fn a_session_leader_cannot_be_stopped_for_good() {
    // Nobody could continue it.
    let mut session = view(80, 24, &[]);
    session.type_keys("\x1a");
    session.type_keys("/alive");
    session.until("it goes on", |screen| screen.contents().contains("filter: alive_"));
}

#[test]
fn after_sigstop_and_sigcont_the_view_is_back() {
    let mut session = view(80, 24, &[]);
    session.send(Signal::STOP);
    // What a shell does to the modes and to the screen meanwhile.
    let mut modes = tcgetattr(&session.slave).unwrap();
    modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO;
    tcsetattr(&session.slave, OptionalActions::Now, &modes).unwrap();
    session.emulator.process(b"\x1b[?1049l\x1b[?25h\x1b[2Jtext of the shell");
    assert!(!is_drawn(session.emulator.screen()));
    session.send(Signal::CONT);
    session.until("the view again", is_drawn);
    assert!(!tcgetattr(&session.slave).unwrap().local_modes.contains(LocalModes::ICANON));
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    session.assert_restored("ended");
}

#[test]
fn a_lost_terminal_ends_the_program_though_sighup_is_ignored() {
    // The kernel sends SIGCONT too, but to the leader of the session only. A child of that reads the end of its input.
    for script in [r#"trap '' HUP; exec "$0" watch"#, r#"trap '' HUP; "$0" watch; exit "$?""#] {
        let mut session = Session::start(80, 24, &["sh", "-c", script, PROGRAM]);
        session.until("the view", is_drawn);
        session.send(Signal::HUP);
        session.type_keys("/still");
        session.until("it is ignored", |screen| screen.contents().contains("filter: still_"));
        let start = Instant::now();
        session.hang_up();
        let status = session.wait();
        assert_eq!(status.code(), Some(1), "{script}: {status:?}");
        assert!(start.elapsed() < PATIENCE / 4, "{script}: {:?}", start.elapsed());
    }
}

#[test]
fn a_lost_terminal_is_a_hangup() {
    let mut session = view(80, 24, &[]);
    session.hang_up();
    assert_eq!(session.wait().signal(), Some(Signal::HUP.as_raw()));
}

#[test]
fn a_terminal_that_takes_no_output_does_not_hold_up_a_signal() {
    let mut session = view(80, 24, &[]);
    tcflow(&session.slave, Action::OOff).unwrap();
    // The help is to be drawn.
    session.type_keys("h");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let start = Instant::now();
    session.send(Signal::TERM);
    assert_eq!(session.wait().signal(), Some(Signal::TERM.as_raw()));
    assert!(session.has_initial_modes());
    assert!(start.elapsed() < PATIENCE / 4, "{:?}", start.elapsed());
}

#[test]
fn a_terminal_without_a_size_is_80_by_24() {
    let mut session = view(0, 0, &[]);
    assert!(session.screen().lines().count() == 24, "{}", session.screen());
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}

#[test]
fn a_new_size_is_drawn_at_once() {
    let mut session = view(80, 24, &["--interval", "86400000"]);
    session.emulator.screen_mut().set_size(10, 40);
    tcsetwinsize(&session.slave, Winsize { ws_row: 10, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    session.until("the new size", |screen| screen.contents().lines().nth(9) == Some("h help  q quit"));
}

#[test]
fn standard_input_need_not_be_the_terminal() {
    let mut session = Session::start(80, 24, &["sh", "-c", r#"exec "$0" watch </dev/null"#, PROGRAM]);
    session.until("the view", is_drawn);
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    session.assert_restored("q");
}

#[test]
fn list_fits_the_terminal_and_is_whole_in_a_pipe() {
    let own = Loopback::open();
    for columns in [40, 80, 200] {
        let mut session = Session::start(columns, 24, &[PROGRAM, "-p", "--port", &own.port()]);
        assert_eq!(session.wait().code(), Some(0));
        let text = session.screen();
        // Heading, three rows, counts: no line is wrapped.
        assert_eq!(text.trim_end().lines().count(), 5, "{columns}:\n{text}");
        assert!(text.contains(&format!("[::1]:{}", own.port())), "{columns}:\n{text}");
    }
}
