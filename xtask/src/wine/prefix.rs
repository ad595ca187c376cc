//! The Windows machine that Wine makes up: a folder, and a server that must not outlive its use.

use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell, cmd};

use crate::debian::{self, Package};

pub(super) const WINE: &[Package] = &[Package("wine", "/usr/bin/wine"), Package("wine64", "/usr/lib/wine/wine64")];

/// Neither offers to download Mono and Gecko, nor entries in the desktop's menus.
pub(super) const OVERRIDES: &str = "mscoree,mshtml,winemenubuilder.exe=";

/// A Wine prefix of the workspace's own. Dropped, it ends all that still runs in it.
pub(super) struct Prefix<'a> {
    sh: &'a Shell,
    wine: &'a str,
    folder: PathBuf,
}

impl<'a> Prefix<'a> {
    /// The prefix for this Wine, made if there is none yet.
    ///
    /// Each version has its own, since Wine would convert another version's, and not back.
    pub(super) fn open(sh: &'a Shell, wine: &'a str) -> anyhow::Result<Self> {
        let version = cmd!(sh, "{wine} --version").env("WINEDEBUG", "-all").quiet().read()?;
        let version = version.split_whitespace().next().unwrap_or("wine");
        let prefix = Self { sh, wine, folder: debian::output(sh).join(version) };

        // In a prefix that is ready, Wine itself or an earlier run has put this library.
        let library = prefix.folder.join("drive_c/windows/system32/bcryptprimitives.dll");
        if !library.exists() {
            sh.create_dir(&prefix.folder)?;
            prefix.env(cmd!(sh, "{wine} wineboot --init")).run()?;
        }
        if !library.exists() {
            let source = "xtask/src/wine/bcryptprimitives.c";
            cmd!(sh, "x86_64-w64-mingw32-gcc -O2 -shared -o {library} {source} -ladvapi32").run()?;
        }
        Ok(prefix)
    }

    /// The program that runs Windows' programs.
    pub(super) fn wine(&self) -> &'a str {
        self.wine
    }

    /// The command, with its Windows programs in this prefix.
    pub(super) fn env<'c>(&self, cmd: Cmd<'c>) -> Cmd<'c> {
        cmd.env("WINEPREFIX", &self.folder)
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", OVERRIDES)
            // No window either: a crash is to be text, on a desktop as in CI.
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
    }
}

impl Drop for Prefix<'_> {
    fn drop(&mut self) {
        let server = Path::new(self.wine).with_file_name("wineserver");
        let stop = self.env(cmd!(self.sh, "{server} -k"));
        // It fails if nothing ran any more.
        let _ = stop.quiet().ignore_status().ignore_stderr().run();
    }
}
