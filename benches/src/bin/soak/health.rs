//! Resource use of the soak: memory and file descriptors, which must not grow.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// The permitted growth of resident memory, because the size of the tables varies.
const SLACK_KIB: u64 = 8 * 1024;

/// The permitted growth of the number of descriptors, because Wine opens some of its own.
///
/// A leak in each poll exceeds it.
const SLACK_DESCRIPTORS: usize = 8;

/// The minimum resource use in a quarter of the soak.
///
/// A minimum excludes what a poll holds temporarily.
#[derive(Clone, Copy, Debug)]
struct Usage {
    resident_kib: u64,
    descriptors: usize,
}

/// Compares the resource use in the second and in the last quarter. The first is for warming up.
pub struct Health {
    start: Instant,
    quarter: Duration,
    early: Option<Usage>,
    late: Option<Usage>,
}

impl Health {
    pub fn begin(time: Duration) -> Health {
        Health { start: Instant::now(), quarter: time / 4, early: None, late: None }
    }

    /// Takes a measurement. To be called frequently.
    pub fn sample(&mut self) {
        let quarters = self.start.elapsed().as_secs_f64() / self.quarter.as_secs_f64();
        let slot = if (1.0..2.0).contains(&quarters) {
            &mut self.early
        } else if quarters >= 3.0 {
            &mut self.late
        } else {
            return;
        };
        let Some(now) = measure() else { return };
        let before = slot.unwrap_or(now);
        *slot = Some(Usage {
            resident_kib: before.resident_kib.min(now.resident_kib),
            descriptors: before.descriptors.min(now.descriptors),
        });
    }

    /// The growth that exceeds the limits.
    pub fn problems(&self) -> Vec<String> {
        let (Some(early), Some(late)) = (self.early, self.late) else { return Vec::new() };
        let mut problems = Vec::new();
        if late.resident_kib > early.resident_kib + SLACK_KIB {
            problems.push(format!("memory grew from {} to {} KiB", early.resident_kib, late.resident_kib));
        }
        if late.descriptors > early.descriptors + SLACK_DESCRIPTORS {
            problems.push(format!("descriptors grew from {} to {}", early.descriptors, late.descriptors));
        }
        problems
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.early, self.late) {
            (Some(early), Some(late)) => write!(
                f,
                "memory {} KiB, later {} KiB; descriptors {}, later {}",
                early.resident_kib, late.resident_kib, early.descriptors, late.descriptors
            ),
            _ => f.write_str("memory and descriptors are measured on Linux only"),
        }
    }
}

/// The resource use of this process. `None` without `/proc`.
fn measure() -> Option<Usage> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(Usage {
        resident_kib: resident.trim().strip_suffix(" kB")?.parse().ok()?,
        descriptors: fs::read_dir("/proc/self/fd").ok()?.count(),
    })
}
