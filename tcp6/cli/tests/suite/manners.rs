//! Tests of all commands: usage errors, messages, exit status, closed pipes.

use std::io::Read;
#[cfg(unix)]
use std::process::Stdio;

use crate::inheritance;
use crate::support::{Loopback, output, program, started, stdout};

#[test]
fn usage_error_exits_with_2_and_a_message() {
    for bad in [
        &["--state", ""][..],
        &["--state", "+2"],
        &["--state", "77"],
        &["--state", "LISTEN,,ESTAB"],
        &["--state", "LISTENINGG"],
        &["--port", "65536"],
        &["--port", "+80"],
        &["--nonsense"],
        &["extra"],
        &["watch", "extra"],
        &["watch", "--count", "3"],
        &["watch", "--json", "--state", ""],
        &["stats", "extra"],
        &["stats", "--port", "80"],
        &["stats", "--count", "3"],
        &["stats", "--interval", "0"],
        &["top", "extra"],
        &["top", "--count", "3"],
        &["top", "--interval", "0"],
        &["--stats=1"],
    ] {
        let output = output(bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"tcp6: "), "{output:?}");
    }
}

#[test]
fn arguments_in_messages_are_escaped() {
    for bad in [&["--x\x1b[31m"][..], &["\u{202e}evil"], &["--state", "\x1b[31m"], &["--port", "\u{9b}"]] {
        let output = output(bad);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(!message.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{message:?}");
    }
}

#[test]
fn help_and_version_exit_with_0() {
    assert_eq!(stdout(&output(&["--version"])), concat!("tcp6 ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(stdout(&output(&["--help"])).contains("Exit status:"));
    assert!(stdout(&output(&["list", "-h"])).contains("--listening"));
    assert!(stdout(&output(&["watch", "--help"])).contains("--initial"));
    assert!(stdout(&output(&["stats", "--help"])).contains("--interval"));
    assert!(stdout(&output(&["top", "--help"])).contains("--processes"));
}

#[test]
fn closed_pipe_is_not_an_error() {
    let own = Loopback::open();
    for arguments in [
        &[][..],
        &["--json"],
        &["--help"],
        &["-p"],
        &["--stats", "--json"],
        &["watch", "--json", "--initial"],
        &["top", "--json", "--interval", "1"],
        &["stats"],
        &["stats", "--json"],
        &["stats", "--interval", "10"],
    ] {
        let mut child = started(|| inheritance::spawn(&mut program(arguments)));
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        // Windows has no statistics, and the program says so.
        let reasons = ["Windows counts the bytes", "this Windows does not count the bytes"];
        let is_expected = |line: &str| cfg!(windows) && reasons.iter().any(|reason| line.contains(reason));
        assert!(errors.lines().all(is_expected), "{arguments:?}: {errors}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
    drop(own);
}

#[cfg(unix)]
#[test]
fn closed_stderr_does_not_change_the_exit_status() {
    for (arguments, status) in
        [(&["--nonsense"][..], 2), (&["watch"], 1), (&["top"], 1), (&["--state", "DELETE-TCB"], 0)]
    {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(reader);
        let writer = std::os::fd::OwnedFd::from(writer);
        let mut child = program(arguments).stdout(Stdio::null()).stderr(writer).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn write_error_exits_with_1() {
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["list", "--queues"],
        &["list", "--stats", "--json"],
        &["--help"],
        &["watch", "--json", "--initial"],
        &["top", "--json", "--interval", "1"],
        &["stats"],
        &["stats", "--json"],
        &["stats", "--interval", "10", "--json"],
    ] {
        let own = Loopback::open();
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = program(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("tcp6: output error: "), "{output:?}");
        // The same with a full standard error.
        let status = program(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
        drop(own);
    }
}

#[test]
fn live_views_without_a_terminal_suggest_json() {
    for command in ["watch", "top"] {
        let output = output(&[command]);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty() && message.contains(&format!("`tcp6 {command} --json`")), "{output:?}");
    }
}

#[cfg(windows)]
#[test]
fn without_statistics_the_reason_is_reported_once() {
    let own = Loopback::open();
    // Wine counts no bytes.
    let top = ["top", "--json", "--interval", "1", "--count", "3"];
    for (arguments, reason) in [
        (&["--stats"][..], "administrator"),
        (&["--queues", "--json"], "administrator"),
        (&top, "does not count the bytes"),
    ] {
        let output = output(&[arguments, &["--port", &own.port()]].concat());
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(errors.matches(reason).count(), 1, "{arguments:?}: {errors}");
        assert!(
            text.contains(&own.port()) && !text.contains("stats") && !text.contains("delta"),
            "{arguments:?}: {text}"
        );
    }
}
