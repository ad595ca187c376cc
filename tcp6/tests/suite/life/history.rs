//! A history: random acts, and after each step every way to read the table against the witness.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use tcp6::{Class, Processes, State, StateSet, System};

use super::compare::{Moved, compare, differs_beyond_owners};
use super::crew::Crew;
use super::eye::{self, Eye, Reading, Way};
use super::names;
use super::plan::Plan;
use super::random::Random;
use super::witness::{Line, Witness};

/// How often a table is read again while the sockets change by themselves.
const MOST_READS: usize = 20;

/// The descriptors up to which the owners in every table are exact, and which a refresh reads beyond that: the documented
/// bound of `System`.
const EXACT_DESCRIPTORS: usize = 4_096;

/// What a history is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: u64,
    pub steps: usize,
    /// A few thousand descriptors.
    pub large: bool,
    /// The machine's other sockets are in the table, too.
    pub shared_table: bool,
    pub odd_program: Option<String>,
}

/// What a history has seen, if it went well.
#[derive(Debug, Default)]
pub struct Report {
    pub steps: usize,
    pub readings: usize,
    pub most_rows: usize,
    /// Steps in which sockets changed by themselves while they were compared; and readings that were done again therefore.
    pub moved: usize,
    pub again: usize,
    /// Tables with owners that were out of date, on a machine on which that is permitted for some refreshes.
    pub late: usize,
    pub ss_runs: u64,
    /// What took how long: acts, readings, and, as the rest, `ss`.
    pub acting: Duration,
    pub reading: Duration,
    /// Rows of the witness, by state.
    pub states: BTreeMap<State, u64>,
    /// Orders that went well and that did not, by their first word.
    pub tally: BTreeMap<String, [u64; 2]>,
}

struct History {
    settings: Settings,
    random: Random,
    plan: Plan,
    crew: Crew,
    witness: Witness,
    eyes: [Box<dyn Eye>; 4],
    shared: System,
    processes: Processes,
    report: Report,
    /// What has happened, a line a step.
    told: Vec<String>,
}

