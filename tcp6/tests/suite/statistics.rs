//! The counters of the TCP stack. Other tests open connections meanwhile, so counters grow by at least what this one does.

#[cfg(target_os = "linux")]
mod linux;

use std::time::Duration;

use tcp6::{Statistics, StatisticsScope, System};

use crate::support::{connect, listener};

#[test]
fn counters_grow_with_connections() {
    let mut system = System::new().unwrap();
    let listener = listener();
    let before = system.statistics().unwrap();
    let connections: Vec<_> = (0..5).map(|_| connect(&listener)).collect();
    let after = system.statistics().unwrap();
    let delta = after.since(&before);
    assert!(delta.active_opens >= Some(5) && delta.passive_opens >= Some(5), "{delta:?}");
    // A handshake has three segments, each of which is sent and received.
    assert!(delta.segments_in >= Some(15) && delta.segments_out >= Some(15), "{delta:?}");
    assert_eq!(delta.counters().count(), after.counters().count(), "no counter was reset");
    let elapsed = delta.elapsed.unwrap();
    assert!(!elapsed.is_zero() && elapsed < Duration::from_secs(60), "{elapsed:?}");
    assert!(after.taken_at() >= before.taken_at());
    drop(connections);
}

#[test]
fn scope_and_absent_counters_are_those_of_the_system() {
    let statistics = System::new().unwrap().statistics().unwrap();
    let Statistics { scope, connections, timeouts, rto_min, rto_max, .. } = statistics;
    if cfg!(windows) {
        assert_eq!((scope, timeouts), (StatisticsScope::Ipv6, None));
        assert!(connections.is_some());
    } else {
        assert_eq!((scope, connections), (StatisticsScope::BothFamilies, None));
        assert!(timeouts.is_some());
    }
    assert!(Duration::ZERO < rto_min && rto_min < rto_max, "{statistics:?}");
}
