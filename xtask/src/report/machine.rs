//! The machine and the versions of the measurements.

use xshell::{Shell, cmd};

use super::{Runs, locked, read};

/// A Markdown table of the hardware, the kernel and the versions of all programs and crates.
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

    let lines: String = lines.into_iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    Ok(format!("| | |\n|---|---|\n{lines}"))
}

/// The version number in a kernel release, without the suffix of the distribution.
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
    fn strips_the_suffix_of_a_kernel_release() {
        assert_eq!(version("6.1.0-13-amd64\n"), "6.1.0");
        assert_eq!(version("6.12.3\n"), "6.12.3");
    }
}
