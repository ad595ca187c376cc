//! The Wine prefix: the directory of the Windows installation, and the wineserver process.

use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell, cmd};

use crate::debian::{self, Package};

pub(super) const WINE: &[Package] = &[Package("wine", "/usr/bin/wine"), Package("wine64", "/usr/lib/wine/wine64")];

/// DLL overrides that prevent download prompts for Mono and Gecko and entries in the desktop's
/// menus.
pub(super) const OVERRIDES: &str = "mscoree,mshtml,winemenubuilder.exe=";

/// A Wine prefix of the workspace. Dropping it ends all programs that still run in it.
pub(super) struct Prefix<'a> {
    sh: &'a Shell,
    wine: &'a str,
    directory: PathBuf,
}

impl<'a> Prefix<'a> {
    /// Opens the prefix of this Wine, and creates it if it does not exist.
    ///
    /// Each version has its own prefix: Wine upgrades the prefix of an older version, and cannot downgrade it.
    pub(super) fn open(sh: &'a Shell, wine: &'a str) -> anyhow::Result<Self> {
        let version = cmd!(sh, "{wine} --version").env("WINEDEBUG", "-all").quiet().read()?;
        let version = version.split_whitespace().next().unwrap_or("wine");
        let prefix = Self { sh, wine, directory: debian::output(sh).join(version) };

        // Exists in a complete prefix: either Wine has the library, or an earlier run has compiled it.
        let library = prefix.directory.join("drive_c/windows/system32/bcryptprimitives.dll");
        if !library.exists() {
            sh.create_dir(&prefix.directory)?;
            prefix.env(cmd!(sh, "{wine} wineboot --init")).run()?;
        }
        if !library.exists() {
            let source = "xtask/src/wine/bcryptprimitives.c";
            cmd!(sh, "x86_64-w64-mingw32-gcc -O2 -shared -o {library} {source} -ladvapi32").run()?;
        }
        Ok(prefix)
    }

    /// Returns the Wine program, which runs Windows programs.
    pub(super) fn wine(&self) -> &'a str {
        self.wine
    }

    /// Sets the environment that runs the command's Windows programs in this prefix.
    pub(super) fn env<'c>(&self, cmd: Cmd<'c>) -> Cmd<'c> {
        cmd.env("WINEPREFIX", &self.directory)
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", OVERRIDES)
            // Without a display, a crash is reported as text instead of in a window.
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
    }
}

impl Drop for Prefix<'_> {
    fn drop(&mut self) {
        let server = Path::new(self.wine).with_file_name("wineserver");
        let stop = self.env(cmd!(self.sh, "{server} -k"));
        // Fails if no wineserver is running.
        let _ = stop.quiet().ignore_status().ignore_stderr().run();
    }
}
