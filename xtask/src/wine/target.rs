//! The Windows targets that run here, and what each needs to be linked.

use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

use super::msvc;
use crate::debian::{self, Package};

/// A target of rustc, and the C compiler for the same machine.
pub(super) struct Target {
    pub(super) triple: &'static str,
    pub(super) c_compiler: &'static str,
    /// Options of the C compiler for a library that exports undecorated names.
    pub(super) library_flags: &'static [&'static str],
    packages: &'static [Package],
    flags: fn(&Shell) -> Result<Flags>,
}

/// What rustc is given beyond its defaults.
#[derive(Default)]
struct Flags {
    linker: Option<String>,
    rustflags: String,
}

const MINGW64: &[Package] = &[Package("gcc-mingw-w64-x86-64", "/usr/bin/x86_64-w64-mingw32-gcc")];
const MINGW32: &[Package] = &[
    Package("gcc-mingw-w64-x86-64", "/usr/bin/x86_64-w64-mingw32-gcc"),
    Package("gcc-mingw-w64-i686", "/usr/bin/i686-w64-mingw32-gcc"),
];

/// The first is the one that is used unless another is named.
pub(super) const TARGETS: &[Target] = &[
    Target {
        triple: "x86_64-pc-windows-gnu",
        c_compiler: "x86_64-w64-mingw32-gcc",
        library_flags: &[],
        packages: MINGW64,
        flags: |_| Ok(Flags::default()),
    },
    Target {
        triple: "x86_64-pc-windows-msvc",
        c_compiler: "x86_64-w64-mingw32-gcc",
        library_flags: &[],
        packages: MINGW64,
        flags: msvc_flags,
    },
    Target {
        triple: "i686-pc-windows-gnu",
        c_compiler: "i686-w64-mingw32-gcc",
        // Exported names are those of Windows, without stdcall's `@8`; libgcc's own DLL is nowhere on Wine's path.
        library_flags: &["-static-libgcc", "-Wl,--kill-at", "-Wl,--enable-stdcall-fixup"],
        packages: MINGW32,
        flags: i686_flags,
    },
];

impl Target {
    pub(super) fn find(triple: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.triple == triple)
    }

    /// The Debian packages that it needs.
    pub(super) fn packages(&self) -> &'static [Package] {
        self.packages
    }

    /// The command of cargo, for this target.
    pub(super) fn configure<'a>(&self, sh: &Shell, cargo: Cmd<'a>) -> Result<Cmd<'a>> {
        let Flags { linker, rustflags } = (self.flags)(sh)?;
        let mut cargo = cargo.args(["--target", self.triple]);
        if let Some(linker) = linker {
            cargo = cargo.env(self.variable("LINKER"), linker);
        }
        if !rustflags.is_empty() {
            cargo = cargo.env(self.variable("RUSTFLAGS"), rustflags);
        }
        Ok(cargo)
    }

    /// A variable that configures cargo for this target alone.
    pub(super) fn variable(&self, name: &str) -> String {
        format!("CARGO_TARGET_{}_{name}", self.triple.to_uppercase().replace('-', "_"))
    }
}

fn msvc_flags(sh: &Shell) -> Result<Flags> {
    let linker = msvc::linker(sh)?;
    let libraries = msvc::libraries(sh, &linker)?;
    Ok(Flags {
        rustflags: format!("-Clinker-flavor=lld-link -Lnative={}", libraries.display()),
        linker: Some(linker.display().to_string()),
    })
}

/// The two objects that rustup's targets for MinGW bring along, and that Debian has the source of.
fn i686_flags(sh: &Shell) -> Result<Flags> {
    const TRIPLE: &str = "i686-pc-windows-gnu";
    let folder = debian::output(sh).join("rtstartup");
    sh.create_dir(&folder)?;
    for name in ["rsbegin", "rsend"] {
        let object = folder.join(format!("{name}.o"));
        if !object.exists() {
            let source = format!("/usr/lib/rustlib/src/rust/library/rtstartup/{name}.rs");
            let rustc = cmd!(sh, "/usr/bin/rustc --target {TRIPLE} --crate-type=lib --emit=obj -o {object} {source}");
            debian::with_toolchain(rustc, "/usr/bin".as_ref())?.env("RUSTC_BOOTSTRAP", "1").run()?;
        }
    }
    Ok(Flags { linker: None, rustflags: format!("-Lnative={}", folder.display()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_the_target() {
        let target = Target::find("x86_64-pc-windows-msvc").unwrap();
        assert_eq!(target.variable("RUNNER"), "CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUNNER");
        assert!(Target::find("x86_64-unknown-linux-gnu").is_none());
    }
}
