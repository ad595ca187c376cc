//! Whatever the socket does: the calls end, the waiting is bounded, and there is the table of one dump that came to its
//! end without a fault, completed by what it has passed over, or an error and no table.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::script::{Answer, Mishap, PORT, Script, Step};
use super::tests::refresh;
use super::*;

fn errno() -> impl Strategy<Value = Errno> {
    let any = (1..133i32).prop_filter("there is something", |errno| *errno != Errno::AGAIN.raw_os_error());
    prop_oneof![
        4 => prop::sample::select(vec![Errno::NOBUFS, Errno::NOMEM, Errno::BUSY]),
        2 => Just(Errno::INTR),
        1 => any.prop_map(Errno::from_raw_os_error),
    ]
}

/// Few, so that dumps list the same ones, and one of them some twice.
const SOCKETS: u16 = 12;

fn rows() -> impl Strategy<Value = Vec<u16>> {
    vec(0..SOCKETS, 0..6)
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let refusal = any::<i32>()
        .prop_filter("a failure", |errno| ![0, Errno::NOENT.raw_os_error()].contains(&errno.wrapping_abs()));
    prop_oneof![
        1 => errno().prop_map(Mishap::NotSent),
        1 => prop_oneof![refusal, Just(Errno::NOBUFS.raw_os_error())].prop_map(Mishap::Refused),
        1 => errno().prop_map(Mishap::NotReceived),
        1 => Just(Mishap::Silence),
        2 => Just(Mishap::Strange),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let said = prop_oneof![3 => errno().prop_map(|errno| errno.raw_os_error()), 1 => any::<i32>()];
    let others = prop_oneof![20 => 0..4usize, 1 => 900..2100usize];
    prop_oneof![
        24 => rows().prop_map(Step::Rows),
        2 => vec(0..SOCKETS, 1..4).prop_map(Step::Interrupted),
        2 => prop_oneof![Just((1, 0)), Just((0, 1)), (1..9usize, any::<u32>())].prop_map(|(s, p)| Step::Strange(s, p)),
        2 => others.prop_map(Step::Others),
        1 => Just(Step::Large),
        4 => errno().prop_map(Step::Fails),
        2 => said.prop_map(Step::Refused),
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

/// One refresh, held against what was played for it. `known` is what the last table had.
fn run(netlink: &mut SockDiag<Script>, known: &mut Vec<u16>) -> Result<(), TestCaseError> {
    let script = &netlink.conn.transport;
    let before = (script.sends, script.waited, script.drained(), netlink.unreconciled());
    netlink.conn.transport.said.clear();
    let (done, waits) = refresh(netlink);
    let script = &netlink.conn.transport;

    let interrupted = script.said.iter().filter(|errno| **errno == Errno::INTR.raw_os_error()).count();
    let attempts = script.sends - before.0;
    prop_assert!(attempts <= 16 + interrupted, "{attempts} requests");
    prop_assert!(script.waited - before.1 <= 1, "one silence is enough");
    // Once before each attempt, and before each of the look-ups that fail in a row.
    prop_assert!(script.drained() - before.2 <= 16 + 8);
    prop_assert!(waits <= 12);
    let is_passing = |errno| [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY].iter().any(|e| e.raw_os_error() == errno);
    match done {
        Ok(rows) => {
            let mut expected = Vec::new();
            for port in script.last.rows().expect("a dump without a fault") {
                if !expected.contains(&port) {
                    expected.push(port);
                }
            }
            let passed_over = known.iter().filter(|port| script.alive.contains(port) && !expected.contains(port));
            let passed_over: Vec<u16> = passed_over.copied().collect();
            if netlink.unreconciled() == before.3 {
                expected.extend(passed_over);
                prop_assert_eq!(&rows, &expected);
            } else {
                // The dump, and what was found until the look-ups failed.
                prop_assert_eq!(netlink.unreconciled(), before.3 + 1);
                prop_assert!(rows.starts_with(&expected));
                let recovered = &rows[expected.len()..];
                prop_assert!(recovered.iter().all(|port| passed_over.contains(port)));
                prop_assert!((1..recovered.len()).all(|i| !recovered[i..].contains(&recovered[i - 1])));
            }
            *known = rows;
        }
        Err(Error::Unstable { attempts, last, .. }) => {
            prop_assert_eq!((attempts, waits), (16, 12));
            let errno = last.raw_os_error().unwrap();
            prop_assert!(errno == Errno::INTR.raw_os_error() || is_passing(errno) && script.said.contains(&errno));
        }
        Err(Error::Malformed(_)) => prop_assert!(script.last.steps.contains(&Step::Large)),
        Err(Error::Os { source, .. }) => match source.raw_os_error() {
            // As the most negative number has no positive, its errno is the one next to it.
            Some(errno) => {
                let said = |said: &i32| said.wrapping_neg().saturating_abs() == errno;
                prop_assert!(!is_passing(errno) && script.said.iter().any(said), "{errno}: {:?}", script.said);
            }
            None if source.kind() == io::ErrorKind::TimedOut => prop_assert_eq!(script.waited - before.1, 1),
            None => prop_assert!(source.to_string().contains("none from the kernel")),
        },
        Err(error) => prop_assert!(false, "{error}"),
    }
    Ok(())
}

#[test]
fn whatever_the_socket_does_there_is_the_right_table_or_an_error() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    // A refresh finds in the socket what the one before has left there.
    let refresh = (btree_set(0..SOCKETS, 0..8), vec(mishap(), 0..3));
    proptest!(config, |(answers in vec(answer(), 1..40), refreshes in vec(refresh, 1..6))| {
        let mut netlink = SockDiag::over(Script::new(answers), PORT);
        let mut known = Vec::new();
        for (alive, mishaps) in refreshes {
            netlink.conn.transport.alive = alive;
            netlink.conn.transport.mishaps = mishaps.into();
            run(&mut netlink, &mut known)?;
        }
    });
}
