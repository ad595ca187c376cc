//! Random scripts.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A row of the script.
#[derive(Clone, Debug)]
pub struct Line {
    pub state: u32,
    pub local: SocketAddrV6,
    /// `NO_END` for a row without a remote end.
    pub remote: SocketAddrV6,
    pub pid: u32,
    pub created: i64,
    pub info: u64,
    pub offload: i32,
}

pub const NO_END: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);

/// The result of a call before the table is returned.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A retryable code, and the size that the call reports, if it changes the size.
    Retryable(u32, Option<u32>),
    /// A code that is not retried.
    Final(u32),
    /// Success without writing data, and the reported size.
    Untouched(u32),
}

/// The names of the module with this pid and info.
#[derive(Clone, Debug)]
pub struct ModuleLine {
    pub pid: u32,
    pub info: u64,
    /// Name and path, or the code of a refusal.
    pub names: Result<(String, String), u32>,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub lines: Vec<Line>,
    pub slack: Option<u32>,
    pub garbage: Option<u32>,
    pub grow: u32,
    /// The answers of table functions.
    pub answers: Vec<Answer>,
    pub sorted: bool,
    pub listeners: bool,
    /// Whether the read begins with a new buffer.
    pub fresh: bool,
    pub modules: Vec<ModuleLine>,
    /// The answers of GetOwnerModuleFromTcp6Entry.
    pub module_answers: Vec<Answer>,
}

fn address() -> impl Strategy<Value = (Ipv6Addr, u32)> {
    prop_oneof![
        2 => Just((Ipv6Addr::UNSPECIFIED, 0)),
        2 => Just((Ipv6Addr::LOCALHOST, 0)),
        2 => (any::<u16>(), 1..20u32).prop_map(|(low, scope)| (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, low), scope)),
        1 => (any::<[u8; 16]>(), any::<u32>()).prop_map(|(octets, scope)| (octets.into(), scope)),
        1 => any::<[u8; 4]>().prop_map(|it| (Ipv4Addr::from(it).to_ipv6_mapped(), 0)),
    ]
}

fn end() -> impl Strategy<Value = SocketAddrV6> {
    let port = prop_oneof![any::<u16>(), 1..4u16, Just(u16::MAX)];
    (address(), port).prop_map(|((address, scope), port)| SocketAddrV6::new(address, port, 0, scope))
}

/// A pid: that of an existing process, or one that no process has.
fn pid(existing: &[u32]) -> impl Strategy<Value = u32> + use<> {
    let unused = (0..10_000u32).prop_map(|pid| 0x7000_0000 + pid * 4);
    prop_oneof![
        3 => select(existing.to_vec()),
        1 => Just(0),
        1 => Just(4),
        1 => unused,
        1 => any::<u32>().prop_map(|pid| pid | 0x8000_0001),
    ]
}

/// The first word of the module info. Few values, so that rows share modules.
fn info() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 4 => 1..4u64, 1 => any::<u64>()]
}

