//! Property test: for random scripts, the table has the rows of the script in canonical order.

use std::net::{Ipv6Addr, SocketAddrV6};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError};
use tcp6::{
    BasicRow, Buffer, Error, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, Snapshot, State,
    System,
};

use crate::machine::Machine;

/// Number of scripts. Each runs with all row classes.
const SCRIPTS: u32 = 2500;

/// A row of the script.
#[derive(Clone, Debug)]
struct Line {
    state: u32,
    local: SocketAddrV6,
    /// `NO_END` for a row without a remote end.
    remote: SocketAddrV6,
    pid: u32,
    created: i64,
    info: u64,
    offload: i32,
}

const NO_END: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);

/// The result of a call before the table is returned.
#[derive(Clone, Debug)]
enum Answer {
    /// A retryable code, and the size that the call reports, if it changes the size.
    Retryable(u32, Option<u32>),
    /// A code that is not retried.
    Final(u32),
    /// Success without writing data, and the reported size.
    Untouched(u32),
}

#[derive(Clone, Debug)]
struct Script {
    lines: Vec<Line>,
    slack: Option<u32>,
    garbage: Option<u32>,
    grow: u32,
    answers: Vec<Answer>,
    sorted: bool,
    listeners: bool,
}

fn address() -> impl Strategy<Value = (Ipv6Addr, u32)> {
    prop_oneof![
        2 => Just((Ipv6Addr::UNSPECIFIED, 0)),
        2 => Just((Ipv6Addr::LOCALHOST, 0)),
        2 => (any::<u16>(), 1..20u32).prop_map(|(low, scope)| (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, low), scope)),
        1 => (any::<[u8; 16]>(), any::<u32>()).prop_map(|(octets, scope)| (octets.into(), scope)),
        1 => any::<[u8; 4]>().prop_map(|it| (std::net::Ipv4Addr::from(it).to_ipv6_mapped(), 0)),
    ]
}

fn end() -> impl Strategy<Value = SocketAddrV6> {
    let port = prop_oneof![any::<u16>(), 1..4u16, Just(u16::MAX)];
    (address(), port).prop_map(|((address, scope), port)| SocketAddrV6::new(address, port, 0, scope))
}

fn line() -> impl Strategy<Value = Line> {
    let state = prop_oneof![3 => Just(2), 6 => 1..13u32, 1 => Just(100), 1 => any::<u32>()];
    let pid = prop_oneof![Just(0), Just(4), (1..10_000u32).prop_map(|pid| pid * 4), any::<u32>()];
    let created = prop_oneof![Just(0), 133_000_000_000_000_000..134_000_000_000_000_000i64, 0..i64::MAX];
    let info = prop_oneof![Just(0), 1..1000u64, any::<u64>()];
    let remote = prop_oneof![1 => Just(NO_END), 4 => end()];
    (state, end(), remote, pid, created, info, 0..6i32).prop_map(
        |(state, local, remote, pid, created, info, offload)| Line {
            state,
            local,
            remote,
            pid,
            created,
            info,
            offload,
        },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    let size = prop_oneof![
        3 => Just(None),
        3 => (0..200_000u32).prop_map(Some),
        1 => any::<u32>().prop_map(Some),
    ];
    // An absurd size makes the test write 64 MB or more, so most sizes are reduced.
    let size =
        size.prop_map(|size| size.map(|size| if size > 1 << 22 && size % 1024 != 0 { size % (1 << 22) } else { size }));
    prop_oneof![
        8 => (prop::sample::select(vec![122, 0xC000_0001_u32]), size).prop_map(|(code, size)| Answer::Retryable(code, size)),
        1 => prop::sample::select(vec![5, 8, 14, 31, 50, 87, 232, 234, 0x8000_4005_u32]).prop_map(Answer::Final),
        1 => any::<u32>().prop_map(Answer::Untouched),
    ]
}

fn scripts() -> impl Strategy<Value = Script> {
    // At most three answers: later attempts wait, which takes too long for 2,500 scripts.
    let answers = prop_oneof![1 => Just(vec![]), 1 => vec(answer(), 0..4)];
    let lines = prop_oneof![8 => vec(line(), 0..20), 1 => vec(line(), 0..400)];
    let grow = prop_oneof![4 => Just(0u32), 1 => 1..50u32];
    let slack = prop::option::of(prop_oneof![Just(8), 0..10_000u32]);
    (lines, slack, prop::option::of(any::<u32>()), grow, answers, any::<bool>(), any::<bool>()).prop_map(
        |(lines, slack, garbage, grow, answers, sorted, listeners)| Script {
            lines,
            slack,
            garbage,
            grow,
            answers,
            sorted,
            listeners,
        },
    )
}

impl Script {
    fn text(&self) -> String {
        let mut text = String::new();
        for (order, value) in [("slack", self.slack), ("garbage", self.garbage), ("grow", Some(self.grow))] {
            if let Some(value) = value {
                text += &format!("{order} {value}\n");
            }
        }
        for Line { state, local, remote, pid, created, info, offload } in &self.lines {
            let [local, remote] = [local, remote].map(|end| match end.scope_id() {
                0 => format!("[{}]:{}", end.ip(), end.port()),
                scope => format!("[{}%{scope}]:{}", end.ip(), end.port()),
            });
            text +=
                &format!("row {state} {local} {remote} pid={pid} created={created} info={info} offload={offload}\n");
        }
        if !self.answers.is_empty() {
            text += "code *";
            for answer in &self.answers {
                text += &match answer {
                    Answer::Retryable(code, None) | Answer::Final(code) => format!(" {code}"),
                    Answer::Retryable(code, Some(size)) => format!(" {code}:{size}"),
                    Answer::Untouched(size) => format!(" 0:{size}"),
                };
            }
            text.push('\n');
        }
        text
    }

    /// Returns the first answer that ends the refresh.
    fn last_answer(&self) -> Option<&Answer> {
        self.answers.iter().find(|answer| !matches!(answer, Answer::Retryable(..)))
    }
}

/// A decoded row: state, local end, remote end, owner, offload state, creation time and info.
type Decoded = (State, SocketAddrV6, Option<SocketAddrV6>, Option<Owner>, Option<i32>, Option<(i64, u64)>);

/// The fields that a row class has besides ends and state: owner, offload state, creation time and info.
trait Extras: Row {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>);
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>);
}

