//! `cargo xtask wine-wow64`: unpacks a Wine that also runs 32-bit programs into the build output.
//!
//! The `wine` package of Debian unstable runs 32-bit programs on a 64-bit system; that of Debian 12 does not.
//! `debootstrap` unpacks it with its dependencies into a root directory. Wrapper programs next to that directory run it
//! with `chroot`. Unpacking and running require root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::debian;

/// The wrapper. Each run mounts in its own mount namespace, so the mounts end with the program.
const PROGRAM: &str = r#"#!/bin/sh
# Runs the Wine in the directory `../root` as if it were installed on this machine.
set -eu
root=$(cd "$(dirname "$0")/../root" && pwd)
exec unshare --mount --propagation private sh -euc '
    root=$1 workspace=$2 output=$3 program=$4
    shift 4
    for folder in proc dev sys tmp; do mount --rbind "/$folder" "$root/$folder"; done
    for folder in "$workspace" "$output"; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder"
    done
    exec chroot "$root" sh -euc "cd \"\$0\" && exec \"\$@\"" "$PWD" "$program" "$@"
' sh "$root" 'WORKSPACE' 'OUTPUT' "$(basename "$0")" "$@"
"#;

/// Unpacks Wine, unless an earlier run has, and prints the path of the `wine` wrapper.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    println!("{}", prepare(sh)?.display());
    Ok(())
}

/// Unpacks Wine, unless an earlier run has, and returns the path of the `wine` wrapper.
pub(super) fn prepare(sh: &Shell) -> Result<PathBuf> {
    let folder = debian::output(sh).join("wine-wow64");
    let (root, bin) = (folder.join("root"), folder.join("bin"));
    // The directory is renamed when debootstrap has finished, so an existing `root` is complete.
    if !root.exists() {
        let part = folder.join("root.part");
        sh.remove_path(&part)?;
        let debootstrap = debootstrap(sh, &folder)?;
        let program = debootstrap.join("usr/sbin/debootstrap");
        let mirror = mirror(sh)?;
        cmd!(sh, "{program} --variant=minbase --include=wine,wine64 sid {part} {mirror}")
            .env("DEBOOTSTRAP_DIR", debootstrap.join("usr/share/debootstrap"))
            .run()?;
        fs::rename(&part, &root)?;
    }
    sh.create_dir(&bin)?;
    for name in ["wine", "wineserver"] {
        write_program(sh, &bin.join(name))?;
    }
    Ok(bin.join("wine"))
}

/// Returns the first mirror from which apt is configured to install packages of Debian itself.
fn mirror(sh: &Shell) -> Result<String> {
    let (format, filter) = ("$(SITE)", "Label: Debian");
    let sites = cmd!(sh, "apt-get indextargets --format {format} {filter}").quiet().read()?;
    Ok(sites.lines().next().context("apt has no source with the label Debian")?.to_owned())
}

/// Downloads the `debootstrap` package and unpacks it without installing it.
fn debootstrap(sh: &Shell, folder: &Path) -> Result<PathBuf> {
    let unpacked = folder.join("debootstrap");
    sh.create_dir(&unpacked)?;
    let _here = sh.push_dir(&unpacked);
    cmd!(sh, "apt-get download debootstrap").run()?;
    let packages = sh.read_dir(".")?;
    let package = packages.iter().find(|file| file.extension().is_some_and(|it| it == "deb"));
    let package = package.context("apt-get downloaded no package")?;
    cmd!(sh, "dpkg-deb -x {package} .").run()?;
    Ok(unpacked.clone())
}

fn write_program(sh: &Shell, path: &Path) -> Result<()> {
    let text = PROGRAM
        .replace("WORKSPACE", &sh.current_dir().display().to_string())
        .replace("OUTPUT", &crate::output(sh).display().to_string());
    sh.write_file(path, text)?;
    cmd!(sh, "chmod 755 {path}").quiet().run()?;
    Ok(())
}
