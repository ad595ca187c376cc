//! `cargo xtask package`: the crates as they would be uploaded, unpacked and tested without the rest of the workspace.
//!
//! What compiles here may not compile there: a package lacks the files that its `include` leaves out, and the
//! development dependency by which a crate turns on its own features.

use std::{env, path::PathBuf};

use anyhow::Context;
use serde_json::Value;
use xshell::{Cmd, Shell, cmd};

use crate::output;

/// Dependencies first.
const CRATES: &[&str] = &["tcp6-sys", "tcp6", "tcp6-cli"];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let dirty = env::var_os("CI").is_none().then_some("--allow-dirty");
    let packages = CRATES.iter().flat_map(|name| ["-p", name]);
    // Compiled below, from the same files.
    cmd!(sh, "cargo package {packages...} --locked --no-verify {dirty...}").run()?;

    let version = env!("CARGO_PKG_VERSION");
    let folder = output(sh).join("package/unpacked");
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let mut unpacked: Vec<(&str, PathBuf)> = Vec::new();
    for name in CRATES {
        let archive = output(sh).join(format!("package/{name}-{version}.crate"));
        cmd!(sh, "tar --extract --gzip --file {archive} --directory {folder}").run()?;
        unpacked.push((name, folder.join(format!("{name}-{version}"))));
    }
    for (name, root) in &unpacked {
        println!("\n{name}, unpacked");
        let cargo = |subcommand: &str| cargo(sh, subcommand, root, &unpacked);
        // Without features, with the examples that need none; then with all of them.
        cargo("test").run()?;
        cargo("test").arg("--all-features").run()?;
        cargo("doc").args(["--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings").run()?;
        let metadata = cargo("metadata").args(["--no-deps", "--format-version", "1"]).quiet().read()?;
        check_docs_rs(&serde_json::from_str(&metadata)?).with_context(|| format!("the manifest of {name}"))?;
    }
    Ok(())
}

/// `cargo SUBCOMMAND` for an unpacked crate, with the other ones in place of those of the registry.
fn cargo<'a>(sh: &'a Shell, subcommand: &str, root: &PathBuf, unpacked: &[(&str, PathBuf)]) -> Cmd<'a> {
    let manifest = root.join("Cargo.toml");
    let patches = unpacked
        .iter()
        .filter(|(_, path)| path != root)
        .flat_map(|(name, path)| ["--config".to_owned(), format!("patch.crates-io.{name}.path='{}'", path.display())]);
    cmd!(sh, "cargo {subcommand} --manifest-path {manifest} {patches...}")
        .env("CARGO_TARGET_DIR", output(sh).join("package/build"))
        // The workspace's profiles are no part of a package.
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
}

/// Fails if docs.rs does not document every feature of a library. It documents no programs.
fn check_docs_rs(metadata: &Value) -> anyhow::Result<()> {
    let targets = metadata["packages"][0]["targets"].as_array().context("no targets")?;
    if !targets.iter().any(|target| target["kind"][0] == "lib") {
        return Ok(());
    }
    let all = &metadata["packages"][0]["metadata"]["docs"]["rs"]["all-features"];
    anyhow::ensure!(*all == Value::Bool(true), "package.metadata.docs.rs.all-features is {all}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn docs_without_all_features_are_refused() {
        let manifest = |kind: &str, docs: Value| {
            let targets = json!([{"kind": [kind]}, {"kind": ["test"]}]);
            json!({"packages": [{"metadata": {"docs": {"rs": docs}}, "targets": targets}]})
        };
        assert!(check_docs_rs(&manifest("lib", json!({"all-features": true}))).is_ok());
        assert!(check_docs_rs(&manifest("lib", json!({"all-features": false}))).is_err());
        assert!(check_docs_rs(&manifest("lib", json!({}))).is_err());
        assert!(check_docs_rs(&manifest("bin", json!({}))).is_ok());
        assert!(check_docs_rs(&json!({})).is_err());
    }
}
