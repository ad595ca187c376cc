//! `cargo xtask qemu`: runs the tests on a big-endian and on a 32-bit machine.
//!
//! It also compares the files that these machines write, in each format, with those of this machine.
//!
//! qemu runs programs of other processors on this kernel. It does not support sock_diag sockets, so the tests that call
//! the kernel are skipped. All tests that only process bytes run. `tcp6-sys` has no unit tests: it asserts its layouts
//! when it is compiled.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::debian::{self, Package};

/// An emulated machine.
struct Machine {
    target: &'static str,
    /// The C compiler, which links.
    linker: &'static str,
    /// The folder with the C library.
    libraries: &'static str,
    emulator: &'static str,
    packages: &'static [Package],
}

const MACHINES: &[Machine] = &[
    Machine {
        target: "s390x-unknown-linux-gnu",
        linker: "/usr/bin/s390x-linux-gnu-gcc-12",
        libraries: "/usr/s390x-linux-gnu",
        emulator: "/usr/bin/qemu-s390x",
        packages: &[
            // The packages without a version in their names conflict with the compiler for 32-bit x86.
            Package("gcc-12-s390x-linux-gnu", "/usr/bin/s390x-linux-gnu-gcc-12"),
            Package("libc6-dev-s390x-cross", "/usr/s390x-linux-gnu/lib/crt1.o"),
            Package("qemu-user", "/usr/bin/qemu-s390x"),
        ],
    },
    Machine {
        target: "armv7-unknown-linux-gnueabihf",
        linker: "/usr/bin/arm-linux-gnueabihf-gcc-12",
        libraries: "/usr/arm-linux-gnueabihf",
        emulator: "/usr/bin/qemu-arm",
        packages: &[
            Package("gcc-12-arm-linux-gnueabihf", "/usr/bin/arm-linux-gnueabihf-gcc-12"),
            Package("libc6-dev-armhf-cross", "/usr/arm-linux-gnueabihf/lib/crt1.o"),
            Package("qemu-user", "/usr/bin/qemu-arm"),
        ],
    },
];

/// The tests that call the kernel of this machine.
///
/// They open a sock_diag socket, or read `/proc/net/tcp6`, which has the byte order of this machine.
const LIVE: &[&str] = &[
    "netlink::socket::tests",
    "netlink::look_up::tests::replies_to_as_many_look_ups_as_are_sent_at_once_fit_into_the_socket",
    "netlink::sock_diag::passed_over",
    "netlink::sock_diag::tests::the_kernel_itself_is_drained_and_asked_again",
    "capture::records_and_replays_the_system_table",
];

/// The arguments that select the test that writes a file in each format.
const WRITER: [&str; 4] = ["--ignored", "--exact", "formats::write_every_format", "--nocapture"];

/// The environment variable with the folder of these files.
const FOLDER: &str = "TCP6_FORMATS";

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let mut needed = vec![debian::RUST];
    needed.extend(MACHINES.iter().map(|machine| machine.packages));
    debian::require(&needed)?;

    let host = formats(sh, "host", cmd!(sh, "cargo test"))?;
    ensure!(!host.is_empty(), "the test that writes the formats wrote no files");
    for machine in MACHINES {
        let target = machine.target;
        compare(target, &host, &formats(sh, target, machine.cargo(sh)?)?)?;
        println!("{target}: {} files are equal to those of this machine", host.len());
        let skip = || LIVE.iter().flat_map(|test| ["--skip", test]);
        let suite = ["-p", "tcp6", "--test", "suite", "--locked", "--", "capture::", "formats::"];
        machine.cargo(sh)?.args(suite).args(skip()).run()?;
        machine.cargo(sh)?.args(["-p", "tcp6", "--lib", "--locked", "--"]).args(skip()).run()?;
    }
    Ok(())
}

impl Machine {
    fn cargo<'a>(&self, sh: &'a Shell) -> anyhow::Result<Cmd<'a>> {
        let Machine { target, linker, libraries, emulator, .. } = self;
        let variable = |name: &str| format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"));
        Ok(debian::cargo(sh, "test")?
            .args(["--target", target])
            .env(variable("LINKER"), linker)
            .env(variable("RUNNER"), format!("{emulator} -L {libraries}")))
    }
}

/// The files that a machine writes, by name.
fn formats(sh: &Shell, machine: &str, cargo_test: Cmd<'_>) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let folder = debian::output(sh).join("formats").join(machine);
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    cargo_test.args(["-p", "tcp6", "--test", "suite", "--locked", "--"]).args(WRITER).env(FOLDER, &folder).run()?;
    let read = |path: PathBuf| {
        let name = path.file_name().map(PathBuf::from).context("the path has no file name")?;
        Ok((name, fs::read(&path)?))
    };
    sh.read_dir(&folder)?.into_iter().map(read).collect()
}

/// Fails if a machine wrote other files than this one.
fn compare(
    machine: &str,
    expected: &BTreeMap<PathBuf, Vec<u8>>,
    written: &BTreeMap<PathBuf, Vec<u8>>,
) -> anyhow::Result<()> {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    ensure!(names(expected) == names(written), "{machine} wrote other files: {:?}", names(written));
    for (name, bytes) in expected {
        if written[name] != *bytes {
            let at = first_difference(bytes, &written[name]);
            bail!("{machine} wrote a different {}: first difference at byte {at}", Path::new(name).display());
        }
    }
    Ok(())
}

fn first_difference(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If a name in the list matches no test, the task fails only after minutes.
    #[test]
    fn skipped_tests_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tcp6");
        let mut sources = Vec::new();
        let mut folders = vec![root.join("src"), root.join("tests")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let source = fs::read_to_string(&path).unwrap();
                    sources.push((path.to_string_lossy().into_owned(), source));
                }
            }
        }
        for name in LIVE {
            let segments: Vec<&str> = name.split("::").collect();
            let (last, modules) = segments.split_last().unwrap();
            let folder = modules.join("/");
            let declarations = [format!("fn {last}("), format!("mod {last};"), format!("mod {last} {{")];
            let declares = |(path, source): &(String, String)| {
                let path = path.trim_end_matches(".rs");
                path.ends_with(&folder) && declarations.iter().any(|declaration| source.contains(declaration))
            };
            assert!(sources.iter().any(declares), "{name}");
        }
    }

    #[test]
    fn reports_the_file_and_offset_of_a_difference() {
        let files = |list: &[(&str, &[u8])]| -> BTreeMap<PathBuf, Vec<u8>> {
            list.iter().map(|(name, bytes)| (PathBuf::from(name), bytes.to_vec())).collect()
        };
        let expected = files(&[("a", &[1, 2, 3]), ("b", &[4])]);
        assert!(compare("m", &expected, &expected).is_ok());
        let error = |written| compare("m", &expected, &written).unwrap_err().to_string();
        assert!(error(files(&[("a", &[1, 2, 4]), ("b", &[4])])).contains("a different a: first difference at byte 2"));
        assert!(error(files(&[("a", &[1, 2]), ("b", &[4])])).contains("byte 2"));
        assert!(error(files(&[("a", &[1, 2, 3])])).contains("m wrote other files"));
        assert!(error(files(&[])).contains("m wrote other files"));
    }
}
