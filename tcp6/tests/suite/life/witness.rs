//! The witness: `ss -6tanpe`, an independent reader of the same kernel table.
//!
//! It keeps no state between runs.

use std::collections::{BTreeSet, HashSet};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::process::Command;

use tcp6::{Owner, State};

use super::seen::{Info, Seen};

/// A line of `ss`: the expected row, and the processes that hold the socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub seen: Seen,
    pub pids: BTreeSet<u32>,
}

/// Runs `ss`, and adds the owners that `ss` is known not to find.
#[derive(Debug, Default)]
pub struct Witness {
    /// Processes whose first thread has exited.
    ///
    /// `ss` does not find the sockets that their other threads hold.
    pub headless: Vec<u32>,
    /// The ports of this history if the table also contains other sockets.
    ///
    /// Only sockets with one of these ports at an end are compared.
    pub ports: Option<HashSet<u16>>,
    /// Number of runs of `ss`.
    pub runs: u64,
}

impl Witness {
    /// Runs `ss` and returns its lines, sorted.
    pub fn read(&mut self) -> Vec<Line> {
        self.runs += 1;
        let output = Command::new("ss").arg("-6tanpeHO").output().expect("failed to run ss");
        assert!(output.status.success(), "ss: {output:?}");
        let text = String::from_utf8(output.stdout).expect("output of ss is not UTF-8");
        let headless: Vec<(u32, HashSet<u32>)> =
            self.headless.iter().map(|pid| (*pid, held_by_threads(*pid))).collect();
        let mut lines: Vec<Line> = text.lines().map(|line| parse(line, &headless)).collect();
        lines.retain(|line| self.concerns(&line.seen));
        lines.sort_unstable();
        lines
    }

    /// Returns whether a row can be a socket of this history.
    pub fn concerns(&self, seen: &Seen) -> bool {
        let Some(ports) = &self.ports else { return true };
        ports.contains(&seen.local.port()) || seen.remote.is_some_and(|remote| ports.contains(&remote.port()))
    }
}

/// Returns whether `ss` can be run.
pub fn is_available() -> bool {
    Command::new("ss").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// Returns the inodes of the sockets that the threads of a process hold.
fn held_by_threads(pid: u32) -> HashSet<u32> {
    let entries = |path: String| std::fs::read_dir(path).into_iter().flatten().flatten();
    let links = entries(format!("/proc/{pid}/task"))
        .filter_map(|task| Some(entries(task.path().join("fd").to_str()?.to_owned())))
        .flatten()
        .filter_map(|link| std::fs::read_link(link.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// Parses a line of `ss`.
///
/// `headless` has the processes whose first thread has exited, and the inodes of the sockets that they hold.
fn parse(line: &str, headless: &[(u32, HashSet<u32>)]) -> Line {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [state, _, _, local, remote, rest @ ..] = &fields[..] else { panic!("malformed line of ss: {line:?}") };
    let value = |name: &str| rest.iter().find_map(|field| field.strip_prefix(name));
    let number = |name: &str| value(name).map_or(0, |value| value.parse().expect(name));
    let inode = number("ino:");
    let cookie = value("sk:").map_or(0, |value| u64::from_str_radix(value, 16).expect("sk:"));
    let mut pids: BTreeSet<u32> =
        line.split(",pid=").skip(1).map(|rest| rest[..rest.find(',').expect("fd")].parse().expect("pid")).collect();
    pids.extend(headless.iter().filter(|(_, inodes)| inodes.contains(&inode)).map(|(pid, _)| *pid));
    let owner = match pids.first() {
        _ if inode == 0 => Owner::Nobody,
        Some(lowest) => Owner::Process(*lowest),
        None => Owner::Unresolved,
    };
    let state = self::state(state);
    // ss prints the device that a socket is bound to at the local end only.
    let device = local.rsplit_once(':').and_then(|(address, _)| address.split_once('%')).map_or("", |(_, name)| name);
    let seen = Seen {
        local: end(local, device),
        remote: (state != State::Listen).then(|| end(remote, device)),
        state,
        owner: Some(owner),
        info: Some(Info { inode, uid: number("uid:"), cookie }),
    };
    Line { seen, pids }
}

fn state(name: &str) -> State {
    match name {
        "ESTAB" => State::Established,
        "SYN-RECV" => State::SynReceived,
        "UNCONN" => State::Closed,
        other => other.parse().unwrap_or_else(|error| panic!("unknown state in the output of ss: {error}")),
    }
}

/// Parses an end: `*:80`, `*%lo:80`, `[::1]:80`, `[fe80::1]%lo:80`, `[::]:*`.
fn end(text: &str, device: &str) -> SocketAddrV6 {
    let (address, port) = text.rsplit_once(':').expect("end without a port");
    let address = address.split('%').next().unwrap_or_default();
    let address = match address {
        "*" => Ipv6Addr::UNSPECIFIED,
        other => other
            .trim_matches(['[', ']'])
            .parse()
            .unwrap_or_else(|_| panic!("malformed address in the output of ss: {text:?}")),
    };
    let port = if port == "*" {
        0
    } else {
        port.parse().unwrap_or_else(|_| panic!("malformed port in the output of ss: {text:?}"))
    };
    // The device of a socket is a scope only if the address is link-local.
    let scope = if address.is_unicast_link_local() { index(device) } else { 0 };
    SocketAddrV6::new(address, port, 0, scope)
}

/// Returns the index of an interface, or 0 if there is none with this name.
fn index(device: &str) -> u32 {
    let text = std::fs::read_to_string(format!("/sys/class/net/{device}/ifindex")).unwrap_or_default();
    // The namespace's sysfs may not be mounted. The loopback is the first interface of every network namespace.
    text.trim().parse().unwrap_or(u32::from(device == "lo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_all_fields_of_a_line_of_ss() {
        let line = parse(
            "ESTAB 0 0 [fe80::1]%lo:22 [fe80::1]:99 users:((\"a\",pid=17,fd=3),(\"b\",pid=9,fd=3)) uid:7 ino:5 sk:1f cgroup:/ <->",
            &[],
        );
        assert_eq!(line.pids, BTreeSet::from([9, 17]));
        assert_eq!(line.seen.owner, Some(Owner::Process(9)));
        assert_eq!(line.seen.info, Some(Info { inode: 5, uid: 7, cookie: 0x1F }));
        assert_eq!(line.seen.local, "[fe80::1%1]:22".parse().unwrap());
        assert_eq!(line.seen.remote, Some("[fe80::1%1]:99".parse().unwrap()));
        let line = parse("LISTEN 0 8 *%lo:80 *:* ino:6 sk:2 cgroup:/ v6only:0 <->", &[(3, HashSet::from([6]))]);
        assert_eq!((line.seen.state, line.seen.remote), (State::Listen, None));
        assert_eq!(line.seen.owner, Some(Owner::Process(3)));
        let line = parse("TIME-WAIT 0 0 [::ffff:127.0.0.1]:1 [::1]:2 timer:(timewait,59sec,0) ino:0 sk:7", &[]);
        assert_eq!(line.seen.owner, Some(Owner::Nobody));
        let line = parse("ESTAB 0 0 [::1]:1 [::1]:2 ino:8 sk:7 <->", &[]);
        assert_eq!(line.seen.owner, Some(Owner::Unresolved));
    }
}
