//! Owners and their names.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::rc::Rc;

use tcp6::{Owner, Processes};

/// The name of a process, fit to be shown; all rows of a process that are found together share it.
pub type Name = Rc<str>;

/// An owner, and the name that it had when it was found to be one. The process may have ended since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    owner: Owner,
    name: Option<Name>,
}

impl Named {
    pub fn new(owner: Owner, mut names: impl FnMut(u32) -> Option<Name>) -> Named {
        // The kernel has an id on Windows, and a name of its own here.
        let name = if let Owner::Process(pid) = owner { names(pid) } else { None };
        Named { owner, name }
    }

    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// This again, if the owner is the same and has a name: of a process that is ending now, there is none to be had.
    pub fn renew(&self, owner: Owner, names: impl FnMut(u32) -> Option<Name>) -> Named {
        if owner == self.owner && self.name.is_some() { self.clone() } else { Named::new(owner, names) }
    }

    /// Processes of one name stand together; then those without a name, and then who is no process.
    pub fn sort_key(&self) -> impl Ord {
        (self.name.is_none(), self.name.as_deref(), self.owner)
    }
}

impl fmt::Display for Named {
    /// `1234 nginx`, `1234` if it has no name, `nobody`, `kernel` or `unresolved`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.owner, &self.name) {
            (Owner::Process(pid), Some(name)) => write!(f, "{pid} {name}"),
            (owner, _) => write!(f, "{owner}"),
        }
    }
}

/// The names of processes as they are now. Each is looked up once, at the first of its rows.
pub fn names(processes: &mut Processes) -> impl FnMut(u32) -> Option<Name> {
    let mut round = processes.round();
    let mut known = HashMap::new();
    move |pid| known.entry(pid).or_insert_with(|| Some(printable(round.get(pid)?.name()))).clone()
}

/// A process may call itself anything; what would move the cursor or colour the screen is escaped.
fn printable(name: &OsStr) -> Name {
    name.to_string_lossy().escape_debug().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx(_: u32) -> Option<Name> {
        Some("nginx".into())
    }

    #[test]
    fn an_owner_is_shown_by_what_is_known_of_it() {
        let shown = |owner, name: Option<Name>| Named::new(owner, |_| name.clone()).to_string();
        assert_eq!(shown(Owner::Process(1234), Some("nginx".into())), "1234 nginx");
        assert_eq!(shown(Owner::Process(1234), None), "1234");
        assert_eq!(shown(Owner::Kernel, None), "kernel");
        assert_eq!(shown(Owner::Nobody, None), "nobody");
        assert_eq!(shown(Owner::Unresolved, None), "unresolved");
    }

    #[test]
    fn only_processes_are_asked_for_their_names() {
        for owner in [Owner::Kernel, Owner::Nobody, Owner::Unresolved] {
            Named::new(owner, |pid| panic!("{pid}"));
        }
    }

    #[test]
    fn a_name_stays_with_its_process_and_with_no_other() {
        let first = Named::new(Owner::Process(1), nginx);
        assert_eq!(first.renew(Owner::Process(1), |_| None), first);
        assert_eq!(first.renew(Owner::Process(2), |_| None), Named::new(Owner::Process(2), |_| None));
        let nameless = Named::new(Owner::Process(1), |_| None);
        assert_eq!(nameless.renew(Owner::Process(1), nginx), first);
    }

    #[test]
    fn this_process_has_a_name_and_is_looked_up_once() {
        let mut processes = Processes::new();
        let mut names = names(&mut processes);
        let name = names(std::process::id()).unwrap();
        assert!(!name.is_empty());
        assert!(Rc::ptr_eq(&name, &names(std::process::id()).unwrap()));
        assert_eq!(names(u32::MAX - 1), None);
    }

    #[test]
    fn a_name_does_nothing_to_the_terminal() {
        assert_eq!(&*printable("a\x1b[31mb\nc\u{202e}".as_ref()), r"a\u{1b}[31mb\nc\u{202e}");
        assert_eq!(&*printable("kworker/0:1 größe".as_ref()), "kworker/0:1 größe");
    }
}
