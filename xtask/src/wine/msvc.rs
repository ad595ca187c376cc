//! What links x86_64-pc-windows-msvc without Microsoft's SDK.
//!
//! The linker is rustup's own `rust-lld`. The imports of Windows come from the library of the crate
//! `windows_x86_64_msvc`, which tcp6 depends on anyway, under the names that `std` links. The rest of `msvcrt.lib` is
//! [`startup.c`](msvc/startup.c) and imports of the C runtime's DLLs, which Wine has.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::debian;

/// The libraries that `std` and the crates of the program link by these names. All of their functions are in the one of
/// the crate.
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

/// The DLLs of the C runtime, and of Windows what the crate's library lacks.
const IMPORTS: &[&str] = &["ntdll_more", "ucrtbase", "vcruntime140"];

/// rustup's linker.
pub(super) fn linker(sh: &Shell) -> Result<PathBuf> {
    let sysroot = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let linker = Path::new(&sysroot).join("lib/rustlib").join(crate::host(sh)?).join("bin/rust-lld");
    ensure!(linker.exists(), "rustup's toolchain has no {}", linker.display());
    Ok(linker)
}

/// The folder with all libraries, made anew: it takes no time.
pub(super) fn libraries(sh: &Shell, linker: &Path) -> Result<PathBuf> {
    let folder = debian::output(sh).join("msvc");
    sh.create_dir(&folder)?;
    let system = crate_library(sh)?;
    for name in SYSTEM {
        sh.copy_file(&system, folder.join(format!("{name}.lib")))?;
    }
    let source = "xtask/src/wine/msvc";
    let object = folder.join("startup.obj");
    cmd!(sh, "x86_64-w64-mingw32-gcc -std=gnu11 -O2 -Wall -Wextra -Werror -c -o {object} {source}/startup.c")
        .quiet()
        .run()?;
    let mut parts = vec![object];
    for name in IMPORTS {
        let library = folder.join(format!("{name}.lib"));
        cmd!(sh, "{linker} -flavor link /lib /machine:x64 /def:{source}/{name}.def /out:{library}").quiet().run()?;
        parts.push(library);
    }
    let library = folder.join("msvcrt.lib");
    cmd!(sh, "{linker} -flavor link /lib /machine:x64 /out:{library} {parts...}").quiet().run()?;
    Ok(folder)
}

/// The import library of the crate, wherever cargo keeps it.
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
        .context("windows_x86_64_msvc is not among the packages")?;
    let folder = Path::new(manifest).with_file_name("lib");
    let libraries = sh.read_dir(&folder)?;
    libraries.into_iter().find(|file| file.extension().is_some_and(|it| it == "lib")).context("it has no library")
}
