//! What the figures were measured on.

use xshell::{Shell, cmd};

use super::{Runs, locked, read};

/// A table of the machine, its system and all versions.
pub(super) fn describe(sh: &Shell, runs: &Runs) -> anyhow::Result<String> {
    let cpuinfo = read("/proc/cpuinfo");
    let models: Vec<&str> = cpuinfo.lines().filter_map(|line| field(line, "model name")).collect();
    let meminfo = read("/proc/meminfo");
    let memory = meminfo.lines().find_map(|line| field(line, "MemTotal")).unwrap_or("unknown");

    let mut lines = vec![
        ("processor", format!("{} x {}", models.len(), models.first().unwrap_or(&"unknown"))),
        ("memory", memory.to_owned()),
        ("kernel", format!("Linux {}", version(&read("/proc/sys/kernel/osrelease")))),
        ("compiler", cmd!(sh, "rustc --version").quiet().read()?),
    ];
    if !runs.windows.is_empty() {
        lines.push(("Wine", cmd!(sh, "wine --version").quiet().ignore_stderr().read()?));
    }
    for package in ["criterion", "netstat2", "listeners", "procfs"] {
        lines.push((package, locked(sh, package)?));
    }
    if let Ok(version) = cmd!(sh, "ss -V").quiet().ignore_stderr().read() {
        lines.push(("ss", version));
    }
    let psutil = |size| runs.linux.metric("peers/owners", size, "psutil", "version");
    lines.extend([18_000, 2_000, 100].into_iter().find_map(psutil).map(|version| ("psutil", version.to_owned())));

    let lines: String = lines.into_iter().map(|(what, value)| format!("| {what} | {value} |\n")).collect();
    Ok(format!("| | |\n|---|---|\n{lines}"))
}

/// The version of a kernel, of its release: what follows says who built it.
fn version(release: &str) -> &str {
    release.trim().split('-').next().unwrap_or_default()
}

/// The value of a line `name : value`.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(':').filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_version_is_what_comes_before_its_builder() {
        assert_eq!(version("6.1.0-13-amd64\n"), "6.1.0");
        assert_eq!(version("6.12.3\n"), "6.12.3");
    }
}
