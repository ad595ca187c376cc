//! Readers for the tables of one class, with long-lived and new systems and with watchers.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;

use tcp6::os::linux::SystemExt;
use tcp6::{BasicRow, Buffer, Class, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, StateSet, System};

use super::seen::Seen;
use super::watch::Watched;
use crate::sharing::apart;
use crate::trouble::is_root;

/// How a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// A long-lived system of this class, which reads all states.
    Kept,
    /// A long-lived system of this class, which always reads the same subset of states.
    KeptSubset,
    /// A long-lived system for all classes, which reads the states of the request.
    Shared,
    /// A new system for each table. Like those above, it shares owners with all others.
    Fresh,
    /// A new system for each table, which shares nothing, as the first of a process. `Fresh` without root.
    Apart,
    /// The copy that is maintained from the changes of a watcher for all states.
    Watched,
    /// The same for a watcher with a subset of states.
    WatchedSubset,
}

impl ReadMode {
    pub const ALL: [ReadMode; 7] = [
        ReadMode::Kept,
        ReadMode::KeptSubset,
        ReadMode::Shared,
        ReadMode::Fresh,
        ReadMode::Apart,
        ReadMode::Watched,
        ReadMode::WatchedSubset,
    ];
}

/// The result of reading a table.
#[derive(Clone, Debug)]
pub struct Reading {
    pub class: Class,
    pub mode: ReadMode,
    pub states: StateSet,
    /// The rows, sorted.
    pub rows: Vec<Seen>,
    /// The holders of each inode that was looked up.
    pub holders: Vec<(u32, BTreeSet<u32>)>,
    /// Errors that were found without the witness.
    pub problems: Vec<String>,
}

/// Reads tables of one class in any mode.
pub trait TableReader {
    /// Reads a table, and looks up the holders of `inodes`.
    ///
    /// Modes with their own states ignore `states`. Watchers ignore `inodes`.
    fn read(&mut self, mode: ReadMode, shared: &mut System, states: StateSet, inodes: &[u32])
    -> Result<Reading, Error>;
}

/// Returns a reader for each class, with the states that its subset modes read.
pub fn readers(subsets: [StateSet; 4]) -> Result<[Box<dyn TableReader>; 4], Error> {
    Ok([
        Box::new(ClassReader::<BasicRow>::new(subsets[0])?),
        Box::new(ClassReader::<OwnerPidRow>::new(subsets[1])?),
        Box::new(ClassReader::<OffloadRow>::new(subsets[2])?),
        Box::new(ClassReader::<OwnerModuleRow>::new(subsets[3])?),
    ])
}

/// The reader of one class.
struct ClassReader<R> {
    kept: System,
    kept_subset: System,
    watched: Watched<R>,
    watched_subset: Watched<R>,
    subset: StateSet,
    buffer: Buffer,
}

impl<R: Row> ClassReader<R> {
    fn new(subset: StateSet) -> Result<ClassReader<R>, Error> {
        let kept = System::new()?;
        // As the systems of several network namespaces are opened.
        let own = File::open("/proc/thread-self/ns/net").expect("/proc is mounted");
        Ok(ClassReader {
            kept_subset: kept.in_namespace(own)?,
            kept,
            watched: Watched::new(Query::all())?,
            watched_subset: Watched::new(Query::all().states(subset))?,
            subset,
            buffer: Buffer::new(),
        })
    }
}

impl<R: Row> TableReader for ClassReader<R> {
    fn read(
        &mut self,
        mode: ReadMode,
        shared: &mut System,
        states: StateSet,
        inodes: &[u32],
    ) -> Result<Reading, Error> {
        let mut reading =
            Reading { class: R::CLASS, mode, states, rows: Vec::new(), holders: Vec::new(), problems: Vec::new() };
        match mode {
            ReadMode::Kept => {
                reading.states = StateSet::all();
                reading.table::<R>(&mut self.kept, &mut self.buffer, inodes)?;
            }
            ReadMode::KeptSubset => {
                reading.states = self.subset;
                reading.table::<R>(&mut self.kept_subset, &mut self.buffer, inodes)?;
            }
            ReadMode::Shared => reading.table::<R>(shared, &mut self.buffer, inodes)?,
            ReadMode::Apart if is_root() => reading.table::<R>(&mut apart(), &mut self.buffer, inodes)?,
            ReadMode::Fresh | ReadMode::Apart => reading.table::<R>(&mut System::new()?, &mut self.buffer, inodes)?,
            ReadMode::Watched => {
                reading.states = StateSet::all();
                (reading.rows, reading.problems) = self.watched.poll()?;
            }
            ReadMode::WatchedSubset => {
                reading.states = self.subset;
                (reading.rows, reading.problems) = self.watched_subset.poll()?;
            }
        }
        Ok(reading)
    }
}

impl Reading {
    /// Reads a table, checks it, and looks up the holders of `inodes`.
    fn table<R: Row>(&mut self, system: &mut System, buffer: &mut Buffer, inodes: &[u32]) -> Result<(), Error> {
        let table = system.table::<R>(&Query::all().states(self.states), buffer)?;
        if !table.is_sorted() {
            self.problems.push("the table is not sorted".to_owned());
        }
        self.rows = table.iter().map(Seen::of).collect();
        self.rows.sort_unstable();
        let mut cookies = HashSet::new();
        let is_duplicate = |row: &&Seen| row.info.is_some_and(|info| !cookies.insert(info.cookie));
        self.problems.extend(self.rows.iter().filter(is_duplicate).map(|row| format!("duplicate cookie: {row:?}")));
        if R::CLASS.has_owners() {
            self.holders = inodes.iter().map(|inode| (*inode, system.holders(*inode).collect())).collect();
        }
        Ok(())
    }
}
