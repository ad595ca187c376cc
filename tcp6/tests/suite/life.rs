//! Random socket histories of several processes, compared with `ss` after each step.
//!
//! Except for the port numbers, a history depends only on its seed. These environment variables select the histories:
//!
//! * `TCP6_LIVES_SEED=n` runs seed n only, with `TCP6_LIVES_STEPS` steps (default 500).
//! * `TCP6_LIVES_SEEDS=n` runs the seeds 1 to n, with the same number of steps each.
//! * `TCP6_LIVES_SECONDS=n` is the run time of the ignored test, which uses the current time as its first seed.
//!
//! As root, each history runs in its own namespaces. Otherwise the histories share the host's table, and only their own
//! sockets are compared.

mod act;
mod actor;
mod compare;
mod crew;
mod first_table;
mod history;
mod model;
mod names;
pub mod namespace;
mod odd;
mod plan;
mod process;
mod random;
mod reader;
mod rights;
mod seen;
mod watch;
mod witness;

use std::time::{Duration, Instant, SystemTime};

use namespace::Environment;

/// Environment, seed and steps of the histories that `cargo test` runs: 2,100 steps in total.
const HISTORIES: &[(Environment, u64, usize)] = &[
    (Environment::Isolated, 1, 350),
    (Environment::Unprivileged, 2, 350),
    (Environment::Isolated, 3, 350),
    (Environment::Unprivileged, 4, 350),
    (Environment::Isolated, 5, 300),
    (Environment::Unprivileged, 6, 200),
    (Environment::Large, 7, 50),
    (Environment::HostPids, 8, 150),
];

/// Reads a number from an environment variable.
fn number_from_env(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn random_histories_match_ss() {
    if !witness::is_available() {
        return eprintln!("skipped: ss is not installed");
    }
    let steps = number_from_env("TCP6_LIVES_STEPS").map(|steps| steps as usize);
    if let Some(seed) = number_from_env("TCP6_LIVES_SEED") {
        return namespace::run(Environment::for_seed(seed), seed, steps.unwrap_or(500));
    }
    if let Some(seeds) = number_from_env("TCP6_LIVES_SEEDS") {
        return (1..=seeds).for_each(|seed| namespace::run(Environment::for_seed(seed), seed, steps.unwrap_or(500)));
    }
    let run = |(environment, seed, steps): &(Environment, u64, usize)| namespace::run(*environment, *seed, *steps);
    // Two histories run at a time, because each mostly waits for the kernel and for its own processes.
    std::thread::scope(|scope| {
        scope.spawn(|| HISTORIES.iter().step_by(2).for_each(run));
        scope.spawn(|| HISTORIES.iter().skip(1).step_by(2).for_each(run));
    });
}

#[test]
#[ignore = "runs for TCP6_LIVES_SECONDS seconds: cargo xtask soak --lives"]
fn new_seeds_for_a_given_time() {
    let time = Duration::from_secs(number_from_env("TCP6_LIVES_SECONDS").unwrap_or(60));
    let (start, now) = (Instant::now(), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
    assert!(witness::is_available(), "ss is not installed");
    for seed in now.as_secs().. {
        if start.elapsed() >= time {
            break;
        }
        namespace::run(Environment::for_seed(seed), seed, 500);
    }
}

#[test]
#[ignore = "not a test: the main function of an actor process"]
fn an_actor() {
    process::child();
}

#[test]
#[ignore = "not a test: runs one history inside its namespaces"]
fn a_history() {
    namespace::child();
}

#[test]
#[ignore = "not a test: a root process whose descriptors other users cannot read"]
fn a_bystander() {
    namespace::stand_by();
}