/// Runs a history to its end. The error is a text for people, with all that has happened.
pub fn run(settings: Settings) -> Result<Report, String> {
    let mut history = History::new(settings).map_err(|error| error.to_string())?;
    let outcome = history.live();
    let History { settings, crew, mut report, witness, told, .. } = history;
    report.ss_runs = witness.runs;
    report.tally = crew.tally.clone();
    let disbanded = crew.disband().map_err(|error| error.to_string());
    outcome.and(disbanded).map(|()| report).map_err(|wrong| {
        let mut text = format!("seed {}, after step {}:\n", settings.seed, told.len().saturating_sub(1));
        for (step, line) in told.iter().enumerate() {
            let _ = writeln!(text, "  {step:>4}  {line}");
        }
        text + &wrong
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
            eyes: eye::all(subsets)?,
            shared: System::new()?,
            processes: Processes::new(),
            report: Report::default(),
            told: Vec::new(),
        })
    }

    fn live(&mut self) -> Result<(), String> {
        let every: Vec<_> = Class::ALL.into_iter().flat_map(|class| Way::ALL.map(|way| (class, way))).collect();
        let acts = self.plan.begin();
        self.perform(acts)?;
        self.check(&every)?;
        let looks = if self.settings.large { 3 } else { 5 };
        for step in 0..self.settings.steps {
            let acts = self.plan.step();
            self.perform(acts)?;
            let mut chosen = Vec::new();
            while chosen.len() < looks {
                let one = every[self.random.below(every.len())];
                if !chosen.contains(&one) {
                    chosen.push(one);
                }
            }
            // At the end everything, whenever it was read last.
            self.check(if step + 1 == self.settings.steps { &every } else { &chosen })?;
            self.report.steps += 1;
        }
        Ok(())
    }

    fn perform(&mut self, acts: Vec<super::act::Act>) -> Result<(), String> {
        let start = Instant::now();
        self.told.push(String::new());
        for act in acts {
            let answer = self.crew.perform(&act);
            let line = self.told.last_mut().expect("pushed above");
            let _ = write!(line, "{act} -> {}; ", answer.as_ref().map_or("", |answer| answer));
            answer.map_err(|error| format!("{act}: {error}"))?;
        }
        self.report.acting += start.elapsed();
        self.witness.headless = self.crew.headless();
        self.witness.ports = self.settings.shared_table.then(|| self.crew.ports());
        Ok(())
    }

    /// Reads in these ways, and compares with the witness before and, if that differs, after.
    fn check(&mut self, ways: &[(Class, Way)]) -> Result<(), String> {
        let mut before = self.witness.look();
        let states: Vec<StateSet> = ways.iter().map(|_| some_states(&mut self.random)).collect();
        let mut last = Vec::new();
        let mut late = 0;
        for _ in 0..MOST_READS {
            let inodes = self.inodes(&before);
            let start = Instant::now();
            let mut readings = Vec::new();
            for ((class, way), states) in ways.iter().zip(&states) {
                let at = Class::ALL.iter().position(|one| one == class).expect("one of all");
                let reading = self.eyes[at].read(*way, &mut self.shared, *states, &inodes);
                let mut reading = reading.map_err(|error| format!("{class}, {way:?}: {error}"))?;
                reading.rows.retain(|row| self.witness.concerns(row));
                readings.push(reading);
            }
            self.report.reading += start.elapsed();
            let pids: BTreeSet<u32> = before.iter().flat_map(|line| line.pids.iter().copied()).collect();
            let mut wrong: Vec<String> = readings.iter().filter_map(|reading| compare(reading, &before)).collect();
            let misnamed = names::problems(&mut self.processes, &pids);
            wrong.extend(misnamed.iter().cloned());
            self.report.readings += readings.len();
            self.report.most_rows = self.report.most_rows.max(before.len());
            if wrong.is_empty() {
                before.iter().for_each(|line| *self.report.states.entry(line.seen.state).or_default() += 1);
                return Ok(());
            }
            let after = self.witness.look();
            let is_late = |reading: &&Reading| compare(reading, &after).is_some();
            if misnamed.is_empty()
                && late < self.permitted_late_refreshes()
                && !readings.iter().filter(is_late).any(|reading| differs_beyond_owners(reading, &after))
            {
                late += 1;
                self.report.late += 1;
                before = after;
                continue;
            }
            if before == after {
                return Err(format!("ss is the same before and after:\n{}", wrong.join("\n")));
            }
            // What is the same before and after was the same in between, whatever else moved.
            let moved = Moved::between(&before, &after);
            let mut violated: Vec<String> = readings.iter().filter_map(|reading| moved.violated_by(reading)).collect();
            violated.extend(misnamed);
            if !violated.is_empty() {
                return Err(format!("ss shows what moves; this does not:\n{}", violated.join("\n")));
            }
            if readings.iter().all(|reading| moved.explains(reading)) {
                self.report.moved += 1;
                return Ok(());
            }
            if wrong == last {
                return Err(format!("this stays the same while others move:\n{}", wrong.join("\n")));
            }
            self.report.again += 1;
            (before, last) = (after, wrong);
        }
        Err(format!("sockets still move by themselves after {MOST_READS} readings:\n{}", last.join("\n")))
    }

    /// The number of refreshes for which an owner may be out of date: none, unless the processes have more descriptors than
    /// the bound for exact owners.
    fn permitted_late_refreshes(&self) -> usize {
        if !self.settings.large {
            return 0;
        }
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let counts = folders.filter_map(|process| Some(std::fs::read_dir(process.path().join("fd")).ok()?.count()));
        let descriptors: usize = counts.sum();
        if descriptors <= EXACT_DESCRIPTORS { 0 } else { descriptors.div_ceil(EXACT_DESCRIPTORS) + 1 }
    }

    /// The sockets whose holders are asked for: all, or some of very many.
    fn inodes(&mut self, lines: &[Line]) -> Vec<u32> {
        let info = lines.iter().filter_map(|line| line.seen.info);
        let all: Vec<u32> = info.map(|info| info.inode).filter(|inode| *inode != 0).collect();
        if all.len() <= 200 { all } else { (0..20).filter_map(|_| self.random.pick(&all).copied()).collect() }
    }
}

/// A random set of states, which has those that most sockets are in more often than not.
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
        _ => all.into_iter().filter(|_| random.chance(50)).fold(StateSet::LISTEN, |set, one| set | one),
    }
}
