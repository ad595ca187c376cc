//! Owners of sockets, with process names.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use tcp6::{Batch, Owner, Processes};

use crate::escape::{decode, escape};

/// The row class whose owners are shown: on Windows the one with modules, which name services.
#[cfg(windows)]
pub type Owned = tcp6::OwnerModuleRow;
/// The row class whose owners are shown.
#[cfg(not(windows))]
pub type Owned = tcp6::OwnerPidRow;

/// The name of a process and, on Windows, of its module if that differs.
///
/// Shared by the rows of the process, and escaped when it is written, not before.
pub type Name = Rc<str>;

/// An owner with its process name at the time of the lookup. The process may have exited since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    owner: Owner,
    name: Option<Name>,
}

impl Named {
    pub fn new(owner: Owner, mut names: impl FnMut(u32) -> Option<Name>) -> Named {
        // The kernel has a pid on Windows, but is shown as `kernel`.
        let name = if let Owner::Process(pid) = owner { names(pid) } else { None };
        Named { owner, name }
    }

    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Replaces the owner. If it is the same process, its name is kept.
    ///
    /// The name of a process that is exiting cannot be looked up again.
    pub fn renew(&self, owner: Owner, names: impl FnMut(u32) -> Option<Name>) -> Named {
        if owner == self.owner && self.name.is_some() { self.clone() } else { Named::new(owner, names) }
    }

    /// The sort key: named processes by name, then processes without a name, then the other owners.
    pub fn sort_key(&self) -> impl Ord {
        (self.name.is_none(), self.name.as_deref(), self.owner)
    }
}

impl fmt::Display for Named {
    /// `1234 nginx`, `1234` without a name, `nobody`, `kernel` or `unresolved`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.owner, &self.name) {
            (Owner::Process(pid), Some(name)) => write!(f, "{pid} {}", escape(name)),
            (owner, _) => write!(f, "{owner}"),
        }
    }
}

impl Serialize for Named {
    /// `{"pid": 1234, "name": "nginx"}`, `"nobody"`, `"kernel"` or `"unresolved"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Owner::Process(pid) = self.owner else { return self.owner.serialize(serializer) };
        let mut owner = serializer.serialize_struct("Owner", 2)?;
        owner.serialize_field("pid", &pid)?;
        owner.serialize_field("name", &self.name.as_deref())?;
        owner.end()
    }
}

/// Returns a function that looks up the name of the owner of a row. Each owner is looked up once.
pub fn names(processes: &mut Processes) -> impl FnMut(&Owned) -> Option<Name> {
    let mut batch = processes.batch();
    let mut known = HashMap::new();
    move |row| {
        let pid = row.owner().pid()?;
        known.entry((pid, module_key(row))).or_insert_with(|| Some(name(&mut batch, row, pid)?.into())).clone()
    }
}

/// The key that distinguishes the modules of one process.
#[cfg(windows)]
fn module_key(row: &Owned) -> Option<[u64; 16]> {
    row.module_info().copied()
}

#[cfg(not(windows))]
fn module_key(_: &Owned) {}

/// `svchost.exe (Dnscache)`, or only the process if its module is its executable.
#[cfg(windows)]
fn name(batch: &mut Batch<'_>, row: &Owned, pid: u32) -> Option<String> {
    let module = decode(batch.module(row)?.name());
    let process = decode(batch.get(pid)?.name());
    Some(if module.eq_ignore_ascii_case(&process) { module } else { format!("{process} ({module})") })
}

#[cfg(not(windows))]
fn name(batch: &mut Batch<'_>, _: &Owned, pid: u32) -> Option<String> {
    Some(decode(batch.get(pid)?.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pid: u32) -> Owned {
        let row = Owned::new(tcp6::State::Listen, "[::1]:80".parse().unwrap(), None);
        row.with_owner(Owner::Process(pid))
    }

    fn nginx(_: u32) -> Option<Name> {
        Some("nginx".into())
    }

    #[test]
    fn displays_pid_and_name() {
        let shown = |owner, name: Option<Name>| Named::new(owner, |_| name.clone()).to_string();
        assert_eq!(shown(Owner::Process(1234), Some("nginx".into())), "1234 nginx");
        assert_eq!(shown(Owner::Process(1234), None), "1234");
        assert_eq!(shown(Owner::Kernel, None), "kernel");
        assert_eq!(shown(Owner::Nobody, None), "nobody");
        assert_eq!(shown(Owner::Unresolved, None), "unresolved");
    }

    #[test]
    fn looks_up_names_of_processes_only() {
        for owner in [Owner::Kernel, Owner::Nobody, Owner::Unresolved] {
            Named::new(owner, |pid| panic!("{pid}"));
        }
    }

    #[test]
    fn renew_keeps_the_name_of_the_same_process_only() {
        let first = Named::new(Owner::Process(1), nginx);
        assert_eq!(first.renew(Owner::Process(1), |_| None), first);
        assert_eq!(first.renew(Owner::Process(2), |_| None), Named::new(Owner::Process(2), |_| None));
        let nameless = Named::new(Owner::Process(1), |_| None);
        assert_eq!(nameless.renew(Owner::Process(1), nginx), first);
    }

    #[test]
    fn looks_up_each_process_once() {
        let mut processes = Processes::new();
        let mut names = names(&mut processes);
        let own = owned(std::process::id());
        let name = names(&own).unwrap();
        assert!(!name.is_empty());
        assert!(Rc::ptr_eq(&name, &names(&own).unwrap()));
        assert_eq!(names(&owned(u32::MAX - 1)), None);
    }

    #[test]
    fn names_are_escaped_in_text_and_unchanged_in_json() {
        let named = |name: &str| Named::new(Owner::Process(1), |_| Some(name.into()));
        for (name, escaped) in crate::escape::tests::NAMES {
            assert_eq!(named(name).to_string(), format!("1 {escaped}"));
            assert_eq!(serde_json::to_value(named(name)).unwrap(), serde_json::json!({ "pid": 1, "name": name }));
        }
    }
}
