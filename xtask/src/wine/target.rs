//! The supported Windows targets, and what each needs to compile and link.

use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

use super::msvc;
use crate::debian::{self, Package};

/// A target of rustc and the C compiler for the same machine.
pub(super) struct Target {
    pub(super) triple: &'static str,
    pub(super) c_compiler: &'static str,
    /// C compiler options for a DLL that exports undecorated names.
    pub(super) library_flags: &'static [&'static str],
    packages: &'static [Package],
    flags: fn(&Shell) -> Result<Flags>,
}

/// Linker and flags of rustc, if not the defaults.
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

/// The supported targets; the first one is the default.
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
        // Windows exports names without the stdcall suffix such as `@8`. The DLL of libgcc is not on Wine's path.
        library_flags: &["-static-libgcc", "-Wl,--kill-at", "-Wl,--enable-stdcall-fixup"],
        packages: MINGW32,
        flags: i686_flags,
    },
];

impl Target {
    /// Returns the target with this triple.
    pub(super) fn find(triple: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.triple == triple)
    }

    /// Returns the Debian packages that the target requires.
    pub(super) fn packages(&self) -> &'static [Package] {
        self.packages
    }

    /// Adds the target and its settings to a cargo command.
    pub(super) fn configure<'a>(&self, sh: &Shell, cargo: Cmd<'a>) -> Result<Cmd<'a>> {
        let Flags { linker, rustflags } = (self.flags)(sh)?;
        let mut cargo = cargo.args(["--target", self.triple]);
        if let Some(linker) = linker {
            cargo = cargo.env(self.variable("LINKER"), linker);
        }
        if !rustflags.is_empty() {
            // Doctests are compiled by rustdoc.
            cargo = cargo.env(self.variable("RUSTDOCFLAGS"), &rustflags).env(self.variable("RUSTFLAGS"), rustflags);
        }
        Ok(cargo)
    }

    /// Returns the name of a cargo environment variable that applies to this target only.
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

/// Compiles `rsbegin.o` and `rsend.o`, which rustup's MinGW targets include and Debian ships as
/// source.
fn i686_flags(sh: &Shell) -> Result<Flags> {
    const TRIPLE: &str = "i686-pc-windows-gnu";
    let directory = debian::output(sh).join("rtstartup");
    sh.create_dir(&directory)?;
    for name in ["rsbegin", "rsend"] {
        let object = directory.join(format!("{name}.o"));
        if !object.exists() {
            let source = format!("/usr/lib/rustlib/src/rust/library/rtstartup/{name}.rs");
            let rustc = cmd!(sh, "/usr/bin/rustc --target {TRIPLE} --crate-type=lib --emit=obj -o {object} {source}");
            debian::with_toolchain(rustc, "/usr/bin".as_ref())?.env("RUSTC_BOOTSTRAP", "1").run()?;
        }
    }
    Ok(Flags { linker: None, rustflags: format!("-Lnative={}", directory.display()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_contains_the_upper_case_triple() {
        let target = Target::find("x86_64-pc-windows-msvc").unwrap();
        assert_eq!(target.variable("RUNNER"), "CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUNNER");
        assert!(Target::find("x86_64-unknown-linux-gnu").is_none());
    }
}
