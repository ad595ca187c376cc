//! Tests of process names with special characters, in text and in JSON output.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

use crate::support::{output, stdout};

const NAME: &str = "TCP6_TEST_NAME";
const CHILD: &str = "names::child_with_a_given_name";

/// Process names, and how they are written in text and in JSON.
const NAMES: [(&[u8], &str, &str); 11] = [
    (b"Bob's app", "Bob's app", "Bob's app"),
    (b"say \"hi\"", "say \"hi\"", r#"say \"hi\""#),
    (b"a\\b", "a\\b", r"a\\b"),
    (b"\x1b[31mred\x1b[0m", r"\u{1b}[31mred\u{1b}[0m", r"\u001b[31mred\u001b[0m"),
    (b"\xff\xfe\x9b31m", r"\xff\xfe\x9b31m", r"\\xff\\xfe\\x9b31m"),
    (b"new\nline", r"new\nline", r"new\nline"),
    (b"tab\there", r"tab\there", r"tab\there"),
    ("日本語アプリ".as_bytes().split_at(15).0, "日本語アプ", "日本語アプ"),
    ("e\u{301}\u{301}\u{301}".as_bytes(), "e\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}"),
    ("\u{202e}evil".as_bytes(), r"\u{202e}evil", r"\u202eevil"),
    ("\u{9b}31m\u{7f}".as_bytes(), r"\u{9b}31m\u{7f}", r"\u009b31m\u007f"),
];

#[test]
fn escapes_control_format_and_invalid_bytes_only() {
    for (name, text, json) in NAMES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", CHILD, "--nocapture"])
            .env(NAME, OsStr::from_bytes(name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_prefix("port ").map(str::to_owned)).unwrap();
        let shown = |more: &[&str]| stdout(&output(&[&["-lp", "--port", &port], more].concat())).to_owned();
        let (as_text, as_json) = (shown(&[]), shown(&["--json"]));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(as_text.contains(&format!(" {} {text}\n", child.id())), "{as_text:?}");
        assert!(as_json.contains(&format!(r#"{{"pid":{},"name":"{json}"}}"#, child.id())), "{as_json:?}");
    }
}

#[test]
#[ignore = "not a test: run as a child process by the test above"]
fn child_with_a_given_name() {
    fs::write("/proc/self/comm", std::env::var_os(NAME).unwrap().into_vec()).unwrap();
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    println!("\nport {}", listener.local_addr().unwrap().port());
    // Blocks until the parent closes standard input.
    let _ = std::io::stdin().read(&mut [0]);
}
