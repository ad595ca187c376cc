//! Links `x86_64-pc-windows-msvc` without Microsoft's SDK.
//!
//! The linker is `rust-lld` of rustup's toolchain. The import library of the crate `windows_x86_64_msvc`, a dependency
//! of tcp6, has the imports of Windows; it is copied to the library names that `std` links. The rest of `msvcrt.lib` is
//! [`startup.c`](msvc/startup.c) and imports of the C runtime DLLs, which Wine has.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::debian;

/// Names of the libraries that `std` and other crates link.
///
/// The crate's library has all of their functions.
const SYSTEM: &[&str] = &[
    "advapi32",
    "bcrypt",
    "cfgmgr32",
    "dbghelp",
    "gdi32",
    "kernel32",
    "legacy_stdio_definitions",
    "msimg32",
    "ntdll",
    "opengl32",
    "synchronization",
    "user32",
    "userenv",
    "winspool",
    "ws2_32",
];

/// The C runtime DLLs, and the Windows functions that the crate's library lacks.
const IMPORTS: &[&str] = &["ntdll_more", "ucrtbase", "vcruntime140"];

/// Returns the path of `rust-lld` in rustup's toolchain.
pub(super) fn linker(sh: &Shell) -> Result<PathBuf> {
    let sysroot = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let linker = Path::new(&sysroot).join("lib/rustlib").join(crate::host(sh)?).join("bin/rust-lld");
    ensure!(linker.exists(), "rustup's toolchain has no {}", linker.display());
    Ok(linker)
}

/// Rebuilds all libraries, which is fast, and returns their directory.
pub(super) fn libraries(sh: &Shell, linker: &Path) -> Result<PathBuf> {
    let directory = debian::output(sh).join("msvc");
    sh.create_dir(&directory)?;
    let system = crate_library(sh)?;
    for name in SYSTEM {
        sh.copy_file(&system, directory.join(format!("{name}.lib")))?;
    }
    let source = "xtask/src/wine/msvc";
    let object = directory.join("startup.obj");
    cmd!(sh, "x86_64-w64-mingw32-gcc -std=gnu11 -O2 -Wall -Wextra -Werror -c -o {object} {source}/startup.c")
        .quiet()
        .run()?;
    let mut parts = vec![object];
    for name in IMPORTS {
        let library = directory.join(format!("{name}.lib"));
        cmd!(sh, "{linker} -flavor link /lib /machine:x64 /def:{source}/{name}.def /out:{library}").quiet().run()?;
        parts.push(library);
    }
    let library = directory.join("msvcrt.lib");
    cmd!(sh, "{linker} -flavor link /lib /machine:x64 /out:{library} {parts...}").quiet().run()?;
    Ok(directory)
}

/// Returns the path of the crate's import library, as `cargo metadata` reports it.
fn crate_library(sh: &Shell) -> Result<PathBuf> {
    let metadata = cmd!(sh, "cargo metadata --format-version 1 --locked --filter-platform x86_64-pc-windows-msvc")
        .quiet()
        .ignore_stderr()
        .read()?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "windows_x86_64_msvc")
        .and_then(|package| package["manifest_path"].as_str())
        .context("cargo metadata does not list windows_x86_64_msvc")?;
    let directory = Path::new(manifest).with_file_name("lib");
    let libraries = sh.read_dir(&directory)?;
    libraries
        .into_iter()
        .find(|file| file.extension().is_some_and(|it| it == "lib"))
        .context("windows_x86_64_msvc has no import library")
}
