//! Property tests of refreshes over a socket with arbitrary faults.
//!
//! Calls return, waits are bounded, and the result is either an error without a table or the table of one complete dump
//! together with the sockets that it skipped.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::script::{Answer, LookUpFault, PORT, Script, Step};
use super::tests::refresh;
use super::*;

fn errno() -> impl Strategy<Value = Errno> {
    let any = (1..133i32).prop_filter("not EAGAIN", |errno| *errno != Errno::AGAIN.raw_os_error());
    prop_oneof![
        4 => prop::sample::select(vec![Errno::NOBUFS, Errno::NOMEM, Errno::BUSY]),
        2 => Just(Errno::INTR),
        1 => any.prop_map(Errno::from_raw_os_error),
    ]
}

/// The number of sockets, small so that dumps repeat sockets of earlier dumps and list some twice.
const SOCKETS: u16 = 12;

fn rows() -> impl Strategy<Value = Vec<u16>> {
    vec(1..=SOCKETS, 0..6)
}

fn fault() -> impl Strategy<Value = LookUpFault> {
    let refusal = any::<i32>().prop_filter("neither success nor ENOENT", |errno| {
        ![0, Errno::NOENT.raw_os_error()].contains(&errno.wrapping_abs())
    });
    prop_oneof![
        1 => errno().prop_map(LookUpFault::NotSent),
        1 => prop_oneof![refusal, Just(Errno::NOBUFS.raw_os_error())].prop_map(LookUpFault::Refused),
        1 => errno().prop_map(LookUpFault::NotReceived),
        1 => Just(LookUpFault::Silence),
        2 => Just(LookUpFault::Mismatched),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let refusal = prop_oneof![3 => errno().prop_map(|errno| errno.raw_os_error()), 1 => any::<i32>()];
    let foreign = prop_oneof![20 => 0..4usize, 1 => 900..2100usize];
    prop_oneof![
        24 => rows().prop_map(Step::Rows),
        2 => vec(1..=SOCKETS, 1..4).prop_map(Step::Interrupted),
        2 => prop_oneof![Just((1, 0)), Just((0, 1)), (1..9usize, any::<u32>())].prop_map(|(s, p)| Step::Mismatched(s, p)),
        2 => foreign.prop_map(Step::Foreign),
        1 => Just(Step::Large),
        4 => errno().prop_map(Step::Fails),
        2 => refusal.prop_map(Step::Refused),
        1 => Just(Step::Silence),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let sending = prop_oneof![6 => Just(vec![]), 1 => vec(errno(), 1..4)];
    let errno = prop_oneof![4 => Just(0), 1 => errno().prop_map(|errno| errno.raw_os_error()), 1 => any::<i32>()];
    let end =
        prop_oneof![9 => (rows(), errno).prop_map(|(rows, errno)| Some(Step::Done(rows, errno))), 1 => Just(None)];
    (sending, vec(step(), 0..6), end).prop_map(|(sending, steps, end)| Answer {
        sending: sending.into(),
        steps: steps.into_iter().chain(end).collect(),
    })
}

/// Refreshes once and checks the result against the script.
///
/// `previous` has the rows of the last table.
fn run(netlink: &mut SockDiag<Script>, previous: &mut Vec<u16>) -> Result<(), TestCaseError> {
    let script = &netlink.conn.transport;
    let before = (script.sends, script.waited, script.drained(), netlink.unreconciled());
    netlink.conn.transport.errnos.clear();
    let (done, waits) = refresh(netlink);
    let script = &netlink.conn.transport;

    let interrupted = script.errnos.iter().filter(|errno| **errno == Errno::INTR.raw_os_error()).count();
    let attempts = script.sends - before.0;
    prop_assert!(attempts <= 16 + interrupted, "{attempts} requests");
    prop_assert!(script.waited - before.1 <= 1, "waits after the first timeout");
    // At most one drain before each attempt, and before each look-up in a row of failures.
    prop_assert!(script.drained() - before.2 <= 16 + 8);
    prop_assert!(waits <= 12);
    let is_transient = |errno| [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY].iter().any(|e| e.raw_os_error() == errno);
    match done {
        Ok(rows) => {
            let mut expected = Vec::new();
            for port in script.last.rows().expect("a dump without a fault") {
                if !expected.contains(&port) {
                    expected.push(port);
                }
            }
            let skipped = previous.iter().filter(|port| script.alive.contains(port) && !expected.contains(port));
            let skipped: Vec<u16> = skipped.copied().collect();
            if netlink.unreconciled() == before.3 {
                expected.extend(skipped);
                prop_assert_eq!(&rows, &expected);
            } else {
                // The dump, and the sockets found before the look-ups failed.
                prop_assert_eq!(netlink.unreconciled(), before.3 + 1);
                prop_assert!(rows.starts_with(&expected));
                let recovered = &rows[expected.len()..];
                prop_assert!(recovered.iter().all(|port| skipped.contains(port)));
                prop_assert!((1..recovered.len()).all(|i| !recovered[i..].contains(&recovered[i - 1])));
            }
            *previous = rows;
        }
        Err(Error::Unstable { attempts, last, .. }) => {
            prop_assert_eq!((attempts, waits), (16, 12));
            let errno = last.raw_os_error().unwrap();
            prop_assert!(errno == Errno::INTR.raw_os_error() || is_transient(errno) && script.errnos.contains(&errno));
        }
        Err(Error::Malformed(_)) => prop_assert!(script.last.steps.contains(&Step::Large)),
        Err(Error::Os { source, .. }) => match source.raw_os_error() {
            // i32::MIN has no positive counterpart and is reported as i32::MAX.
            Some(errno) => {
                let is_scripted = |code: &i32| code.wrapping_neg().saturating_abs() == errno;
                prop_assert!(
                    !is_transient(errno) && script.errnos.iter().any(is_scripted),
                    "{errno}: {:?}",
                    script.errnos
                );
            }
            None if source.kind() == io::ErrorKind::TimedOut => prop_assert_eq!(script.waited - before.1, 1),
            None => prop_assert!(source.to_string().contains("none from the kernel")),
        },
        Err(error) => prop_assert!(false, "{error}"),
    }
    Ok(())
}

#[test]
fn a_refresh_returns_the_correct_table_or_an_error_after_any_faults() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    // A refresh starts with the datagrams that the previous one left in the socket.
    let refresh = (btree_set(1..=SOCKETS, 0..8), vec(fault(), 0..3));
    proptest!(config, |(answers in vec(answer(), 1..40), refreshes in vec(refresh, 1..6))| {
        let mut netlink = SockDiag::over(Script::new(answers), PORT);
        let mut previous = Vec::new();
        for (alive, faults) in refreshes {
            netlink.conn.transport.alive = alive;
            netlink.conn.transport.faults = faults.into();
            run(&mut netlink, &mut previous)?;
        }
    });
}
