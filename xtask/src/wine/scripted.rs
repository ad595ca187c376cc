//! Builds the scripted `iphlpapi.dll` and places it next to the programs that load it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Cmd, Shell, cmd};

use super::target::Target;
use crate::debian;

/// The environment variable with the path of the script.
const SCRIPT: &str = "TCP6_SCRIPT";

const SOURCES: &str = "xtask/src/wine/iphlpapi";

/// Compiles the library and copies it to every directory with programs of this profile.
///
/// The C program is in one of them. Other runs are not affected: without [`override_wine`], Wine loads its own library.
pub(super) fn place(sh: &Shell, target: &Target, profile: &str) -> Result<()> {
    let Target { triple, c_compiler, library_flags, .. } = target;
    let directory = debian::output(sh).join("scripted").join(triple);
    sh.create_dir(&directory)?;
    let library = directory.join("iphlpapi.dll");
    let sources: Vec<PathBuf> =
        sh.read_dir(SOURCES)?.into_iter().filter(|file| file.extension().is_some_and(|it| it == "c")).collect();
    cmd!(sh, "{c_compiler} -std=c11 -O2 -Wall -Wextra -Werror -shared -s -o {library}")
        .args(sources)
        .arg(Path::new(SOURCES).join("iphlpapi.def"))
        .args(*library_flags)
        .args(["-lws2_32", "-lntdll"])
        .run()?;

    let programs = debian::output(sh).join("build").join(triple).join(profile);
    for directory in [programs.join("deps"), programs.join("examples"), programs] {
        sh.create_dir(&directory)?;
        sh.copy_file(&library, directory.join("iphlpapi.dll"))?;
    }
    Ok(())
}

/// Sets the environment that makes Wine load the scripted library and passes the script, if any.
pub(super) fn override_wine<'a>(cargo: Cmd<'a>, overrides: &str) -> Result<Cmd<'a>> {
    let mut cargo = cargo
        .env("WINEDLLOVERRIDES", format!("{overrides};iphlpapi=n"))
        // With CI set, a test that does not find the scripted library fails instead of being skipped.
        .env("CI", "1");
    if let Some(script) = env::var_os(SCRIPT) {
        let script = Path::new(&script);
        let path = script.canonicalize().with_context(|| format!("{SCRIPT} names {}", script.display()))?;
        cargo = cargo.env(SCRIPT, format!("Z:{}", path.display()));
    }
    Ok(cargo)
}
