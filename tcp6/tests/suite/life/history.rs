//! Runs a history: performs random acts, and compares tables with the witness after each step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use tcp6::{Class, Processes, State, StateSet, System};

use super::compare::{Transition, compare, differs_beyond_owners};
use super::crew::Crew;
use super::names;
use super::plan::Plan;
use super::random::Random;
use super::reader::{self, ReadMode, Reading, TableReader};
use super::witness::{Line, Witness};

/// Limit of rounds per step. A round reads each chosen table once.
const MAX_READS: usize = 20;

/// Number of descriptors up to which owners are exact in each table, as documented for `System`.
const EXACT_DESCRIPTORS: usize = 4_096;

/// Number of descriptors that a refresh reads in turn at least, if there are more.
const READ_IN_TURN: usize = 1_024;

/// The parameters of a history.
#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: u64,
    pub steps: usize,
    /// Whether the history has a few thousand descriptors.
    pub large: bool,
    /// Whether the table also contains sockets of other programs.
    pub shared_table: bool,
    /// Path of the compiled `odd.c`.
    pub odd_program: Option<String>,
}

/// The counters of a successful history.
#[derive(Debug, Default)]
pub struct Report {
    pub steps: usize,
    /// Tables that were read.
    pub readings: usize,
    /// Rows of the largest table of the witness.
    pub max_rows: usize,
    /// Steps in which the kernel changed sockets during the last round.
    pub transitions: usize,
    /// Rounds that were repeated because the kernel changed sockets.
    pub retries: usize,
    /// Rounds with outdated owners, within the number of refreshes for which that is permitted.
    pub stale: usize,
    pub ss_runs: u64,
    /// Time of all acts.
    pub acting: Duration,
    /// Time of all readings, without `ss`.
    pub reading: Duration,
    /// Number of rows in the tables of the witness, by state.
    pub states: BTreeMap<State, u64>,
    /// Numbers of successful and of other orders, by verb.
    pub tally: BTreeMap<String, [u64; 2]>,
}

struct History {
    settings: Settings,
    random: Random,
    plan: Plan,
    crew: Crew,
    witness: Witness,
    readers: [Box<dyn TableReader>; 4],
    shared: System,
    processes: Processes,
    report: Report,
    /// The acts and answers of each step, one line per step.
    log: Vec<String>,
}

/// Runs a history to its end.
///
/// # Errors
///
/// Returns a description of the difference, preceded by the log of all steps.
pub fn run(settings: Settings) -> Result<Report, String> {
    let mut history = History::new(settings).map_err(|error| error.to_string())?;
    let outcome = history.run_steps();
    let History { settings, crew, mut report, witness, log, .. } = history;
    report.ss_runs = witness.runs;
    report.tally = crew.tally.clone();
    let ended = crew.end_all().map_err(|error| error.to_string());
    outcome.and(ended).map(|()| report).map_err(|failure| {
        let mut text = format!("seed {}, after step {}:\n", settings.seed, log.len().saturating_sub(1));
        for (step, line) in log.iter().enumerate() {
            let _ = writeln!(text, "  {step:>4}  {line}");
        }
        text + &failure
    })
}

impl History {
    fn new(settings: Settings) -> Result<History, Box<dyn std::error::Error>> {
        let mut random = Random::new(!settings.seed);
        let plan = Plan::new(settings.seed, settings.odd_program.is_some(), settings.large);
        let name = format!("tcp6-lives-{}-{}", std::process::id(), settings.seed);
        let crew = Crew::new(name, settings.odd_program.clone())?;
        let mut subsets = [
            StateSet::LISTEN,
            StateSet::ESTABLISHED,
            StateSet::TIME_WAIT | StateSet::FIN_WAIT_2 | StateSet::CLOSE_WAIT,
            some_states(&mut random),
        ];
        subsets.rotate_left(random.below(4));
        Ok(History {
            settings,
            random,
            plan,
            crew,
            witness: Witness::default(),
            readers: reader::readers(subsets)?,
            shared: System::new()?,
            processes: Processes::new(),
            report: Report::default(),
            log: Vec::new(),
        })
    }

    /// Performs and checks all steps.
    fn run_steps(&mut self) -> Result<(), String> {
        let all: Vec<_> = Class::ALL.into_iter().flat_map(|class| ReadMode::ALL.map(|mode| (class, mode))).collect();
        let acts = self.plan.begin();
        self.perform(acts)?;
        self.check(&all)?;
        let read_count = if self.settings.large { 3 } else { 5 };
        for step in 0..self.settings.steps {
            let acts = self.plan.step();
            self.perform(acts)?;
            let mut chosen = Vec::new();
            while chosen.len() < read_count {
                let one = all[self.random.below(all.len())];
                if !chosen.contains(&one) {
                    chosen.push(one);
                }
            }
            // The last step reads all classes in all modes.
            self.check(if step + 1 == self.settings.steps { &all } else { &chosen })?;
            self.report.steps += 1;
        }
        Ok(())
    }

