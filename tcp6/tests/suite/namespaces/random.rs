//! Random acts in several namespaces, with systems that share owners and systems that do not.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use tcp6::os::linux::SystemExt;
use tcp6::{Owner, System};

use super::{Sleeper, Space, is_root, listeners, this_process};
use crate::sharing::apart;
use crate::support::{by_itself, eventually};

const SPACES: usize = 3;
const STEPS: usize = 400;

/// A generator of numbers (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A listener: the part that this process holds, and the process that has inherited it.
struct Held {
    here: Option<TcpListener>,
    there: Option<Sleeper>,
}

impl Held {
    fn owner(&self) -> Owner {
        let there = self.there.as_ref().map(Sleeper::pid);
        match (&self.here, there) {
            (Some(_), Some(pid)) => Owner::Process(pid.min(std::process::id())),
            (Some(_), None) => this_process(),
            (None, Some(pid)) => Owner::Process(pid),
            (None, None) => unreachable!("it would be closed"),
        }
    }
}

fn with_inheritor(space: &Space, listener: &TcpListener) -> Sleeper {
    let inherited = listener.try_clone().unwrap();
    space.within(move || {
        rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
        Sleeper(Command::new("sleep").arg("86400").stdin(Stdio::null()).spawn().unwrap())
    })
}

/// The ports of the listeners in the namespace, from the text of the kernel.
fn ports(space: &Space) -> Vec<u16> {
    let text = space.within(|| std::fs::read_to_string("/proc/thread-self/net/tcp6").unwrap());
    let port = |line: &str| {
        let (_, port) = line.split_whitespace().nth(1)?.split_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    let mut ports: Vec<u16> = text.lines().skip(1).map(|line| port(line).unwrap()).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn systems_that_share_owners_agree_with_those_that_do_not() {
    by_itself("namespaces::random::systems_that_share_owners_agree_with_those_that_do_not", || {
        if !is_root() {
            return;
        }
        let spaces: Vec<Space> = (0..SPACES).map(|_| Space::new()).collect();
        let base = System::new().unwrap();
        let mut shared: Vec<System> = spaces.iter().map(|space| base.in_namespace(space).unwrap()).collect();
        let mut alone: Vec<System> = spaces.iter().map(|space| space.within(apart)).collect();
        let mut truth: Vec<BTreeMap<u16, Held>> = (0..SPACES).map(|_| BTreeMap::new()).collect();
        let seed = std::process::id().into();
        let mut random = Random(seed);
        for step in 0..STEPS {
            let at = random.below(SPACES);
            let port = 1 + random.below(6) as u16;
            match (random.below(6), truth[at].remove(&port)) {
                (_, None) => {
                    let held = Held { here: Some(spaces[at].listener(port)), there: None };
                    truth[at].insert(port, held);
                }
                (0..2, Some(_)) => {}
                (2..4, Some(Held { here: Some(listener), there: None })) => {
                    let there = Some(with_inheritor(&spaces[at], &listener));
                    truth[at].insert(port, Held { here: Some(listener), there });
                }
                (4, Some(Held { there: there @ Some(_), .. })) => {
                    truth[at].insert(port, Held { here: None, there });
                }
                (5, Some(Held { here: here @ Some(_), .. })) => {
                    truth[at].insert(port, Held { here, there: None });
                }
                (_, Some(held)) => {
                    truth[at].insert(port, held);
                }
            }
            // Another process that reads the link of a descriptor keeps its file open for a moment.
            eventually("what was closed is gone", || ports(&spaces[at]).iter().eq(truth[at].keys()));
            // Some of the systems are read, in any order.
            for _ in 0..random.below(4) {
                let at = random.below(SPACES);
                let system = if random.below(3) == 0 { &mut alone[at] } else { &mut shared[at] };
                let expected: Vec<(u16, Owner)> = truth[at].iter().map(|(port, held)| (*port, held.owner())).collect();
                let found: Vec<(u16, Owner)> =
                    listeners(system).iter().map(|(end, owner)| (end.port(), *owner)).collect();
                assert_eq!(found, expected, "seed {seed}, step {step}, namespace {at}");
            }
        }
    });
}
