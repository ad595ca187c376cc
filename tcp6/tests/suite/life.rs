//! The lives of sockets: random histories of several processes, and every way to read the table against `ss` after each
//! step.
//!
//! A history depends on its seed alone, but for the ports. `TCP6_LIVES_SEED` and `TCP6_LIVES_STEPS` run one again;
//! `TCP6_LIVES_SEEDS` runs as many, and `TCP6_LIVES_SECONDS` new ones for as long.
//!
//! Histories live in namespaces of their own, which takes root; without it they share the machine's table, and only
//! sockets of their own are compared.

mod act;
mod actor;
mod compare;
mod crew;
mod eye;
mod first_table;
mod history;
mod model;
mod names;
mod namespace;
mod odd;
mod plan;
mod process;
mod random;
mod rights;
mod seen;
mod watch;
mod witness;

use std::time::{Duration, Instant, SystemTime};

use namespace::Surroundings;

/// Histories of `cargo test`, and steps of each: 2,100 in all.
const HISTORIES: &[(Surroundings, u64, usize)] = &[
    (Surroundings::Own, 1, 350),
    (Surroundings::Unprivileged, 2, 350),
    (Surroundings::Own, 3, 350),
    (Surroundings::Unprivileged, 4, 350),
    (Surroundings::Own, 5, 300),
    (Surroundings::Unprivileged, 6, 200),
    (Surroundings::Large, 7, 50),
    (Surroundings::Machine, 8, 150),
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn random_lives_of_sockets_are_shown_as_ss_shows_them() {
    if !witness::is_there() {
        return eprintln!("skipped: no ss on this machine");
    }
    let steps = number("TCP6_LIVES_STEPS").map(|steps| steps as usize);
    if let Some(seed) = number("TCP6_LIVES_SEED") {
        return namespace::run(Surroundings::of(seed), seed, steps.unwrap_or(500));
    }
    if let Some(seeds) = number("TCP6_LIVES_SEEDS") {
        return (1..=seeds).for_each(|seed| namespace::run(Surroundings::of(seed), seed, steps.unwrap_or(500)));
    }
    let run = |(surroundings, seed, steps): &(Surroundings, u64, usize)| namespace::run(*surroundings, *seed, *steps);
    // Two at a time: each history mostly waits for the kernel, and for its own processes.
    std::thread::scope(|scope| {
        scope.spawn(|| HISTORIES.iter().step_by(2).for_each(run));
        scope.spawn(|| HISTORIES.iter().skip(1).step_by(2).for_each(run));
    });
}

#[test]
#[ignore = "runs for as long as TCP6_LIVES_SECONDS says: cargo xtask soak --lives"]
fn new_seeds_for_a_given_time() {
    let time = Duration::from_secs(number("TCP6_LIVES_SECONDS").unwrap_or(60));
    let (start, now) = (Instant::now(), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
    assert!(witness::is_there(), "no ss on this machine");
    for seed in now.as_secs().. {
        if start.elapsed() >= time {
            break;
        }
        namespace::run(Surroundings::of(seed), seed, 500);
    }
}

#[test]
#[ignore = "not a test: what an actor does"]
fn an_actor() {
    process::child();
}

#[test]
#[ignore = "not a test: a history in the namespaces that were made for it"]
fn a_history() {
    namespace::child();
}

#[test]
#[ignore = "not a test: a process of root that others may not look into"]
fn a_bystander() {
    namespace::stand_by();
}
