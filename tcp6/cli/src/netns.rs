//! The network namespaces that `--netns` names, and interfaces by name.

use std::fmt;

#[cfg(target_os = "linux")]
use tcp6::os::linux::SystemExt;
use tcp6::{Query, System};

use crate::args::{Netns, Select};
use crate::message::Failure;
#[cfg(target_os = "linux")]
use crate::message::report;

/// A system, and the text that names its network namespace in a column.
#[derive(Debug)]
pub struct Space {
    pub system: System,
    /// `None` without `--netns`.
    pub label: Option<String>,
}

/// The systems that the options select.
#[derive(Debug)]
pub struct Spaces {
    pub list: Vec<Space>,
    /// Whether a namespace is missing. It has been reported.
    pub is_incomplete: bool,
}

impl Spaces {
    pub fn open(netns: Option<&Netns>) -> Result<Spaces, Failure> {
        let system = System::new()?;
        match netns {
            None => Ok(Spaces { list: vec![Space { system, label: None }], is_incomplete: false }),
            #[cfg(target_os = "linux")]
            Some(Netns::All) => linux::all(&system),
            #[cfg(target_os = "linux")]
            Some(Netns::One(name)) => {
                let system = linux::one(&system, name)?;
                Ok(Spaces { list: vec![Space { system, label: Some(name.clone()) }], is_incomplete: false })
            }
            #[cfg(not(target_os = "linux"))]
            Some(_) => Err(tcp6::Error::NotSupported.into()),
        }
    }
}

/// The system of a command that shows one network namespace.
pub fn open_one(select: &Select) -> Result<System, Failure> {
    let system = System::new()?;
    match &select.netns {
        None => Ok(system),
        #[cfg(target_os = "linux")]
        Some(Netns::One(name)) => linux::one(&system, name),
        Some(Netns::All) => Err(Failure::NoNamespace("all".to_owned())),
        #[cfg(not(target_os = "linux"))]
        Some(Netns::One(_)) => Err(tcp6::Error::NotSupported.into()),
    }
}

/// The beginning of a message about the namespace with this label. Empty without a label.
pub fn prefix(label: Option<&str>) -> String {
    label.map(|label| format!("network namespace {label}: ")).unwrap_or_default()
}

/// An interface that does not exist.
#[derive(Debug)]
pub struct UnknownZone(String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no interface is named {:?}", self.0)
    }
}

/// The query of the options, with the indices that interfaces have in the namespace of the system.
pub fn query(select: &Select, system: &System) -> Result<Query, Failure> {
    let mut query = select.query();
    if let Some(zone) = &select.local_zone {
        query = query.local_scope_id(scope_id(zone, system)?);
    }
    if let Some(zone) = &select.remote_zone {
        query = query.remote_scope_id(scope_id(zone, system)?);
    }
    Ok(query)
}

/// The index of an interface, of which the zone is the name or the index.
fn scope_id(zone: &str, system: &System) -> Result<u32, Failure> {
    let unknown = || Failure::Zone(UnknownZone(zone.to_owned()));
    if zone.bytes().all(|byte| byte.is_ascii_digit()) {
        return zone.parse().map_err(|_| unknown());
    }
    named(zone, system)?.ok_or_else(unknown)
}

#[cfg(target_os = "linux")]
fn named(zone: &str, system: &System) -> Result<Option<u32>, Failure> {
    Ok(system.interface_names()?.index(zone))
}

#[cfg(not(target_os = "linux"))]
fn named(_: &str, _: &System) -> Result<Option<u32>, Failure> {
    Ok(None)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use tcp6::System;
    use tcp6::os::linux::{Namespace, SystemExt, namespaces};

    use super::{Space, Spaces, prefix, report};
    use crate::escape::decode;
    use crate::message::Failure;

    /// The system of every network namespace. Reports what is missing.
    pub fn all(base: &System) -> Result<Spaces, Failure> {
        let namespaces = namespaces()?;
        let mut spaces = Spaces { list: Vec::new(), is_incomplete: false };
        for namespace in &namespaces.list {
            let label = label(namespace);
            match namespace.system(base) {
                Ok(system) => {
                    report_text(&system, &label);
                    spaces.list.push(Space { system, label: Some(label) });
                }
                Err(error) => {
                    spaces.is_incomplete = true;
                    report(&format_args!("{}{error}", prefix(Some(&label))));
                }
            }
        }
        match namespaces.refused {
            0 => {}
            1 => report(&"the network namespace of 1 process is unknown: permission denied"),
            count => {
                report(&format_args!("the network namespaces of {count} processes are unknown: permission denied"))
            }
        }
        Ok(spaces)
    }

    /// The system of the namespace with this name or path, or else of the process with this pid.
    pub fn one(base: &System, name: &str) -> Result<System, Failure> {
        let is_named = |namespace: &&Namespace| {
            let has_name = namespace.name().is_some_and(|other| decode(other) == name);
            has_name || namespace.paths.iter().any(|path| path == Path::new(name))
        };
        let system = match namespaces()?.list.iter().find(is_named) {
            Some(namespace) => namespace.system(base)?,
            None => {
                let is_pid = name.bytes().all(|byte| byte.is_ascii_digit());
                let pid = name.parse().ok().filter(|_| is_pid);
                base.in_namespace_of(pid.ok_or_else(|| Failure::NoNamespace(name.to_owned()))?)?
            }
        };
        report_text(&system, name);
        Ok(system)
    }

    /// The name, or else the pid of a process, or else the kernel's name `net:[4026531840]`.
    fn label(namespace: &Namespace) -> String {
        match (namespace.name(), namespace.pid) {
            (Some(name), _) => decode(name),
            (None, Some(pid)) => pid.to_string(),
            (None, None) => format!("net:[{}]", namespace.inode),
        }
    }

    fn report_text(system: &System, label: &str) {
        if system.is_text() {
            let what = "not permitted to use sock_diag in it; reading /proc, without scope ids and most statistics";
            report(&format_args!("{}{what}", prefix(Some(label))));
        }
    }
}
