//! `cargo xtask qemu`: the tests on a big-endian and on a 32-bit machine, and the written formats compared with this one's.
//!
//! qemu runs the programs of other processors on this kernel. It passes no sock_diag sockets on, so the tests that ask
//! the kernel itself are left out; every decision on bytes is tested. `tcp6-sys` has no unit tests: it asserts its layouts when
//! it is compiled.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::debian::{self, Package};

struct Machine {
    target: &'static str,
    /// The compiler that links, and the folder with the C library.
    linker: &'static str,
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
            // Without the version in their names these conflict with the compiler for 32-bit x86.
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

/// The tests that ask this kernel: by a sock_diag socket, or by its text, whose words are in this machine's byte order.
const LIVE: &[&str] = &[
    "netlink::kernel::tests",
    "netlink::look_up::tests::replies_to_as_many_look_ups_as_are_sent_at_once_fit_into_the_socket",
    "netlink::passed_over",
    "netlink::tests::the_kernel_itself_is_drained_and_asked_again",
    "capture::what_a_system_shows_is_recorded_and_played",
];

/// The test of the suite that writes a file for each format, and where it looks for the folder.
const WRITER: [&str; 4] = ["--ignored", "--exact", "formats::write_every_format", "--nocapture"];
const FOLDER: &str = "TCP6_FORMATS";

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    let mut needed = vec![debian::RUST];
    needed.extend(MACHINES.iter().map(|machine| machine.packages));
    debian::require(&needed)?;

    let host = formats(sh, "host", cmd!(sh, "cargo test"))?;
    ensure!(!host.is_empty(), "the test that writes the formats wrote none");
    for machine in MACHINES {
        let target = machine.target;
        compare(target, &host, &formats(sh, target, machine.cargo(sh)?)?)?;
        println!("{target}: {} files as on this machine", host.len());
        let skipped = || LIVE.iter().flat_map(|test| ["--skip", test]);
        let suite = ["-p", "tcp6", "--test", "suite", "--locked", "--", "capture::", "formats::"];
        machine.cargo(sh)?.args(suite).args(skipped()).run()?;
        machine.cargo(sh)?.args(["-p", "tcp6", "--lib", "--locked", "--"]).args(skipped()).run()?;
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

/// The files that a machine writes, by their names.
fn formats(sh: &Shell, machine: &str, cargo_test: Cmd<'_>) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let folder = debian::output(sh).join("formats").join(machine);
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    cargo_test.args(["-p", "tcp6", "--test", "suite", "--locked", "--"]).args(WRITER).env(FOLDER, &folder).run()?;
    let read = |path: PathBuf| {
        let name = path.file_name().map(PathBuf::from).context("a file without a name")?;
        Ok((name, fs::read(&path)?))
    };
    sh.read_dir(&folder)?.into_iter().map(read).collect()
}

fn compare(
    machine: &str,
    expected: &BTreeMap<PathBuf, Vec<u8>>,
    written: &BTreeMap<PathBuf, Vec<u8>>,
) -> anyhow::Result<()> {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    ensure!(names(expected) == names(written), "{machine} writes {:?}", names(written));
    for (name, bytes) in expected {
        if written[name] != *bytes {
            let at = first_difference(bytes, &written[name]);
            bail!("{machine} writes another {}: the first difference is at byte {at}", Path::new(name).display());
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

    /// A name that no test has leaves nothing out, and qemu fails only after minutes.
    #[test]
    fn the_tests_that_are_left_out_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tcp6");
        let mut sources = String::new();
        let mut folders = vec![root.join("src"), root.join("tests")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    sources += &fs::read_to_string(path).unwrap();
                }
            }
        }
        for name in LIVE {
            let last = name.rsplit("::").next().unwrap();
            let is_there = [format!("fn {last}("), format!("mod {last};"), format!("mod {last} {{")];
            assert!(is_there.iter().any(|declared| sources.contains(declared)), "{name}");
        }
    }

    #[test]
    fn a_difference_is_named_with_its_place() {
        let files = |list: &[(&str, &[u8])]| -> BTreeMap<PathBuf, Vec<u8>> {
            list.iter().map(|(name, bytes)| (PathBuf::from(name), bytes.to_vec())).collect()
        };
        let expected = files(&[("a", &[1, 2, 3]), ("b", &[4])]);
        assert!(compare("m", &expected, &expected).is_ok());
        let error = |written| compare("m", &expected, &written).unwrap_err().to_string();
        assert!(
            error(files(&[("a", &[1, 2, 4]), ("b", &[4])])).contains("another a: the first difference is at byte 2")
        );
        assert!(error(files(&[("a", &[1, 2]), ("b", &[4])])).contains("byte 2"));
        assert!(error(files(&[("a", &[1, 2, 3])])).contains("m writes"));
        assert!(error(files(&[])).contains("m writes"));
    }
}
