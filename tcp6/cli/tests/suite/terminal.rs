//! Tests of `tcp6 watch` in a terminal: keys, sizes, signals, and exit.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;
use rustix::termios::{Action, LocalModes, OptionalActions, Winsize, tcflow, tcgetattr, tcsetattr, tcsetwinsize};

use crate::pty::{Session, TIMEOUT};
use crate::support::Loopback;
#[cfg(target_os = "linux")]
use crate::support::close;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcp6");

/// Starts the live view and waits for its first frame.
fn view(columns: u16, rows: u16, arguments: &[&str]) -> Session {
    let mut session = Session::start(columns, rows, &[&[PROGRAM, "watch"], arguments].concat());
    session.until("the view", is_drawn);
    session
}

fn is_drawn(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.hide_cursor() && screen.contents().contains("h help  q quit")
}

#[test]
fn signals_restore_the_terminal_and_terminate_the_program() {
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
fn ctrl_c_and_ctrl_backslash_send_signals() {
    for (key, signal) in [("\x03", Signal::INT), ("\x1c", Signal::QUIT)] {
        let mut session = view(80, 24, &[]);
        session.type_keys(key);
        assert_eq!(session.wait().signal(), Some(signal.as_raw()));
        session.assert_restored(&format!("{signal:?}"));
    }
}

#[test]
fn q_exits_with_0() {
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
    assert!(session.screen().contains("no matching sockets"));
    session.type_keys("\r");
    session.until("kept", |screen| screen.contents().contains("filter: zzz "));
    session.type_keys("\x1b");
    session.until("cleared", |screen| !screen.contents().contains("filter") && screen.contents().contains("LISTEN"));
    session.type_keys("/\x1b");
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}

#[test]
fn ctrl_z_stops_the_job_and_fg_continues_it() {
    let script = r#""$0" watch; echo "status $?"; read -r line; fg >/dev/null; echo "status $?""#;
    let mut session = Session::start(80, 24, &["bash", "-mc", script, PROGRAM]);
    session.until("the view", is_drawn);
    session.type_keys("\x1a");
    // 128 + the number of SIGSTOP.
    session.until("stopped", |screen| screen.contents().contains("status 147"));
    session.assert_restored("stopped");
    session.type_keys("\r");
    session.until("the view after SIGCONT", is_drawn);
    assert!(!session.has_initial_modes());
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    assert!(session.screen().contains("status 0"), "{}", session.screen());
    session.assert_restored("exited");
}

#[test]
fn ctrl_z_does_not_stop_a_session_leader() {
    // No shell could continue it.
    let mut session = view(80, 24, &[]);
    session.type_keys("\x1a");
    session.type_keys("/alive");
    session.until("the view continues", |screen| screen.contents().contains("filter: alive_"));
}

#[test]
fn sigcont_after_sigstop_restores_the_view() {
    let mut session = view(80, 24, &[]);
    session.send(Signal::STOP);
    // A shell changes the modes and the screen while the program is stopped.
    let mut modes = tcgetattr(&session.slave).unwrap();
    modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO;
    tcsetattr(&session.slave, OptionalActions::Now, &modes).unwrap();
    session.emulator.process(b"\x1b[?1049l\x1b[?25h\x1b[2Jtext of the shell");
    assert!(!is_drawn(session.emulator.screen()));
    session.send(Signal::CONT);
    session.until("the view after SIGCONT", is_drawn);
    assert!(!tcgetattr(&session.slave).unwrap().local_modes.contains(LocalModes::ICANON));
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    session.assert_restored("exited");
}

#[test]
fn closed_terminal_ends_the_program_even_if_sighup_is_ignored() {
    // The kernel also sends SIGCONT, but only to the session leader. A child of the leader only sees the end of its
    // input. The first script tests the leader, the second a child.
    for script in [r#"trap '' HUP; exec "$0" watch"#, r#"trap '' HUP; "$0" watch; exit "$?""#] {
        let mut session = Session::start(80, 24, &["sh", "-c", script, PROGRAM]);
        session.until("the view", is_drawn);
        session.send(Signal::HUP);
        session.type_keys("/still");
        session.until("SIGHUP is ignored", |screen| screen.contents().contains("filter: still_"));
        let start = Instant::now();
        session.hang_up();
        let status = session.wait();
        assert_eq!(status.code(), Some(1), "{script}: {status:?}");
        assert!(start.elapsed() < TIMEOUT / 4, "{script}: {:?}", start.elapsed());
    }
}

#[test]
fn closed_terminal_terminates_by_sighup() {
    let mut session = view(80, 24, &[]);
    session.hang_up();
    assert_eq!(session.wait().signal(), Some(Signal::HUP.as_raw()));
}

#[test]
fn signals_are_handled_while_terminal_output_is_stopped() {
    let mut session = view(80, 24, &[]);
    tcflow(&session.slave, Action::OOff).unwrap();
    // Causes output: the help.
    session.type_keys("h");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let start = Instant::now();
    session.send(Signal::TERM);
    assert_eq!(session.wait().signal(), Some(Signal::TERM.as_raw()));
    assert!(session.has_initial_modes());
    assert!(start.elapsed() < TIMEOUT / 4, "{:?}", start.elapsed());
}

#[test]
fn terminal_without_a_size_defaults_to_80_by_24() {
    let mut session = view(0, 0, &[]);
    assert!(session.screen().lines().count() == 24, "{}", session.screen());
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}

#[test]
fn resize_redraws_at_once() {
    let mut session = view(80, 24, &["--interval", "86400000"]);
    session.emulator.screen_mut().set_size(10, 40);
    tcsetwinsize(&session.slave, Winsize { ws_row: 10, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    session.until("the new size", |screen| screen.contents().lines().nth(9) == Some("h help  q quit"));
}

#[test]
fn keys_work_if_stdin_is_not_the_terminal() {
    let mut session = Session::start(80, 24, &["sh", "-c", r#"exec "$0" watch </dev/null"#, PROGRAM]);
    session.until("the view", is_drawn);
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
    session.assert_restored("q");
}

#[test]
fn list_fits_the_width_of_the_terminal() {
    let own = Loopback::open();
    for columns in [40, 80, 200] {
        let mut session = Session::start(columns, 24, &[PROGRAM, "-p", "--port", &own.port()]);
        assert_eq!(session.wait().code(), Some(0));
        let text = session.screen();
        // Heading, three rows and counts: no line is wrapped.
        assert_eq!(text.trim_end().lines().count(), 5, "{columns}:\n{text}");
        assert!(text.contains(&format!("[::1]:{}", own.port())), "{columns}:\n{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn short_connections_are_marked_at_every_width() {
    for columns in [40, 80, 200] {
        let own = Loopback::open();
        // Tall enough for the rows in TIME-WAIT above the short connections.
        let mut session = view(columns, 60, &["--interval", "200", "--port", &own.port()]);
        // Some of them are not open during a poll. The clients leave no row in TIME-WAIT.
        for _ in 0..30 {
            let client = std::net::TcpStream::connect(own.listening()).unwrap();
            let (server, _) = own.listener.accept().unwrap();
            close(server, client);
            std::thread::sleep(std::time::Duration::from_millis(15));
        }
        session.until("short connections", |screen| {
            let text = screen.contents();
            let is_marked = |line: &str| line.starts_with("± brief") && line.contains(&own.port());
            text.lines().any(is_marked)
        });
        // They disappear, and are not counted.
        session.until("no short connections", |screen| !screen.contents().contains("brief"));
        session.type_keys("q");
        assert_eq!(session.wait().code(), Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn short_connections_can_be_switched_off() {
    let own = Loopback::open();
    let mut session = view(80, 24, &["--no-events", "--interval", "100", "--port", &own.port()]);
    for _ in 0..10 {
        let client = std::net::TcpStream::connect(own.listening()).unwrap();
        let (server, _) = own.listener.accept().unwrap();
        close(server, client);
    }
    let last = std::net::TcpStream::connect(own.listening()).unwrap();
    let port = last.local_addr().unwrap().port().to_string();
    session.until("a later connection", |screen| screen.contents().contains(&port));
    assert!(!session.screen().contains("brief"), "{}", session.screen());
}
