//! One line of `tcp6 stats --json --interval`.

use std::collections::BTreeMap;

use serde::Serialize;
use tcp6::{Statistics, StatisticsDelta};

/// A reading, and what it gained since the one before it.
#[derive(Serialize)]
pub struct Reading<'a> {
    statistics: &'a Statistics,
    increase: &'a StatisticsDelta,
    per_second: BTreeMap<&'static str, f64>,
}

impl Reading<'_> {
    pub fn new<'a>(statistics: &'a Statistics, increase: &'a StatisticsDelta) -> Reading<'a> {
        let rate = |(name, gained)| Some((name, increase.per_second(Some(gained))?));
        Reading { statistics, increase, per_second: increase.counters().filter_map(rate).collect() }
    }
}