fn line(existing: &[u32]) -> impl Strategy<Value = Line> + use<> {
    let state = prop_oneof![3 => Just(2), 6 => 1..13u32, 1 => Just(100), 1 => any::<u32>()];
    let created = prop_oneof![Just(0), 133_000_000_000_000_000..134_000_000_000_000_000i64, 0..i64::MAX];
    let remote = prop_oneof![1 => Just(NO_END), 4 => end()];
    (state, end(), remote, pid(existing), created, info(), 0..6i32).prop_map(
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

fn module(existing: &[u32]) -> impl Strategy<Value = ModuleLine> + use<> {
    let names = prop_oneof![
        Just(("Dnscache".into(), "Dnscache".into())),
        Just((String::new(), String::new())),
        Just((String::new(), r"C:\a\b.exe".into())),
        // The names fit into 2 KiB, or take another call.
        (1..300usize, 1..3000usize).prop_map(|(name, path)| ("n".repeat(name), format!(r"C:\{}", "p".repeat(path)))),
    ];
    let codes = select(vec![5, 8, 50, 87, 120, 126, 126, 126, 299, 1168]);
    let names = prop_oneof![2 => names.prop_map(Ok), 1 => codes.prop_map(Err)];
    (pid(existing), info(), names).prop_map(|(pid, info, names)| ModuleLine { pid, info, names })
}

fn answer(retryable: Vec<u32>) -> impl Strategy<Value = Answer> {
    let size = prop_oneof![
        3 => Just(None),
        3 => (0..200_000u32).prop_map(Some),
        1 => any::<u32>().prop_map(Some),
    ];
    // An absurd size makes the test write 64 MB or more, so most sizes are reduced.
    let size =
        size.prop_map(|size| size.map(|size| if size > 1 << 22 && size % 1024 != 0 { size % (1 << 22) } else { size }));
    prop_oneof![
        8 => (select(retryable), size).prop_map(|(code, size)| Answer::Retryable(code, size)),
        1 => select(vec![5, 8, 14, 31, 50, 87, 232, 234, 0x8000_4005_u32]).prop_map(Answer::Final),
        1 => any::<u32>().prop_map(Answer::Untouched),
    ]
}

/// Scripts with these existing processes.
pub fn scripts(existing: &[u32]) -> impl Strategy<Value = Script> + use<> {
    // At most three answers: later attempts wait, which takes too long for 2,500 scripts.
    let answers = prop_oneof![1 => Just(vec![]), 1 => vec(answer(vec![122, 0xC000_0001]), 0..4)];
    // 64 KiB have space for 341 rows of the largest class and for 1,260 of the smallest.
    let lines = prop_oneof![
        20 => vec(line(existing), 0..20),
        3 => vec(line(existing), 300..400),
        1 => vec(line(existing), 1_200..1_300),
    ];
    let grow = prop_oneof![2 => Just(0u32), 1 => 1..50u32, 1 => 500..1500u32];
    let slack = option::of(prop_oneof![Just(8), 0..10_000u32]);
    let modules = vec(module(existing), 0..12);
    let module_answers = prop_oneof![2 => Just(vec![]), 1 => vec(answer(vec![122]), 0..8)];
    (
        (lines, slack, option::of(any::<u32>()), grow),
        (answers, any::<bool>(), any::<bool>(), any::<bool>(), modules, module_answers),
    )
        .prop_map(
            |((lines, slack, garbage, grow), (answers, sorted, listeners, fresh, modules, module_answers))| Script {
                lines,
                slack,
                garbage,
                grow,
                answers,
                sorted,
                listeners,
                fresh,
                modules,
                module_answers,
            },
        )
}

fn text_of(end: SocketAddrV6) -> String {
    match end.scope_id() {
        0 => format!("[{}]:{}", end.ip(), end.port()),
        scope => format!("[{}%{scope}]:{}", end.ip(), end.port()),
    }
}

/// Returns the order that gives these answers to the next calls of a function, or `*`.
fn code_order(function: &str, answers: &[Answer]) -> String {
    if answers.is_empty() {
        return String::new();
    }
    let mut text = format!("code {function}");
    for answer in answers {
        text += &match answer {
            Answer::Retryable(code, None) | Answer::Final(code) => format!(" {code}"),
            Answer::Retryable(code, Some(size)) => format!(" {code}:{size}"),
            Answer::Untouched(size) => format!(" 0:{size}"),
        };
    }
    text + "\n"
}

impl Script {
    fn rows(&self) -> String {
        let mut text = self.garbage.map_or(String::new(), |seed| format!("garbage {seed}\n"));
        for Line { state, local, remote, pid, created, info, offload } in &self.lines {
            let [local, remote] = [local, remote].map(|end| text_of(*end));
            writeln!(text, "row {state} {local} {remote} pid={pid} created={created} info={info} offload={offload}")
                .unwrap();
        }
        text
    }

    /// The script for reads of tables.
    pub fn text(&self) -> String {
        let slack = self.slack.map_or(String::new(), |bytes| format!("slack {bytes}\n"));
        format!("grow {}\n{slack}{}{}", self.grow, self.rows(), code_order("*", &self.answers))
    }

    /// The script for look-ups of names, in which the table is read at once.
    pub fn text_of_names(&self) -> String {
        let mut text = self.rows() + &code_order("GetOwnerModuleFromTcp6Entry", &self.module_answers);
        let or_none = |name: &str| if name.is_empty() { "-".into() } else { name.to_owned() };
        for ModuleLine { pid, info, names } in &self.modules {
            match names {
                Ok((name, path)) => writeln!(text, "module {pid} {info} {} {}", or_none(name), or_none(path)),
                Err(code) => writeln!(text, "module {pid} {info} code {code}"),
            }
            .unwrap();
        }
        text
    }
}
