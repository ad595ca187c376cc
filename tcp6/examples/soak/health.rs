//! What the soak takes of the machine: memory and descriptors, which must not grow.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// Memory may grow by this much after the first half: tables are not always of one size.
const SLACK_KIB: u64 = 8 * 1024;

/// And descriptors by so many: Wine opens some of its own when it likes. One for each poll would be more.
const SLACK_DESCRIPTORS: usize = 8;

/// The least that was seen in a part of the soak. Readers hold more for a moment: the least is what they keep.
#[derive(Clone, Copy, Debug)]
struct Kept {
    resident_kib: u64,
    descriptors: usize,
}

/// Measured in the second and in the last quarter; the first is for warming up.
pub struct Health {
    start: Instant,
    quarter: Duration,
    early: Option<Kept>,
    late: Option<Kept>,
}

impl Health {
    pub fn begin(time: Duration) -> Health {
        Health { start: Instant::now(), quarter: time / 4, early: None, late: None }
    }

    /// Measures; called all the time.
    pub fn sample(&mut self) {
        let quarters = self.start.elapsed().as_secs_f64() / self.quarter.as_secs_f64();
        let kept = if (1.0..2.0).contains(&quarters) {
            &mut self.early
        } else if quarters >= 3.0 {
            &mut self.late
        } else {
            return;
        };
        let Some(now) = measure() else { return };
        let before = kept.unwrap_or(now);
        *kept = Some(Kept {
            resident_kib: before.resident_kib.min(now.resident_kib),
            descriptors: before.descriptors.min(now.descriptors),
        });
    }

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
                "memory {} KiB, then {} KiB; descriptors {}, then {}",
                early.resident_kib, late.resident_kib, early.descriptors, late.descriptors
            ),
            _ => f.write_str("memory and descriptors are measured on Linux only"),
        }
    }
}

fn measure() -> Option<Kept> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(Kept {
        resident_kib: resident.trim().strip_suffix(" kB")?.parse().ok()?,
        descriptors: fs::read_dir("/proc/self/fd").ok()?.count(),
    })
}
