//! `cargo xtask package`: packages the crates, unpacks them, and tests them outside the workspace.
//!
//! A crate that compiles in the workspace may not compile as a package: the package lacks the files that its `include`
//! does not list, and the dev-dependency with which a crate enables its own features.

use std::{env, path::PathBuf};

use anyhow::Context;
use serde_json::Value;
use xshell::{Cmd, Shell, cmd};

use crate::output;

/// The packaged crates, dependencies first.
const CRATES: &[&str] = &["tcp6-sys", "tcp6", "tcp6-cli"];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let dirty = env::var_os("CI").is_none().then_some("--allow-dirty");
    let packages = CRATES.iter().flat_map(|name| ["-p", name]);
    // `--no-verify`, because the unpacked crates are compiled below.
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
        cargo("test").run()?;
        // `cargo test` in the workspace has run these tests with all features.
        cargo("test").args(["--all-features", "--no-run"]).run()?;
        cargo("doc").args(["--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings").run()?;
        let metadata = cargo("metadata").args(["--no-deps", "--format-version", "1"]).quiet().read()?;
        check_docs_rs(&serde_json::from_str(&metadata)?).with_context(|| format!("invalid manifest of {name}"))?;
    }
    Ok(())
}

/// `cargo SUBCOMMAND` for an unpacked crate.
///
/// The other unpacked crates replace those of the registry.
fn cargo<'a>(sh: &'a Shell, subcommand: &str, root: &PathBuf, unpacked: &[(&str, PathBuf)]) -> Cmd<'a> {
    let manifest = root.join("Cargo.toml");
    let patches = unpacked
        .iter()
        .filter(|(_, path)| path != root)
        .flat_map(|(name, path)| ["--config".to_owned(), format!("patch.crates-io.{name}.path='{}'", path.display())]);
    cmd!(sh, "cargo {subcommand} --manifest-path {manifest} {patches...}")
        .env("CARGO_TARGET_DIR", output(sh).join("package/build"))
        // A package does not contain the profiles of the workspace.
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
}

/// Fails if docs.rs does not document all features of a library. docs.rs does not document
/// programs.
fn check_docs_rs(metadata: &Value) -> anyhow::Result<()> {
    let targets = metadata["packages"][0]["targets"].as_array().context("cargo metadata lists no targets")?;
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
    fn rejects_libraries_without_docs_of_all_features() {
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
