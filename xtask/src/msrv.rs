//! `cargo xtask msrv`: the crates with the oldest compiler that they promise to be compiled by.
//!
//! That is rustup's where it has that version. If not, Debian's archive may still offer it, and since only one version
//! of a package can be installed, it is unpacked into a folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use xshell::{Shell, cmd};

use crate::{debian, skip};

/// `rust-version` in the workspace's manifest.
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

/// The folder with Debian's packages of the compiler and what they alone need, if there are any.
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

fn download(sh: &Shell, root: &Path) -> anyhow::Result<()> {
    let versioned = ["rustc-web", "cargo-web", "libstd-rust-web-dev"].map(|name| format!("{name}={VERSION}.*"));
    let library = format!("libstd-rust-web-{VERSION}");
    let archives = sh.create_temp_dir()?;
    let half = root.with_file_name("unpacking");
    sh.remove_path(&half)?;
    sh.create_dir(&half)?;
    {
        let _inside = sh.push_dir(archives.path());
        cmd!(sh, "apt-get download --quiet {versioned...} {library} libllvm19 libpcre3").run()?;
    }
    for archive in sh.read_dir(archives.path())? {
        cmd!(sh, "dpkg-deb --extract {archive} {half}").quiet().run()?;
    }
    fs::rename(half, root)?;
    Ok(())
}
