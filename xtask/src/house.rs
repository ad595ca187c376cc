//! `cargo xtask house`: checks the dependencies between the modules of `tcp6`.
//!
//! It reads the paths in the source of the library, without tests, and reports
//!
//! * a dependency on a module that is not in a lower layer of [`LAYERS`],
//! * a cycle between the modules of one folder,
//! * an import through the crate root instead of the defining module,
//! * a use of the operating system outside `system`.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use xshell::Shell;

use self::source::{Module, Path};

/// The modules at the root of the crate, the lowest layer first.
///
/// A module depends on lower layers only.
const LAYERS: &[&[&str]] = &[
    &["unix_time"],
    &["row"],
    &["error"],
    &["stats"],
    &["events"],
    &["table"],
    &["snapshot", "process", "stats"],
    &["capture"],
    &["serde"],
    &["system"],
    &["os"],
    &["fuzzing"],
];

/// The paths that use the operating system.
const SYSTEM_PATHS: &[&[&str]] =
    &[&["rustix"], &["libc"], &["std", "env"], &["std", "fs"], &["std", "os"], &["std", "process"], &["std", "thread"]];

/// The module that may use them.
const SYSTEM: &str = "system";

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let modules = source::read(&sh.current_dir().join("tcp6/src/lib.rs"))?;
    let faults = check(&modules);
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults in the dependencies between modules", faults.len());
    }
    println!("{} modules in {} layers, no upward dependency, no cycle", modules.len(), LAYERS.len());
    Ok(())
}

/// Returns a message for each violation of the rules.
fn check(modules: &[Module]) -> Vec<String> {
    let known: BTreeSet<&Path> = modules.iter().map(|module| &module.path).collect();
    let mut faults = Vec::new();
    // For each folder and each module in it: the modules of the same folder that it depends on.
    let mut siblings: BTreeMap<Path, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for module in modules {
        let Some(top) = module.path.first() else { continue };
        if layer(top).is_none() {
            faults.push(format!("{module}: the module `{top}` is in no layer"));
        }
        for used in &module.uses {
            let place = format!("{module}, line {}", used.line);
            if used.starts_with_any(SYSTEM_PATHS) && top != SYSTEM {
                faults.push(format!("{place}: `{used}` outside `{SYSTEM}`"));
            }
            let Some(path) = used.in_crate() else { continue };
            let Some(target) = defining_module(path, &known) else {
                faults.push(format!("{place}: `{used}` is imported through the crate root"));
                continue;
            };
            if target[0] != *top && layer(&target[0]) >= layer(top) {
                faults.push(format!("{place}: `{top}` depends on `{}`, which is not below it", target[0]));
            }
            let common = module.path.iter().zip(target).take_while(|(a, b)| a == b).count();
            // A module and the modules in its folder may depend on each other.
            if let (Some(from), Some(to)) = (module.path.get(common), target.get(common)) {
                let graph = siblings.entry(target[..common].to_vec()).or_default();
                graph.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    for (folder, graph) in &siblings {
        if let Some(cycle) = cycle(graph) {
            faults.push(format!("cycle in `{}`: {}", source::name(folder), cycle.join(" -> ")));
        }
    }
    faults
}

/// The index of the layer of a module at the crate root.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The longest prefix of the path that names a module other than the crate root.
fn defining_module<'a>(path: &'a [String], known: &BTreeSet<&Path>) -> Option<&'a [String]> {
    (1..=path.len()).rev().map(|end| &path[..end]).find(|prefix| known.contains(&prefix.to_vec()))
}

/// Finds a cycle in the graph. Its first and last node are equal.
fn cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        node: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|seen| seen == node) {
            let mut cycle = trail[start..].to_vec();
            cycle.push(node.to_owned());
            return Some(cycle);
        }
        if !done.contains(node) {
            trail.push(node.to_owned());
            let found = graph.get(node).into_iter().flatten().find_map(|next| visit(next, graph, trail, done));
            trail.pop();
            if found.is_some() {
                return found;
            }
            done.insert(node.to_owned());
        }
        None
    }
    graph.keys().find_map(|node| visit(node, graph, &mut Vec::new(), &mut BTreeSet::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a crate with these modules, given as paths and sources.
    fn faults(modules: &[(&str, &str)]) -> Vec<String> {
        let module = |(path, source): &(&str, &str)| source::parse(path, source).unwrap();
        check(&modules.iter().map(module).collect::<Vec<_>>())
    }

    #[test]
    fn accepts_downward_dependencies() {
        let row = ("row", "use self::state::State; use core::fmt;");
        let state = ("row::state", "use super::Row; use crate::unix_time::at;");
        let table = ("table", "use crate::row::state::State; fn f() { crate::row::go() }");
        let system = ("system", "use std::fs; use crate::table::Table;");
        assert_eq!(faults(&[("unix_time", ""), row, state, table, system]), [""; 0]);
    }

    #[test]
    fn rejects_dependencies_on_the_same_or_a_higher_layer() {
        let up = faults(&[("row", "use crate::table::Table;"), ("table", "")]);
        assert_eq!(up, ["row, line 1: `row` depends on `table`, which is not below it"]);
        let same_layer = faults(&[("snapshot", "fn f() -> crate::process::Process { }"), ("process", "")]);
        assert_eq!(same_layer, ["snapshot, line 1: `snapshot` depends on `process`, which is not below it"]);
        assert_eq!(faults(&[("other", "")]), ["other: the module `other` is in no layer"]);
    }

    #[test]
    fn rejects_cycles_in_a_folder() {
        let a = ("row::a", "use super::b::B;");
        let b = ("row::b", "mod deep;");
        let deep = ("row::b::deep", "\nuse crate::row::a::A;");
        assert_eq!(faults(&[("row", ""), a, b, deep]), ["cycle in `row`: a -> b -> a"]);
    }

    #[test]
    fn rejects_imports_through_the_crate_root() {
        let faults = faults(&[("row", ""), ("table", "use crate::{Row, row::Other};")]);
        assert_eq!(faults, ["table, line 1: `crate::Row` is imported through the crate root"]);
    }

    #[test]
    fn rejects_system_paths_outside_system() {
        let faults = faults(&[("table", "use std::{fmt, fs::File}; fn f() { std::thread::sleep() }")]);
        let expected = ["`std::fs::File` outside `system`", "`std::thread::sleep` outside `system`"];
        assert_eq!(faults, expected.map(|fault| format!("table, line 1: {fault}")));
    }

    #[test]
    fn ignores_tests() {
        let test = "#[cfg(test)] mod tests { use crate::table::Table; } #[cfg(all(test, unix))] use crate::Row;";
        assert_eq!(faults(&[("row", test), ("table", "")]), [""; 0]);
    }
}
