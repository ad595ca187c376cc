//! Tests of the program against an `iphlpapi.dll` that answers from a script.
//!
//! `cargo xtask wine --scripted test` runs them. Without that library every test is skipped with a message, or fails if
//! `CI` is set. A C program that calls GetTcp6Table runs with the same script.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

const ROWS: &str = "
slack 8
garbage 1
row 5 [fe80::1%7]:49152 [fe80::2%7]:443 pid=PID info=5
row 2 [::]:445 - pid=4
row 2 [::1]:8080 - pid=PID info=1
row 11 [2001:db8::1]:80 [2001:db8::2]:50000
row 100 [::]:1234 - pid=PID
row 1 [::]:1235 -
module PID 1 Dnscache Dnscache
module PID 5 code 126
";

/// A file with a script in which this process owns sockets.
struct Script(PathBuf);

impl Script {
    fn new(name: &str, text: &str) -> Script {
        let path = std::env::temp_dir().join(format!("tcp6-cli-{}-{name}.script", std::process::id()));
        fs::write(&path, text.replace("PID", &std::process::id().to_string())).unwrap();
        Script(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let [out, errors] = self.outputs(program, arguments);
        assert!(errors.is_empty(), "{errors}");
        out
    }

    /// What a successful program writes to standard output and to standard error.
    fn outputs(&self, program: &str, arguments: &[&str]) -> [String; 2] {
        let Output { status, stdout, stderr } =
            Command::new(program).args(arguments).env("TCP6_SCRIPT", &self.0).output().unwrap();
        assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
        [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn tcp6(&self, arguments: &[&str]) -> String {
        self.run(env!("CARGO_BIN_EXE_tcp6"), arguments)
    }

    fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let document: Value = serde_json::from_str(&self.tcp6(arguments)).unwrap();
        document["rows"].as_array().unwrap().clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// Creates the script. Returns `None` if the program does not load the scripted library.
fn script(name: &str, text: &str) -> Option<Script> {
    let script = Script::new(name, text);
    // No real system has exactly this row.
    let probe = Script::new(&format!("{name}-probe"), "row 2 [2001:db8::5c:21b7]:1 -");
    let is_scripted = probe.rows(&["list", "--json"])
        == [json!({
            "local": "[2001:db8::5c:21b7]:1", "remote": null, "state": "LISTEN",
        })];
    if !is_scripted {
        assert!(std::env::var_os("CI").is_none(), "iphlpapi.dll is not the scripted one, and CI is set");
        eprintln!("skipped: iphlpapi.dll is not the scripted one; use `cargo xtask wine --scripted test`");
    }
    is_scripted.then_some(script)
}

fn own_name() -> String {
    std::env::current_exe().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn list_prints_the_rows_of_a_c_program() {
    // Without garbage, because the C program prints the fields unmasked.
    let Some(script) = script("c", &ROWS.replace("garbage 1", "")) else { return };
    let program = std::env::var("TCP6_C_PROGRAM").expect("TCP6_C_PROGRAM is not set; `cargo xtask wine` sets it");
    let theirs: Vec<String> = script.run(&program, &[]).lines().map(str::to_owned).collect();
    let ours: Vec<String> = script.rows(&["list", "--json"]).iter().map(c_line).collect();
    assert_eq!(ours.len(), 6);
    assert_eq!(ours, theirs);
}

/// Formats a row of the JSON output like the C program.
fn c_line(row: &Value) -> String {
    let number = |state: &str| match state {
        "CLOSED" => 1,
        "LISTEN" => 2,
        "ESTABLISHED" => 5,
        "TIME-WAIT" => 11,
        "BOUND" => 100,
        other => panic!("{other}"),
    };
    let end = |end: &Value| {
        let end: std::net::SocketAddrV6 = end.as_str().unwrap_or("[::]:0").parse().unwrap();
        let address: String = end.ip().octets().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{address} {} {}", end.scope_id(), end.port().to_be())
    };
    format!("{} {} {}", number(row["state"].as_str().unwrap()), end(&row["local"]), end(&row["remote"]))
}

#[test]
fn rows_without_a_remote_end_print_none_in_every_state() {
    let Some(script) = script("none", ROWS) else { return };
    for arguments in [&["list", "--json"][..], &["list", "--json", "-p"]] {
        for row in script.rows(arguments) {
            let has_none = ["LISTEN", "BOUND", "CLOSED"].contains(&row["state"].as_str().unwrap());
            assert_eq!(row["remote"].is_null(), has_none, "{arguments:?} {row}");
        }
    }
    for arguments in [&["list"][..], &["list", "-p"]] {
        let text = script.tcp6(arguments);
        for (state, end) in [("LISTEN", "[::]:445"), ("BOUND", "[::]:1234"), ("CLOSED", "[::]:1235")] {
            let line = text.lines().find(|line| line.starts_with(state) && line.contains(end)).unwrap();
            assert_eq!(line.split_whitespace().nth(2), Some("-"), "{line}");
        }
    }
}

#[test]
fn service_name_follows_the_process_name() {
    let Some(script) = script("services", ROWS) else { return };
    let (me, name) = (std::process::id(), own_name());
    let owners: Vec<(String, Value)> = script
        .rows(&["list", "--json", "-p"])
        .into_iter()
        .map(|mut row| (row["local"].as_str().unwrap().to_owned(), row["owner"].take()))
        .collect();
    let owner = |local: &str| &owners.iter().find(|(at, _)| at == local).unwrap().1;
    assert_eq!(*owner("[::1]:8080"), json!({ "pid": me, "name": format!("{name} (Dnscache)") }));
    // With info the library returns 126, so the process is looked up without it.
    assert_eq!(*owner("[fe80::1%7]:49152"), json!({ "pid": me, "name": name }));
    assert_eq!(*owner("[::]:1234"), json!({ "pid": me, "name": name }));
    assert_eq!(*owner("[::]:445"), json!("kernel"));
    assert_eq!(*owner("[2001:db8::1]:80"), json!("nobody"));
    assert!(script.tcp6(&["list", "-p"]).contains(&format!("{me} {name} (Dnscache)")));
}

/// The lines of `tcp6 top --json` and its errors.
fn top(script: &Script, intervals: &str) -> (Vec<Value>, String) {
    let arguments = ["top", "--json", "--interval", "20", "--count", intervals];
    let [lines, errors] = script.outputs(env!("CARGO_BIN_EXE_tcp6"), &arguments);
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), errors)
}

const CONNECTION: &str = "row 5 [fe80::1%7]:49152 [fe80::2%7]:443 pid=PID created=133500000000000001\n";

#[test]
fn top_collects_statistics_of_new_connections() {
    let Some(script) = script("top", &format!("administrator\n{CONNECTION}")) else { return };
    let (lines, errors) = top(&script, "3");
    assert_eq!((lines.len(), &*errors), (3, ""));
    // Collected since the first reading, so that the second one is the baseline.
    assert!(lines[0].get("delta").is_none(), "{}", lines[0]);
    for line in &lines[1..] {
        assert_eq!(line["received_bytes_per_second"], json!(0.0), "{line}");
        assert_eq!(line["delta"]["bytes_received"], json!("0"), "{line}");
    }
}

#[test]
fn top_without_the_right_to_collect_gives_the_reason_once() {
    let Some(script) = script("top-denied", CONNECTION) else { return };
    let (lines, errors) = top(&script, "3");
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.get("delta").is_none()), "{lines:?}");
    assert_eq!(errors.matches("administrator").count(), 1 + 1, "{errors}");
}

#[test]
fn top_reports_other_failures_with_their_code() {
    let text = format!("code GetPerTcp6ConnectionEStats 0 0 31 31 31 31 31 31\n{CONNECTION}");
    let Some(script) = script("top-failure", &text) else { return };
    let (_, errors) = top(&script, "2");
    assert!(errors.contains("no rates: Windows does not count") && errors.contains("31"), "{errors}");
}
