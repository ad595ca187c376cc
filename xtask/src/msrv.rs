//! `cargo xtask msrv`: checks the crates with the oldest compiler that they support.
//!
//! If rustup has installed this version, it is used. Otherwise Debian's packages of this version are downloaded, if the
//! archive has them, and unpacked into a folder, because only one version of a package can be installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use xshell::{Shell, cmd};

use crate::{debian, skip};

/// The oldest version: `rust-version` in the manifest of the workspace.
const VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let check = ["check", "-p", "tcp6-sys", "-p", "tcp6", "-p", "tcp6-cli", "--locked"];
    if cmd!(sh, "rustup run {VERSION} cargo --version").quiet().ignore_stderr().read().is_ok() {
        cmd!(sh, "rustup run {VERSION} cargo {check...}").run()?;
    } else if let Some(root) = unpacked(sh)? {
        let bin = root.join("usr/bin");
        let cargo = bin.join("cargo");
        let libraries = [root.join("usr/lib/x86_64-linux-gnu"), root.join("lib/x86_64-linux-gnu")];
        debian::with_toolchain(cmd!(sh, "{cargo} {check...}"), &bin)?
            .env("LD_LIBRARY_PATH", env::join_paths(libraries)?)
            .env("CARGO_TARGET_DIR", root.join("build"))
            .run()?;
    } else {
        return skip(&format!("neither rustup nor Debian's archive has Rust {VERSION} for this machine"));
    }
    Ok(())
}

/// The folder with the unpacked Debian packages of the compiler and its libraries.
///
/// `None` if the archive lacks them.
fn unpacked(sh: &Shell) -> anyhow::Result<Option<PathBuf>> {
    let root = debian::output(sh).join(format!("rust-{VERSION}"));
    if !root.exists() {
        let offered = cmd!(sh, "apt-cache madison rustc-web").quiet().ignore_stderr().read().unwrap_or_default();
        if !offered.contains(&format!(" {VERSION}.")) {
            return Ok(None);
        }
        download(sh, &root)?;
    }
    Ok(Some(root))
}

/// Downloads the packages and unpacks them into `root`.
fn download(sh: &Shell, root: &Path) -> anyhow::Result<()> {
    let versioned = ["rustc-web", "cargo-web", "libstd-rust-web-dev"].map(|name| format!("{name}={VERSION}.*"));
    let library = format!("libstd-rust-web-{VERSION}");
    let archives = sh.create_temp_dir()?;
    let partial = root.with_file_name("unpacking");
    sh.remove_path(&partial)?;
    sh.create_dir(&partial)?;
    {
        let _inside = sh.push_dir(archives.path());
        cmd!(sh, "apt-get download --quiet {versioned...} {library} libllvm19 libpcre3").run()?;
    }
    for archive in sh.read_dir(archives.path())? {
        cmd!(sh, "dpkg-deb --extract {archive} {partial}").quiet().run()?;
    }
    fs::rename(partial, root)?;
    Ok(())
}
