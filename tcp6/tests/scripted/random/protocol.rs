//! A model of the calls that read a table: sizes, growth of the table, and growth of the buffer.
//!
//! The numbers are those of ARCHITECTURE.md and of Microsoft's structures, not those of the crates.

use tcp6::Class;

use super::script::{Answer, Line, Script};
use crate::machine::Sizes;

/// The result of a read.
#[derive(Debug)]
pub enum Outcome {
    /// The rows of the table.
    Rows(Vec<Line>),
    /// The code that ended the read.
    Code(u32),
    /// The call succeeded without writing a table.
    Malformed,
}

/// The sizes of all calls of a read, and its result.
#[derive(Debug)]
pub struct Read {
    pub calls: Vec<Sizes>,
    pub outcome: Outcome,
    /// The size of the buffer after the read.
    pub capacity: usize,
}

/// Returns the offset of the first row and the size of a row, in bytes.
fn layout(class: Class) -> (u32, u32) {
    match class {
        Class::Basic => (4, 52),
        Class::OwnerPid => (4, 56),
        Class::Offload => (4, 60),
        Class::OwnerModule => (8, 192),
        other => panic!("{other} has no layout"),
    }
}

/// The size of the next buffer, after a call with `capacity` bytes that requires `required`, or 0.
fn grown(capacity: u64, required: u64, max: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    let with_slack = if required == 0 { 0 } else { required + required / 4 + 4096 };
    let doubled = capacity.max((2 * capacity).min(64 * MIB));
    let limit = (16 * capacity).max(64 * MIB);
    let size = with_slack.max(doubled).min(limit).min(max);
    capacity.max(size.next_multiple_of(8))
}

/// Reads a table of this class into a buffer of `before` bytes.
pub fn read(script: &Script, class: Class, before: usize) -> Read {
    let (first, row) = layout(class);
    let is_listed = |line: &&Line| match class {
        Class::OwnerPid | Class::OwnerModule => !script.listeners || line.state == 2,
        _ => true,
    };
    let max = (2 * before as u64).max(128 << 20);
    let mut capacity = (before as u64).max(64 << 10);
    let mut lines = script.lines.clone();
    let mut answers = script.answers.iter();
    let mut calls = Vec::new();
    let outcome = loop {
        let given = capacity as u32;
        let (code, reported) = match answers.next() {
            Some(Answer::Retryable(code, size)) => (*code, size.unwrap_or(given)),
            Some(Answer::Final(code)) => {
                calls.push(Sizes { given, reported: given });
                break Outcome::Code(*code);
            }
            Some(Answer::Untouched(reported)) => {
                calls.push(Sizes { given, reported: *reported });
                break Outcome::Malformed;
            }
            None => {
                let count = lines.iter().filter(is_listed).count() as u32;
                let needed = first + count * row + script.slack.unwrap_or(0);
                if needed <= given {
                    calls.push(Sizes { given, reported: needed });
                    break Outcome::Rows(lines);
                }
                grow(&mut lines, script.grow);
                (122, needed + script.slack.map_or(0, |_| count / 8 * row))
            }
        };
        calls.push(Sizes { given, reported });
        capacity = grown(capacity, if code == 122 { u64::from(reported) } else { 0 }, max);
    };
    let succeeded = matches!(outcome, Outcome::Rows(_) | Outcome::Code(232));
    Read { calls, outcome, capacity: if succeeded { capacity as usize } else { before } }
}

/// Appends copies of the last row, with ascending remote ports.
fn grow(lines: &mut Vec<Line>, rows: u32) {
    let Some(mut next) = lines.last().cloned() else { return };
    for _ in 0..rows {
        lines.push(next.clone());
        next.remote.set_port(next.remote.port().wrapping_add(1));
    }
}
