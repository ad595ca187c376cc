//! Debian's Rust toolchain, which compiles for all other systems.
//!
//! With rustup, each target needs a download of its compiled `std`. Debian packages the source of `std` with a current
//! compiler, so one `apt-get install` is enough for all targets: `-Zbuild-std` compiles `std` for each. The commands of
//! this module remove the environment variables of rustup and use a separate target folder, so that the two toolchains
//! do not interfere.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::bail;
use xshell::{Cmd, Shell, cmd};

/// A package of Debian 12, and a file that shows that it is installed.
pub(crate) struct Package(pub(crate) &'static str, pub(crate) &'static str);

/// The packages that [`cargo`] needs.
pub(crate) const RUST: &[Package] = &[
    Package("rustc-web", "/usr/bin/rustc"),
    Package("cargo-web", "/usr/bin/cargo"),
    Package("rust-web-src", "/usr/lib/rustlib/src/rust/library/Cargo.lock"),
];

/// Fails if packages are missing. The error contains the command that installs them.
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
            "Debian packages are missing; to install them, run as root:\n\n    \
             apt-get install -y --no-install-recommends {names}\n"
        );
    }
    Ok(())
}

/// `cargo SUBCOMMAND`, which compiles `std` from source for the `--target` that the caller adds.
pub(crate) fn cargo<'a>(sh: &'a Shell, subcommand: &str) -> anyhow::Result<Cmd<'a>> {
    let cmd = cmd!(sh, "/usr/bin/cargo {subcommand} -Zbuild-std");
    Ok(with_toolchain(cmd, Path::new("/usr/bin"))?
        // Lets a stable compiler accept -Zbuild-std.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", output(sh).join("build")))
}

/// Makes a command use the toolchain in `bin` and nothing of another one.
///
/// The cargo that runs this program has set variables for its own toolchain, including the path of its libraries. They
/// are removed. The user's compiler flags are removed too, because they are meant for builds for this machine.
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

/// The folder for the output of these builds.
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
