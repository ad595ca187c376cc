//! Processes that Rust's standard library cannot make: see `odd.c`. They need a C compiler.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The kinds that there are.
pub const KINDS: [&str; 3] = ["first-thread", "shared", "alone"];

/// Where the program is, if it could be compiled.
pub const PROGRAM: &str = "TCP6_LIVES_ODD";

/// Compiles the program for a history into the folder of the tests; `None` without a C compiler.
pub fn compile(seed: u64) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/life/odd.c");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("odd-{}-{seed}", std::process::id()));
    let cc = Command::new("cc").args(["-Wall", "-pthread", "-o"]).arg(&program).arg(source).status();
    cc.is_ok_and(|status| status.success()).then_some(program)
}

/// One of them.
#[derive(Debug)]
pub struct Odd {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Odd {
    pub fn start(program: &str, kind: &str) -> io::Result<Odd> {
        let mut child = Command::new(program).arg(kind).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("both are piped"));
        };
        let mut odd = Odd { child, orders, answers: BufReader::new(answers) };
        odd.answer()?;
        Ok(odd)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ask(&mut self, order: &str) -> io::Result<String> {
        writeln!(self.orders, "{order}")?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::Error::other("odd.c has ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    pub fn end(mut self) -> io::Result<()> {
        drop(self.orders);
        self.child.wait()?;
        Ok(())
    }
}
