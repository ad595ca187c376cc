//! `cargo xtask deps`: what the crates bring along.
//!
//! Who depends on `tcp6` depends on all of it, so the list is short and stands here. Tests and tools may use more; their
//! licences are looked at all the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::fuzz;

/// What may be in the tree of `tcp6` with all its features, tests aside.
const ALLOWED: &[&str] = &[
    "bitflags",
    // Linux.
    "rustix",
    "errno",
    "libc",
    "linux-raw-sys",
    // Windows.
    "windows-targets",
    // The feature.
    "serde",
    "serde_core",
    "serde_derive",
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
    // Its own.
    "tcp6",
    "tcp6-sys",
];

/// Families of the import libraries that `windows-targets` chooses from.
const ALLOWED_PREFIX: &str = "windows_";

/// Licences under which a crate may be used here. Of an expression with OR one is enough, with AND all are needed.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
    "CC0-1.0",
];

const TARGETS: &[&str] =
    &["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    for target in TARGETS {
        let tree =
            cmd!(sh, "cargo tree -p tcp6 --all-features --edges normal,build --target {target} --prefix none --locked");
        check_tree(target, &tree.quiet().read()?)?;
    }
    for manifest in ["Cargo.toml", fuzz::MANIFEST] {
        let metadata =
            cmd!(sh, "cargo metadata --format-version 1 --locked --manifest-path {manifest}").quiet().read()?;
        check_licences(&serde_json::from_str(&metadata)?).context(manifest)?;
    }
    Ok(())
}

/// Whether nothing is in this tree that may not be, and nothing twice.
fn check_tree(target: &str, tree: &str) -> anyhow::Result<()> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for line in tree.lines() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    let unknown = |name: &&&str| !ALLOWED.contains(*name) && !name.starts_with(ALLOWED_PREFIX);
    let unknown: Vec<_> = versions.keys().filter(unknown).collect();
    if !unknown.is_empty() {
        bail!("tcp6 brings along what it should not, for {target}: {unknown:?}");
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    if !twice.is_empty() {
        bail!("tcp6 brings along more than one version, for {target}: {twice:?}");
    }
    println!("ok     {} crates for {target}", versions.len());
    Ok(())
}

/// Whether every crate of a workspace and of its tests may be used.
fn check_licences(metadata: &Value) -> anyhow::Result<()> {
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let mut unfit = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        if !fits(licence) {
            unfit.push(format!("{}: {licence}", package["name"].as_str().unwrap_or("?")));
        }
    }
    if !unfit.is_empty() {
        bail!("licences that are not known to fit: {}", unfit.join(", "));
    }
    println!("ok     licences of {} crates", packages.len());
    Ok(())
}

/// Whether this expression leaves a way to use the crate. Parentheses are told apart no further: all that stands in an
/// AND must fit.
fn fits(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" AND ").all(|all| all.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_of_several_licences_is_enough_and_each_of_all_is_needed() {
        for good in ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
            assert!(fits(good), "{good}");
        }
        for bad in ["none", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-2.0 OR GPL-3.0) AND MIT", ""] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn a_crate_without_a_fitting_licence_is_named() {
        let with = |licence: Value| {
            check_licences(
                &json!({ "packages": [{ "name": "a", "license": "MIT" }, { "name": "b", "license": licence }] }),
            )
        };
        assert!(with("Apache-2.0".into()).is_ok());
        for licence in [Value::Null, "GPL-3.0".into()] {
            let error = with(licence).unwrap_err().to_string();
            assert!(error.contains("b: ") && !error.contains("a: "), "{error}");
        }
        assert!(check_licences(&json!({})).is_err());
    }

    #[test]
    fn what_is_not_on_the_list_is_found_and_so_is_a_second_version() {
        assert!(check_tree("x", "tcp6 v0.1.0\nbitflags v2.0.0\nbitflags v2.0.0 (*)").is_ok());
        assert!(check_tree("x", "tcp6 v0.1.0\nopenssl v1.0.0").is_err());
        assert!(check_tree("x", "tcp6 v0.1.0\nbitflags v1.0.0\nbitflags v2.0.0").is_err());
    }
}
