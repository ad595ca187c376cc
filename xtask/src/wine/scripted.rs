//! The scripted `iphlpapi.dll`, next to the programs that are to load it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Cmd, Shell, cmd};

use super::target::Target;
use crate::debian;

/// Where a program finds its script.
const SCRIPT: &str = "TCP6_SCRIPT";

const SOURCES: &str = "xtask/src/wine/iphlpapi";

/// Compiles the library and copies it to every folder in which cargo puts programs of this profile, and to that of the
/// C program.
///
/// There it does no harm: without [`override_wine`] Wine prefers its own.
pub(super) fn place(sh: &Shell, target: &Target, profile: &str) -> Result<()> {
    let Target { triple, c_compiler, library_flags, .. } = target;
    let folder = debian::output(sh).join("scripted").join(triple);
    sh.create_dir(&folder)?;
    let library = folder.join("iphlpapi.dll");
    let sources: Vec<PathBuf> =
        sh.read_dir(SOURCES)?.into_iter().filter(|file| file.extension().is_some_and(|it| it == "c")).collect();
    cmd!(sh, "{c_compiler} -std=c11 -O2 -Wall -Wextra -Werror -shared -s -o {library}")
        .args(sources)
        .arg(Path::new(SOURCES).join("iphlpapi.def"))
        .args(*library_flags)
        .args(["-lws2_32", "-lntdll"])
        .run()?;

    let programs = debian::output(sh).join("build").join(triple).join(profile);
    for folder in [programs.join("deps"), programs.join("examples"), programs] {
        sh.create_dir(&folder)?;
        sh.copy_file(&library, folder.join("iphlpapi.dll"))?;
    }
    Ok(())
}

/// The command, with Wine's own library overridden, and with the path of the script, if there is one, as Windows
/// programs have it.
pub(super) fn override_wine<'a>(cargo: Cmd<'a>, overrides: &str) -> Result<Cmd<'a>> {
    let mut cargo = cargo
        .env("WINEDLLOVERRIDES", format!("{overrides};iphlpapi=n"))
        // The library was placed, so a test that does not find it fails.
        .env("CI", "1");
    if let Some(script) = env::var_os(SCRIPT) {
        let script = Path::new(&script);
        let path = script.canonicalize().with_context(|| format!("{SCRIPT} names {}", script.display()))?;
        cargo = cargo.env(SCRIPT, format!("Z:{}", path.display()));
    }
    Ok(cargo)
}
