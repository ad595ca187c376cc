//! The environment of a history: namespaces, user, and unrelated processes.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::history::{self, Report, Settings};
use super::odd;

/// Environment variable of a history process: [`Environment`], seed and steps, separated by spaces.
const HISTORY: &str = "TCP6_LIVES_HISTORY";

/// User and group `nobody`.
const NOBODY: u32 = 65_534;

/// Root processes that run beside an unprivileged history, which cannot read their descriptors.
const BYSTANDERS: usize = 50;

/// Bystanders that hold sockets.
const BYSTANDERS_WITH_SOCKETS: usize = 5;

/// Environment variable that marks a bystander process.
const BYSTANDER: &str = "TCP6_LIVES_BYSTANDER";

/// Line that a bystander prints after it has opened its sockets.
const READY: &str = "standing by";

/// The namespaces, size and user of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Its own network and PID namespaces, as root.
    Isolated,
    /// Like `Isolated`, with thousands of descriptors.
    Large,
    /// Like `Isolated`, as an unprivileged user beside root processes.
    Unprivileged,
    /// Its own network namespace, in the PID namespace of the host.
    HostPids,
    /// The namespaces of the host.
    Host,
}

const ALL: [Environment; 5] =
    [Environment::Isolated, Environment::Large, Environment::Unprivileged, Environment::HostPids, Environment::Host];

impl Environment {
    /// Returns the environment for a seed that is not in the list of `cargo test`.
    pub fn for_seed(seed: u64) -> Environment {
        match seed % 10 {
            2 | 4 | 6 => Environment::Unprivileged,
            7 => Environment::Large,
            8 => Environment::HostPids,
            _ => Environment::Isolated,
        }
    }

    fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Returns a command that runs one ignored test of this binary.
pub fn test_command(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"]);
    command
}

/// Returns a command that runs one ignored test of this binary in a new network namespace.
///
/// The loopback interface is up and has the address fe80::1. With `new_pids`, the test also has its own PID namespace.
/// Returns `None` if the namespaces cannot be created.
pub fn in_namespaces(test: &str, new_pids: bool) -> Option<Command> {
    let options: &[&str] =
        if new_pids { &["--net", "--pid", "--fork", "--mount-proc", "--kill-child"] } else { &["--net"] };
    let probe = Command::new("unshare").args(options).args(["ip", "link", "set", "lo", "up"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let program = test_command(test);
    let script = "ip link set lo up; ip addr add fe80::1/64 dev lo nodad; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(options).args(["sh", "-ec", script]).arg(program.get_program()).args(program.get_args());
    Some(command)
}

/// Runs a history in a child process.
///
/// # Panics
///
/// If the history fails.
pub fn run(environment: Environment, seed: u64, steps: usize) {
    let new_pids = environment != Environment::HostPids;
    let isolated = if rustix::process::geteuid().is_root() {
        in_namespaces("life::a_history", new_pids).or_else(|| in_namespaces("life::a_history", false))
    } else {
        None
    };
    let (mut command, environment) = isolated.map_or_else(
        || {
            eprintln!("no root or no namespaces: only the sockets of this test are compared");
            (test_command("life::a_history"), Environment::Host)
        },
        |command| (command, environment),
    );
    let odd = odd::compile(seed);
    match &odd {
        Some(program) => drop(command.env(odd::PROGRAM, program)),
        None => eprintln!("no C compiler: the processes of odd.c are left out"),
    }
    let output = command.env(HISTORY, format!("{} {seed} {steps}", environment.name())).output().unwrap();
    odd.map(std::fs::remove_file).transpose().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{environment:?}, TCP6_LIVES_SEED={seed}: {text}");
    text.lines().filter(|line| line.starts_with("life ")).for_each(|line| eprintln!("{line}"));
}

/// Runs the history of this process. Returns at once if this process was not started by [`run`].
pub fn child() {
    let Ok(text) = env::var(HISTORY) else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let [name, seed, steps] = words[..] else { panic!("malformed {HISTORY}: {text}") };
    let environment = ALL.into_iter().find(|one| one.name() == name).expect("unknown environment");
    if environment == Environment::Unprivileged && rustix::process::geteuid().is_root() {
        return as_nobody("life::a_history");
    }
    let start = std::time::Instant::now();
    let settings = Settings {
        seed: seed.parse().unwrap(),
        steps: steps.parse().unwrap(),
        large: environment == Environment::Large,
        shared_table: environment == Environment::Host,
        odd_program: env::var(odd::PROGRAM).ok(),
    };
    crate::load::raise_descriptor_limit();
    match history::run(settings) {
        Ok(report) => print_report(environment, seed, &report, start.elapsed().as_secs_f64()),
        Err(failure) => panic!("{environment:?}: {failure}"),
    }
}

/// Orders that must succeed at least once in a history of `MIN_STEPS_FOR_ALL_ORDERS` steps or more.
const REQUIRED_ORDERS: [&str; 16] = [
    "accept", "await", "close", "connect", "dup", "end", "exec", "fork", "joined", "listen", "plain", "rst", "send",
    "shut", "take", "thread",
];
const MIN_STEPS_FOR_ALL_ORDERS: usize = 300;

/// Prints the counters of a history and checks that they are plausible.
fn print_report(environment: Environment, seed: &str, report: &Report, seconds: f64) {
    let Report { steps, readings, max_rows, transitions, retries, stale, ss_runs, acting, reading, states, tally } =
        report;
    eprintln!(
        "life {environment:?}, seed {seed}: {steps} steps in {seconds:.1} s (acts {acting:.1?}, readings \
         {reading:.1?}), {readings} readings of up to {max_rows} rows, {ss_runs} runs of ss; the kernel changed \
         sockets during {transitions} steps, owners were out of date in {stale} rounds, {retries} rounds were \
         repeated; {states:?}; {tally:?}"
    );
    // A round that is repeated does not compare the sockets that changed, so repetitions must stay rare.
    assert!(retries * 20 <= steps + 200, "{retries} rounds in {steps} steps were repeated");
    let sum = |i: usize| tally.values().map(|counts| counts[i]).sum::<u64>();
    assert!(sum(1) * 4 <= sum(0), "more than 1 in 5 orders failed: {tally:?}");
    if *steps >= MIN_STEPS_FOR_ALL_ORDERS {
        let missing: Vec<_> =
            REQUIRED_ORDERS.iter().filter(|verb| tally.get(**verb).is_none_or(|counts| counts[0] == 0)).collect();
        assert!(missing.is_empty(), "orders that never succeeded: {missing:?}: {tally:?}");
    }
}

/// Holds sockets until standard input is closed.
///
/// Returns at once if this process is not a bystander.
pub fn stand_by() {
    if env::var_os(BYSTANDER).is_some() {
        let _sockets = crate::support::Loopback::open();
        println!("\n{READY}");
        let _ = std::io::stdin().read(&mut [0]);
    }
}

/// Runs a test as the user `nobody`, beside root processes.
///
/// `nobody` cannot read the descriptors of these processes.
pub fn as_nobody(test: &str) {
    let mut bystanders: Vec<Child> = Vec::new();
    for _ in 0..BYSTANDERS_WITH_SOCKETS {
        let mut command = test_command("life::a_bystander");
        let mut child = command.env(BYSTANDER, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == READY));
        bystanders.push(child);
    }
    for _ in BYSTANDERS_WITH_SOCKETS..BYSTANDERS {
        bystanders.push(Command::new("sleep").arg("86400").stdin(Stdio::piped()).spawn().unwrap());
    }
    let status = test_command(test).uid(NOBODY).gid(NOBODY).status();
    for mut child in bystanders {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    match status {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(error) => eprintln!("skipped: uid {NOBODY} cannot run this binary: {error}"),
    }
}