fn owner(pid: u32) -> Owner {
    match pid {
        0 => Owner::Nobody,
        4 => Owner::Kernel,
        u32::MAX => Owner::Unresolved,
        pid => Owner::Process(pid),
    }
}

fn number(state: OffloadState) -> i32 {
    match state {
        OffloadState::InHost => 0,
        OffloadState::Offloading => 1,
        OffloadState::Offloaded => 2,
        OffloadState::Uploading => 3,
        OffloadState::Other(other) => other,
    }
}

impl Extras for BasicRow {
    fn expected(_: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (None, None, None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (None, None, None)
    }
}

impl Extras for OwnerPidRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), None, None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(self.owner()), None, None)
    }
}

impl Extras for OffloadRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), Some(line.offload), None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(self.owner()), self.offload_state().map(number), None)
    }
}

impl Extras for OwnerModuleRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), None, Some((line.created, line.info)))
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        let info = self.module_info().map_or(0, |info| info[0]);
        (Some(self.owner()), None, Some((self.created_ticks().unwrap_or(0), info)))
    }
}

fn decode<R: Extras>(row: &R) -> Decoded {
    let (owner, offload, module) = row.actual();
    (row.state(), row.local(), row.remote(), owner, offload, module)
}

/// Returns the rows that the table must have.
fn model<R: Extras>(script: &Script) -> Vec<Decoded> {
    let decode = |line: &Line| {
        let remote = (line.state != 2 && line.remote != NO_END).then_some(line.remote);
        let (owner, offload, module) = R::expected(line);
        (State::from_raw(line.state), line.local, remote, owner, offload, module)
    };
    script.lines.iter().filter(|line| !script.listeners || line.state == 2).map(decode).collect()
}

/// The documented sort order: local end, then remote end.
fn key(row: &Decoded) -> impl Ord + use<> {
    let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
    (end(row.1), row.2.map_or(([0; 16], 0, 0), end))
}

fn in_order(mut rows: Vec<Decoded>) -> Vec<Decoded> {
    rows.sort_by_cached_key(|row| (key(row), format!("{row:?}")));
    rows
}

fn check<R: Extras>(script: &Script, text: &str, machine: &Machine, buffer: &mut Buffer) -> Result<(), TestCaseError> {
    machine.play(text);
    let query = if script.listeners { Query::listeners() } else { Query::all() };
    let query = if script.sorted { query } else { query.unsorted() };
    let mut system = System::new().unwrap();
    let read = system.table::<R>(&query, buffer);
    let calls = system.calls() as usize;
    match (script.last_answer(), read) {
        (None, Ok(table)) => {
            let seen: Vec<Decoded> = table.iter().map(decode).collect();
            prop_assert!(!script.sorted || seen.is_sorted_by_key(key));
            let mut expected = model::<R>(script);
            // Each call that failed with a real 122 has added `grow` copies of the last row, with ascending ports.
            let refused = calls - 1 - script.answers.len();
            prop_assert!(refused <= 15);
            let added = seen.len().checked_sub(expected.len());
            prop_assert!(added.is_some(), "{} rows, expected {}", seen.len(), expected.len());
            let grows = script.grow as usize * refused;
            prop_assert!(added == Some(0) || added == Some(grows), "{added:?} rows for {refused} calls");
            if added == Some(0) {
                prop_assert_eq!(in_order(seen), in_order(std::mem::take(&mut expected)));
                let snapshot = Snapshot::from_rows(table.iter().copied(), table.taken_at());
                prop_assert!(snapshot.rows().is_sorted());
            }
        }
        (Some(Answer::Final(232)), Ok(table)) => prop_assert!(table.is_empty()),
        (Some(Answer::Final(50)), Err(Error::NotSupported)) => {}
        (Some(Answer::Final(code)), Err(error @ Error::Os { .. })) => {
            prop_assert_eq!(error.raw_os_error(), Some(*code as i32));
        }
        (Some(Answer::Untouched(_)), Err(Error::Malformed(_))) => {}
        (answer, read) => {
            prop_assert!(false, "{answer:?} gives {:?}", read.map(|table| table.len()));
        }
    }
    Ok(())
}

#[test]
fn table_equals_the_model_of_the_script() {
    let Some(machine) = Machine::new("") else { return };
    let config = Config {
        cases: SCRIPTS,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x7463_7036),
        ..Config::default()
    };
    // All scripts share one buffer, so each table overwrites an earlier one.
    let buffer = std::cell::RefCell::new(Buffer::new());
    let played = std::cell::Cell::new(0);
    proptest!(config, |(script in scripts())| {
        let (text, buffer) = (script.text(), &mut *buffer.borrow_mut());
        check::<BasicRow>(&script, &text, &machine, buffer)?;
        check::<OwnerPidRow>(&script, &text, &machine, buffer)?;
        check::<OffloadRow>(&script, &text, &machine, buffer)?;
        check::<OwnerModuleRow>(&script, &text, &machine, buffer)?;
        if buffer.capacity() > 1 << 22 {
            buffer.reset();
        }
        played.set(played.get() + 1);
    });
    assert!(played.get() >= SCRIPTS);
}
