//! Runs the processes of `odd.c`, which Rust's standard library cannot create.
//!
//! They need a C compiler.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The modes of `odd.c`.
pub const KINDS: [&str; 3] = ["first-thread", "shared", "alone"];

/// Environment variable with the path of the compiled program.
pub const PROGRAM: &str = "TCP6_LIVES_ODD";

/// Compiles `odd.c` into the temporary directory of the tests. Returns `None` without a C compiler.
pub fn compile(seed: u64) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/life/odd.c");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("odd-{}-{seed}", std::process::id()));
    let cc = Command::new("cc").args(["-Wall", "-pthread", "-o"]).arg(&program).arg(source).status();
    cc.is_ok_and(|status| status.success()).then_some(program)
}

/// A running `odd.c` process.
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
            return Err(io::Error::other("stdin and stdout are not piped"));
        };
        let mut odd = Odd { child, orders, answers: BufReader::new(answers) };
        odd.answer()?;
        Ok(odd)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends an order and returns the answer.
    pub fn request(&mut self, order: &str) -> io::Result<String> {
        writeln!(self.orders, "{order}")?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::Error::other("odd.c process has ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Closes standard input, and waits until the process has ended.
    pub fn end(mut self) -> io::Result<()> {
        drop(self.orders);
        self.child.wait()?;
        Ok(())
    }
}
