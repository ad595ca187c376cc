//! Tests of `tcp6 top` in a terminal: traffic, keys, sizes, signals, and exit.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::pty::Session;
use crate::support::Loopback;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcp6");

/// Starts the live view and waits for its first frame.
fn view(columns: u16, rows: u16, arguments: &[&str]) -> Session {
    let mut session = Session::start(columns, rows, &[&[PROGRAM, "top"], arguments].concat());
    session.until("the view", is_drawn);
    session
}

fn is_drawn(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.hide_cursor() && screen.contents().contains("h help  q quit")
}

/// Calls `test` while the client of a connection sends some 200 kB per second.
fn with_traffic(test: impl FnOnce(&Loopback)) {
    let own = Loopback::open();
    let stop = AtomicBool::new(false);
    let (mut client, mut server) = (own.client.try_clone().unwrap(), own.server.try_clone().unwrap());
    thread::scope(|scope| {
        // Also stops if `test` panics.
        struct Stop<'a>(&'a AtomicBool, &'a Loopback);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
                let _ = self.1.client.shutdown(std::net::Shutdown::Both);
            }
        }
        let _stop = Stop(&stop, &own);
        scope.spawn(|| while server.read(&mut [0; 4_096]).is_ok_and(|length| length > 0) {});
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) && client.write_all(&[1; 2_000]).is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        test(&own);
    });
}

/// The line of the connection that sends: it contains this text, and its second rate is not zero.
fn sending(screen: &vt100::Screen, end: &str) -> Option<String> {
    let is_rate = |line: &str| line.split_whitespace().nth(3).is_some_and(|unit| unit == "kB/s");
    screen.contents().lines().find(|line| line.contains(end) && is_rate(line)).map(str::to_owned)
}

#[test]
fn shows_rates_with_ports_and_process_ids_at_every_size() {
    with_traffic(|own| {
        let (port, pid) = (own.port(), std::process::id().to_string());
        let calling = format!(":{}", own.calling().port());
        for columns in [40, 80, 200] {
            let mut session = view(columns, 12, &["--interval", "100", "--port", &port]);
            session.until("a rate", |screen| sending(screen, &calling).is_some());
            let line = sending(session.emulator.screen(), &calling).unwrap();
            assert!(line.contains(&format!(":{port} ")) && line.contains(&pid), "{columns}: {}", session.screen());
            assert!(session.screen().lines().next().unwrap().contains("  2 connect"), "{}", session.screen());
            session.type_keys("q");
            assert_eq!(session.wait().code(), Some(0));
            session.assert_restored("q");
        }
    });
}

#[test]
fn keys_switch_to_processes_sort_pause_and_filter() {
    with_traffic(|own| {
        let pid = std::process::id().to_string();
        let mut session = view(100, 12, &["--interval", "100", "--port", &own.port()]);
        session.until("sorted by the sum", |screen| screen.contents().contains("In ▼    Out ▼"));
        session.type_keys("g");
        session.until("one process", |screen| {
            let text = screen.contents();
            text.lines().next().unwrap().ends_with("  2 connections  1 process") && sending(screen, &pid).is_some()
        });
        session.type_keys("tr");
        session.until("sorted by RTT", |screen| screen.contents().contains("RTT ▲"));
        session.type_keys("gh");
        session.until("the help", |screen| screen.contents().contains("g connections or processes"));
        session.type_keys("h/zzz");
        session.until("filtered", |screen| screen.contents().contains("filter: zzz_"));
        assert!(session.screen().contains("no matching sockets"));
        session.type_keys("\x1bp");
        session.until("paused", |screen| screen.contents().contains(" PAUSED "));
        session.type_keys("pq");
        assert_eq!(session.wait().code(), Some(0));
        session.assert_restored("q");
    });
}

#[test]
fn a_connection_shows_dashes_until_its_second_reading() {
    let own = Loopback::open();
    let mut session = view(80, 10, &["--interval", "86400000", "--port", &own.port()]);
    let text = session.screen();
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("[::1]:")).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.trim_start().starts_with("-        - ")), "{text}");
    assert!(text.starts_with("in        -  out        -  2 connections"), "{text}");
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}

#[test]
fn signals_restore_the_terminal_and_terminate_the_program() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let mut session = view(80, 24, &[]);
        assert!(!session.has_initial_modes());
        session.send(signal);
        assert_eq!(session.wait().signal(), Some(signal.as_raw()), "{signal:?}");
        session.assert_restored(&format!("{signal:?}"));
    }
}

#[test]
fn resize_redraws_at_once() {
    let mut session = view(80, 24, &["--interval", "86400000"]);
    session.emulator.screen_mut().set_size(10, 40);
    tcsetwinsize(&session.slave, Winsize { ws_row: 10, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    session.until("the new size", |screen| screen.contents().lines().nth(9) == Some("h help  q quit"));
    session.type_keys("q");
    assert_eq!(session.wait().code(), Some(0));
}
