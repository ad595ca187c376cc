//! Debian's Rust, the compiler for every system but this one.
//!
//! rustup has a compiled `std` for each target, one download each. Debian packages the source of `std` beside a current
//! compiler, so that `-Zbuild-std` compiles it for any target, and one `apt-get install` serves them all. The two
//! toolchains share a machine but nothing else: the commands made here see none of rustup's variables, and their output
//! has a folder of its own.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::bail;
use xshell::{Cmd, Shell, cmd};

/// A package of Debian 12, and a file that it is wanted for.
pub(crate) struct Package(pub(crate) &'static str, pub(crate) &'static str);

/// What [`cargo`] needs.
pub(crate) const RUST: &[Package] = &[
    Package("rustc-web", "/usr/bin/rustc"),
    Package("cargo-web", "/usr/bin/cargo"),
    Package("rust-web-src", "/usr/lib/rustlib/src/rust/library/Cargo.lock"),
];

/// Fails, with the line that installs them, if some of the packages are missing.
pub(crate) fn require(packages: &[&[Package]]) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .flatten()
        .filter(|Package(_, file)| !Path::new(file).exists())
        .map(|Package(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        let names = missing.join(" ");
        bail!(
            "this needs Debian packages that are not installed; as root:\n\n    \
             apt-get install -y --no-install-recommends {names}\n"
        );
    }
    Ok(())
}

/// `cargo SUBCOMMAND`, with `std` compiled from its source for whatever `--target` is added.
pub(crate) fn cargo<'a>(sh: &'a Shell, subcommand: &str) -> anyhow::Result<Cmd<'a>> {
    let cmd = cmd!(sh, "/usr/bin/cargo {subcommand} -Zbuild-std");
    Ok(with_toolchain(cmd, Path::new("/usr/bin"))?
        // The compiler is a stable one: this allows it -Zbuild-std.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", output(sh).join("build")))
}

/// The command, with the toolchain in that folder and nothing of another one.
///
/// `cargo xtask` has put into the environment what its own toolchain, perhaps rustup's, is to be found by, down to the
/// path of its libraries. All of it goes, and so do the user's flags for the compiler: they are for builds for this
/// machine.
pub(crate) fn with_toolchain<'a>(mut cmd: Cmd<'a>, bin: &Path) -> anyhow::Result<Cmd<'a>> {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(names_a_toolchain) {
            cmd = cmd.env_remove(name);
        }
    }
    let mut path = vec![bin.to_path_buf()];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    Ok(cmd.env("PATH", env::join_paths(path)?).env("RUSTC", bin.join("rustc")).env("RUSTDOC", bin.join("rustdoc")))
}

/// The folder for all that these builds make.
pub(crate) fn output(sh: &Shell) -> PathBuf {
    crate::output(sh).join("debian")
}

/// Whether an environment variable belongs to one toolchain or to one build.
fn names_a_toolchain(variable: &str) -> bool {
    const NAMES: &[&str] = &["CARGO", "LD_LIBRARY_PATH", "OUT_DIR", "RUSTFLAGS", "RUST_RECURSION_COUNT"];
    const PREFIXES: &[&str] = &[
        "CARGO_BIN_",
        "CARGO_BUILD_",
        "CARGO_ENCODED_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_TARGET_",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_",
    ];
    NAMES.contains(&variable) || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}
