//! A criterion group: functions that do the same work on the same rows.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};

use crate::{allocations, metrics};

/// The number of samples of a function.
const SAMPLES: usize = 20;

/// The number of samples of a slow function. Criterion accepts no fewer.
const MIN_SAMPLES: usize = 10;

/// The number of rows from which every function is slow.
const LARGE_TABLE: usize = 1_000_000;

/// Configures criterion so that all benches end within minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(SAMPLES)
        .nresamples(10_000)
        .output_directory(&metrics::folder())
        .configure_from_args()
}

/// Measures functions that do the same work on a table of one size.
pub struct Comparison<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    name: String,
    size: u64,
    samples: usize,
}

impl<'a> Comparison<'a> {
    /// A group for a table of `rows` rows.
    pub fn new(criterion: &'a mut Criterion, name: impl Into<String>, rows: usize) -> Comparison<'a> {
        Comparison::nominal(criterion, name, rows, rows)
    }

    /// A group for a table of `rows` rows that is reported as one of `size` rows.
    ///
    /// A live table has a few more rows than were opened for it.
    pub fn nominal(criterion: &'a mut Criterion, name: impl Into<String>, size: usize, rows: usize) -> Comparison<'a> {
        let name = name.into();
        let mut group = criterion.benchmark_group(&name);
        // On Windows nearly every function reads the table of Wine, which is slow.
        let samples = if cfg!(windows) || rows >= LARGE_TABLE { MIN_SAMPLES } else { SAMPLES };
        group.throughput(Throughput::Elements(rows as u64)).sample_size(samples);
        Comparison { group, name, size: size as u64, samples }
    }

    /// Measures a function, and counts its allocations after a first call.
    ///
    /// The count is the minimum of three calls, because other sockets come and go on a live machine.
    pub fn time<T>(&mut self, function: &str, mut work: impl FnMut() -> T) {
        let (name, size) = (&self.name, self.size);
        let mut counted = false;
        self.group.bench_function(BenchmarkId::new(function, size), |bench| {
            if !counted {
                drop(black_box(work()));
                let count = (0..3).map(|_| allocations::during(|| drop(black_box(work())))).min();
                metrics::note(name, function, size, "allocations", count.expect("three counts"));
                counted = true;
            }
            bench.iter(&mut work);
        });
    }

    /// Like [`time`](Comparison::time), for a function that takes a large part of a second.
    pub fn time_slow<T>(&mut self, function: &str, work: impl FnMut() -> T) {
        self.group.sample_size(MIN_SAMPLES).sampling_mode(SamplingMode::Flat);
        self.time(function, work);
        self.group.sample_size(self.samples).sampling_mode(SamplingMode::Auto);
    }

    /// Like [`time`](Comparison::time), for a function that needs a setup before each call.
    ///
    /// The setup is not measured.
    pub fn time_after<S, T>(&mut self, function: &str, mut setup: impl FnMut() -> S, mut work: impl FnMut(S) -> T) {
        let (name, size) = (&self.name, self.size);
        let mut counted = false;
        self.group.bench_function(BenchmarkId::new(function, size), |bench| {
            if !counted {
                drop(black_box(work(setup())));
                let mut count = || {
                    let state = setup();
                    allocations::during(|| drop(black_box(work(state))))
                };
                let counts = [count(), count(), count()];
                metrics::note(name, function, size, "allocations", counts.into_iter().min().expect("three counts"));
                counted = true;
            }
            bench.iter_batched(&mut setup, &mut work, BatchSize::PerIteration);
        });
    }

    /// Records a metric of a function.
    pub fn note(&self, function: &str, what: &str, value: impl ToString) {
        metrics::note(&self.name, function, self.size, what, value);
    }
}
