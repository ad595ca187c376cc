//! The ways in which the tables of one class are read: by systems that are kept, fresh ones, and watchers.

use std::collections::{BTreeSet, HashSet};

use tcp6::os::linux::SystemExt;
use tcp6::{BasicRow, Buffer, Class, Error, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, StateSet, System};

use super::seen::Seen;
use super::watch::Watched;

/// One way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A system that is kept for this class, and reads all states.
    Kept,
    /// One that is kept for this class, and reads the same few states each time.
    KeptSubset,
    /// One that is kept for all classes, and reads whatever states are asked for.
    Shared,
    /// One that is made for this table.
    Fresh,
    /// The copy that a watcher's changes keep up to date; and that of one that reads a few states.
    Watched,
    WatchedSubset,
}

impl Way {
    pub const ALL: [Way; 6] = [Way::Kept, Way::KeptSubset, Way::Shared, Way::Fresh, Way::Watched, Way::WatchedSubset];
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Reading {
    pub class: Class,
    pub way: Way,
    pub states: StateSet,
    /// Sorted.
    pub rows: Vec<Seen>,
    /// By inode, if they were asked for.
    pub holders: Vec<(u32, BTreeSet<u32>)>,
    /// What is wrong whatever the witness says.
    pub problems: Vec<String>,
}

/// What is read in these ways, whatever the class.
pub trait Eye {
    /// Reads. `states` are those of the ways that have none of their own; `inodes` are those whose holders are asked for.
    fn read(&mut self, way: Way, shared: &mut System, states: StateSet, inodes: &[u32]) -> Result<Reading, Error>;
}

/// One for each class, which read these states where they read a subset.
pub fn all(subsets: [StateSet; 4]) -> Result<[Box<dyn Eye>; 4], Error> {
    Ok([
        Box::new(EyeOf::<BasicRow>::new(subsets[0])?),
        Box::new(EyeOf::<OwnerPidRow>::new(subsets[1])?),
        Box::new(EyeOf::<OffloadRow>::new(subsets[2])?),
        Box::new(EyeOf::<OwnerModuleRow>::new(subsets[3])?),
    ])
}

struct EyeOf<R> {
    kept: System,
    kept_subset: System,
    watched: Watched<R>,
    watched_subset: Watched<R>,
    subset: StateSet,
    buffer: Buffer,
}

impl<R: Row> EyeOf<R> {
    fn new(subset: StateSet) -> Result<EyeOf<R>, Error> {
        Ok(EyeOf {
            kept: System::new()?,
            kept_subset: System::new()?,
            watched: Watched::new(Query::all())?,
            watched_subset: Watched::new(Query::all().states(subset))?,
            subset,
            buffer: Buffer::new(),
        })
    }
}

impl<R: Row> Eye for EyeOf<R> {
    fn read(&mut self, way: Way, shared: &mut System, states: StateSet, inodes: &[u32]) -> Result<Reading, Error> {
        let mut reading =
            Reading { class: R::CLASS, way, states, rows: Vec::new(), holders: Vec::new(), problems: Vec::new() };
        match way {
            Way::Kept => {
                reading.states = StateSet::all();
                reading.table::<R>(&mut self.kept, &mut self.buffer, inodes)?;
            }
            Way::KeptSubset => {
                reading.states = self.subset;
                reading.table::<R>(&mut self.kept_subset, &mut self.buffer, inodes)?;
            }
            Way::Shared => reading.table::<R>(shared, &mut self.buffer, inodes)?,
            Way::Fresh => reading.table::<R>(&mut System::new()?, &mut self.buffer, inodes)?,
            Way::Watched => {
                reading.states = StateSet::all();
                (reading.rows, reading.problems) = self.watched.poll()?;
            }
            Way::WatchedSubset => {
                reading.states = self.subset;
                (reading.rows, reading.problems) = self.watched_subset.poll()?;
            }
        }
        Ok(reading)
    }
}

impl Reading {
    fn table<R: Row>(&mut self, system: &mut System, buffer: &mut Buffer, inodes: &[u32]) -> Result<(), Error> {
        let table = system.table::<R>(&Query::all().states(self.states), buffer)?;
        if !table.is_sorted() {
            self.problems.push("the table is not sorted".to_owned());
        }
        self.rows = table.iter().map(Seen::of).collect();
        self.rows.sort_unstable();
        let mut cookies = HashSet::new();
        let doubled = |row: &&Seen| row.info.is_some_and(|info| !cookies.insert(info.cookie));
        self.problems.extend(self.rows.iter().filter(doubled).map(|row| format!("twice, by its cookie: {row:?}")));
        if R::CLASS.has_owners() {
            self.holders = inodes.iter().map(|inode| (*inode, system.holders(*inode).collect())).collect();
        }
        Ok(())
    }
}
