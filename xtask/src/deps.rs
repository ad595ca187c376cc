//! `cargo xtask deps`: checks the dependencies of `tcp6`, and the licences of all crates.
//!
//! A program that depends on `tcp6` depends on all its dependencies, so only those listed here are allowed. Tests and
//! tools may use others. Licences are checked for all crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::fuzz;

/// The crates that may be in the dependency tree of `tcp6` with all features.
///
/// Dev-dependencies are not checked.
const ALLOWED: &[&str] = &[
    "bitflags",
    "ipnet",
    // Linux.
    "rustix",
    "errno",
    "libc",
    "linux-raw-sys",
    // Windows.
    "windows-targets",
    // The feature `serde`.
    "serde",
    "serde_core",
    "serde_derive",
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
    // The crates of this workspace.
    "tcp6",
    "tcp6-sys",
];

/// The prefix of the import libraries that `windows-targets` selects from.
const ALLOWED_PREFIX: &str = "windows_";

/// The permitted licences.
///
/// In an expression, one operand of OR must be permitted, and all operands of AND.
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

/// Fails if the tree contains a crate that is not allowed, or two versions of a crate.
fn check_tree(target: &str, tree: &str) -> anyhow::Result<()> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for line in tree.lines() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    let is_unknown = |name: &&&str| !ALLOWED.contains(*name) && !name.starts_with(ALLOWED_PREFIX);
    let unknown: Vec<_> = versions.keys().filter(is_unknown).collect();
    if !unknown.is_empty() {
        bail!("tcp6 has dependencies that are not allowed, for {target}: {unknown:?}");
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    if !twice.is_empty() {
        bail!("tcp6 depends on several versions of a crate, for {target}: {twice:?}");
    }
    println!("ok     {} crates for {target}", versions.len());
    Ok(())
}

/// Fails if the licence of a crate of the workspace, or of a dependency, is not permitted.
fn check_licences(metadata: &Value) -> anyhow::Result<()> {
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let mut refused = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_permitted(licence) {
            refused.push(format!("{}: {licence}", package["name"].as_str().unwrap_or("?")));
        }
    }
    if !refused.is_empty() {
        bail!("licences that are not permitted: {}", refused.join(", "));
    }
    println!("ok     licences of {} crates", packages.len());
    Ok(())
}

/// Whether a licence expression permits the use of the crate.
///
/// Parentheses are ignored: the expression is split at AND, and each part must contain a permitted licence.
fn is_permitted(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" AND ").all(|all| all.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accepts_one_permitted_operand_of_or_and_requires_all_of_and() {
        for good in ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
            assert!(is_permitted(good), "{good}");
        }
        for bad in ["none", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-2.0 OR GPL-3.0) AND MIT", ""] {
            assert!(!is_permitted(bad), "{bad}");
        }
    }

    #[test]
    fn names_a_crate_without_a_permitted_licence() {
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
    fn rejects_unlisted_crates_and_second_versions() {
        assert!(check_tree("x", "tcp6 v0.1.0\nbitflags v2.0.0\nbitflags v2.0.0 (*)").is_ok());
        assert!(check_tree("x", "tcp6 v0.1.0\nopenssl v1.0.0").is_err());
        assert!(check_tree("x", "tcp6 v0.1.0\nbitflags v1.0.0\nbitflags v2.0.0").is_err());
    }
}
