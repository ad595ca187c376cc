//! Where a history lives: the namespaces, the user, and the processes beside it.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::history::{self, Report, Settings};
use super::odd;

/// What a history is run with: surroundings, seed and steps.
const HISTORY: &str = "TCP6_LIVES_HISTORY";

const NOBODY: u32 = 65_534;

/// Processes of root beside those of a user who may not look into them; some of them have sockets.
const BYSTANDERS: usize = 50;
const BYSTANDERS_WITH_SOCKETS: usize = 5;

/// What a bystander is told by, and what it says when it has its sockets.
const BYSTANDER: &str = "TCP6_LIVES_BYSTANDER";
const READY: &str = "standing by";

/// The kinds of surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// Network and processes of its own, all of which can be read.
    Own,
    /// The same, with thousands of descriptors.
    Large,
    /// The same, as a user beside processes of root.
    Unprivileged,
    /// A network of its own, among the processes of the machine.
    Machine,
    /// All is the machine's.
    Shared,
}

const ALL: [Surroundings; 5] =
    [Surroundings::Own, Surroundings::Large, Surroundings::Unprivileged, Surroundings::Machine, Surroundings::Shared];

impl Surroundings {
    /// Those of a seed that is run by itself.
    pub fn of(seed: u64) -> Surroundings {
        match seed % 10 {
            2 | 4 | 6 => Surroundings::Unprivileged,
            7 => Surroundings::Large,
            8 => Surroundings::Machine,
            _ => Surroundings::Own,
        }
    }

    fn name(self) -> String {
        format!("{self:?}")
    }
}

/// This program, as it runs one of the tests that are none.
pub fn again(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"]);
    command
}

/// This program in a network namespace of its own, with a loopback; and, `apart`, among processes of its own.
pub fn in_namespaces(test: &str, apart: bool) -> Option<Command> {
    let options: &[&str] =
        if apart { &["--net", "--pid", "--fork", "--mount-proc", "--kill-child"] } else { &["--net"] };
    let can = Command::new("unshare").args(options).args(["ip", "link", "set", "lo", "up"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let program = again(test);
    let up = "ip link set lo up; ip addr add fe80::1/64 dev lo nodad; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(options).args(["sh", "-ec", up]).arg(program.get_program()).args(program.get_args());
    Some(command)
}

/// Runs a history, and fails as it fails.
pub fn run(surroundings: Surroundings, seed: u64, steps: usize) {
    let apart = surroundings != Surroundings::Machine;
    let isolated = if rustix::process::geteuid().is_root() {
        in_namespaces("life::a_history", apart).or_else(|| in_namespaces("life::a_history", false))
    } else {
        None
    };
    let (mut command, surroundings) = isolated.map_or_else(
        || {
            eprintln!("without root or namespaces: only sockets of this test's own are compared");
            (again("life::a_history"), Surroundings::Shared)
        },
        |command| (command, surroundings),
    );
    let odd = odd::compile(seed);
    match &odd {
        Some(program) => drop(command.env(odd::PROGRAM, program)),
        None => eprintln!("no C compiler: no process shares its descriptors or goes on without its first thread"),
    }
    let output = command.env(HISTORY, format!("{} {seed} {steps}", surroundings.name())).output().unwrap();
    odd.map(std::fs::remove_file).transpose().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{surroundings:?}, TCP6_LIVES_SEED={seed}: {said}");
    said.lines().filter(|line| line.starts_with("life ")).for_each(|line| eprintln!("{line}"));
}

/// A history, in the surroundings that were made for it. Returns at once if this process is none.
pub fn child() {
    let Ok(text) = env::var(HISTORY) else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let [name, seed, steps] = words[..] else { panic!("{text}") };
    let surroundings = ALL.into_iter().find(|one| one.name() == name).expect("one of all");
    if surroundings == Surroundings::Unprivileged && rustix::process::geteuid().is_root() {
        return as_nobody("life::a_history");
    }
    let start = std::time::Instant::now();
    let settings = Settings {
        seed: seed.parse().unwrap(),
        steps: steps.parse().unwrap(),
        large: surroundings == Surroundings::Large,
        shared_table: surroundings == Surroundings::Shared,
        odd_program: env::var(odd::PROGRAM).ok(),
    };
    crate::load::raise_descriptor_limit();
    match history::run(settings) {
        Ok(report) => tell(surroundings, seed, &report, start.elapsed().as_secs_f64()),
        Err(wrong) => panic!("{surroundings:?}: {wrong}"),
    }
}

/// Orders of every kind that must have gone well in a history of some length.
const USUAL: [&str; 16] = [
    "accept", "await", "close", "connect", "dup", "end", "exec", "fork", "joined", "listen", "plain", "rst", "send",
    "shut", "take", "thread",
];
const SOME_LENGTH: usize = 300;

fn tell(surroundings: Surroundings, seed: &str, report: &Report, seconds: f64) {
    let Report { steps, readings, most_rows, moved, again, late, ss_runs, acting, reading, states, tally } = report;
    eprintln!(
        "life {surroundings:?}, seed {seed}: {steps} steps in {seconds:.1} s (acts {acting:.1?}, readings {reading:.1?}), \
         {readings} readings of up to {most_rows} rows, ss {ss_runs} times; sockets moved by themselves in {moved} steps, \
         owners were late in {late} tables, \
         {again} readings done again; {states:?}; {tally:?}"
    );
    // What has moved is not compared in a reading that is done again: that must stay rare.
    assert!(again * 20 <= steps + 200, "{again} readings in {steps} steps were done again");
    let sum = |i: usize| tally.values().map(|counts| counts[i]).sum::<u64>();
    assert!(sum(1) * 4 <= sum(0), "too many orders came to nothing: {tally:?}");
    if *steps >= SOME_LENGTH {
        let missing: Vec<_> =
            USUAL.iter().filter(|verb| tally.get(**verb).is_none_or(|counts| counts[0] == 0)).collect();
        assert!(missing.is_empty(), "none went well of {missing:?}: {tally:?}");
    }
}

/// Has sockets, until its standard input is closed. Returns at once if this process is none.
pub fn stand_by() {
    if env::var_os(BYSTANDER).is_some() {
        let _own = crate::support::Loopback::open();
        println!("\n{READY}");
        let _ = std::io::stdin().read(&mut [0]);
    }
}

/// Runs the test again as a user who may not look into root's processes, beside some of them.
pub fn as_nobody(test: &str) {
    let mut bystanders: Vec<Child> = Vec::new();
    for _ in 0..BYSTANDERS_WITH_SOCKETS {
        let mut command = again("life::a_bystander");
        let mut one = command.env(BYSTANDER, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(one.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == READY));
        bystanders.push(one);
    }
    for _ in BYSTANDERS_WITH_SOCKETS..BYSTANDERS {
        bystanders.push(Command::new("sleep").arg("86400").stdin(Stdio::piped()).spawn().unwrap());
    }
    let status = again(test).uid(NOBODY).gid(NOBODY).status();
    for mut one in bystanders {
        one.kill().unwrap();
        one.wait().unwrap();
    }
    match status {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(error) => eprintln!("skipped: nobody may not run this test: {error}"),
    }
}