    /// Performs acts and appends them to the log.
    fn perform(&mut self, acts: Vec<super::act::Act>) -> Result<(), String> {
        let start = Instant::now();
        self.log.push(String::new());
        for act in acts {
            let answer = self.crew.perform(&act);
            let line = self.log.last_mut().expect("pushed above");
            let _ = write!(line, "{act} -> {}; ", answer.as_ref().map_or("", |answer| answer));
            answer.map_err(|error| format!("{act}: {error}"))?;
        }
        self.report.acting += start.elapsed();
        self.witness.headless = self.crew.headless();
        self.witness.ports = self.settings.shared_table.then(|| self.crew.ports());
        Ok(())
    }

    /// Reads tables and compares them with the witness.
    ///
    /// The witness runs before each round of readings. If a reading differs, the witness runs again after the round,
    /// and the sockets that did not change between the two runs must agree.
    fn check(&mut self, modes: &[(Class, ReadMode)]) -> Result<(), String> {
        let mut before = self.witness.read();
        let states: Vec<StateSet> = modes.iter().map(|_| some_states(&mut self.random)).collect();
        let mut last = Vec::new();
        let mut stale = 0;
        for _ in 0..MAX_READS {
            let inodes = self.inodes(&before);
            let start = Instant::now();
            let mut readings = Vec::new();
            for ((class, mode), states) in modes.iter().zip(&states) {
                let index = Class::ALL.iter().position(|one| one == class).expect("Class::ALL has every class");
                let reading = self.readers[index].read(*mode, &mut self.shared, *states, &inodes);
                let mut reading = reading.map_err(|error| format!("{class}, {mode:?}: {error}"))?;
                reading.rows.retain(|row| self.witness.concerns(row));
                readings.push(reading);
            }
            self.report.reading += start.elapsed();
            let pids: BTreeSet<u32> = before.iter().flat_map(|line| line.pids.iter().copied()).collect();
            let mut differences: Vec<String> =
                readings.iter().filter_map(|reading| compare(reading, &before)).collect();
            let name_problems = names::problems(&mut self.processes, &pids);
            differences.extend(name_problems.iter().cloned());
            self.report.readings += readings.len();
            self.report.max_rows = self.report.max_rows.max(before.len());
            if differences.is_empty() {
                before.iter().for_each(|line| *self.report.states.entry(line.seen.state).or_default() += 1);
                return Ok(());
            }
            let after = self.witness.read();
            let differs_after = |reading: &&Reading| compare(reading, &after).is_some();
            if name_problems.is_empty()
                && stale < self.permitted_stale_refreshes()
                && !readings.iter().filter(differs_after).any(|reading| differs_beyond_owners(reading, &after))
            {
                stale += 1;
                self.report.stale += 1;
                before = after;
                continue;
            }
            if before == after {
                return Err(format!("ss has the same output before and after the round:\n{}", differences.join("\n")));
            }
            // A socket that is the same before and after the round was the same during the round.
            let transition = Transition::between(&before, &after);
            let mut mismatches: Vec<String> =
                readings.iter().filter_map(|reading| transition.stable_mismatch(reading)).collect();
            mismatches.extend(name_problems);
            if !mismatches.is_empty() {
                return Err(format!(
                    "differences in sockets that did not change between two runs of ss:\n{}",
                    mismatches.join("\n")
                ));
            }
            if readings.iter().all(|reading| transition.covers(reading)) {
                self.report.transitions += 1;
                return Ok(());
            }
            if differences == last {
                return Err(format!(
                    "the same differences in two rounds, while other sockets change:\n{}",
                    differences.join("\n")
                ));
            }
            self.report.retries += 1;
            (before, last) = (after, differences);
        }
        Err(format!("sockets still change after {MAX_READS} rounds of readings:\n{}", last.join("\n")))
    }

    /// Returns the number of refreshes for which an owner may be out of date.
    ///
    /// It is 0, unless the history is large and all processes together have more than `EXACT_DESCRIPTORS` descriptors.
    fn permitted_stale_refreshes(&self) -> usize {
        if !self.settings.large {
            return 0;
        }
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let counts = processes.filter_map(|process| Some(std::fs::read_dir(process.path().join("fd")).ok()?.count()));
        let descriptors: usize = counts.sum();
        if descriptors <= EXACT_DESCRIPTORS { 0 } else { descriptors.div_ceil(READ_IN_TURN) }
    }

    /// Returns the inodes of all sockets, or 20 random ones if there are more than 200.
    fn inodes(&mut self, lines: &[Line]) -> Vec<u32> {
        let info = lines.iter().filter_map(|line| line.seen.info);
        let all: Vec<u32> = info.map(|info| info.inode).filter(|inode| *inode != 0).collect();
        if all.len() <= 200 { all } else { (0..20).filter_map(|_| self.random.pick(&all).copied()).collect() }
    }
}

/// Returns a random set of states.
fn some_states(random: &mut Random) -> StateSet {
    let all = [
        StateSet::LISTEN,
        StateSet::SYN_SENT,
        StateSet::SYN_RECEIVED,
        StateSet::ESTABLISHED,
        StateSet::FIN_WAIT_1,
        StateSet::FIN_WAIT_2,
        StateSet::CLOSE_WAIT,
        StateSet::CLOSING,
        StateSet::LAST_ACK,
        StateSet::TIME_WAIT,
    ];
    match random.below(6) {
        0 => StateSet::all(),
        1 => StateSet::LISTEN,
        2 => StateSet::ESTABLISHED,
        _ => all.into_iter().filter(|_| random.chance(50)).fold(StateSet::LISTEN, |set, state| set | state),
    }
}
