//! One group of criterion's report: ways to do the same to the same rows.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};

use crate::{allocations, metrics};

/// Samples of a way, and of one that takes a good part of a second: criterion takes no fewer.
const SAMPLES: usize = 20;
const FEWEST: usize = 10;

/// So many rows take a good part of a second whatever is done to them.
const MANY: usize = 1_000_000;

/// Criterion, with times that let all benches end within minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(SAMPLES)
        .nresamples(10_000)
        .output_directory(&metrics::folder())
        .configure_from_args()
}

/// Ways to do the same to a table of some size.
pub struct Comparison<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    name: String,
    size: u64,
    samples: usize,
}

impl<'a> Comparison<'a> {
    /// Over so many rows.
    pub fn new(criterion: &'a mut Criterion, name: impl Into<String>, rows: usize) -> Comparison<'a> {
        Comparison::nominal(criterion, name, rows, rows)
    }

    /// Over so many rows in a table that is called one of `size` rows: a live one has a few more.
    pub fn nominal(criterion: &'a mut Criterion, name: impl Into<String>, size: usize, rows: usize) -> Comparison<'a> {
        let name = name.into();
        let mut group = criterion.benchmark_group(&name);
        // Nearly all that is measured on Windows asks Wine for a table.
        let samples = if cfg!(windows) || rows >= MANY { FEWEST } else { SAMPLES };
        group.throughput(Throughput::Elements(rows as u64)).sample_size(samples);
        Comparison { group, name, size: size as u64, samples }
    }

    /// Measures one way, and counts what it allocates when it has been gone before: the least of three times, as on a live
    /// machine others come and go meanwhile.
    pub fn time<T>(&mut self, way: &str, mut work: impl FnMut() -> T) {
        let (name, size) = (&self.name, self.size);
        let mut counted = false;
        self.group.bench_function(BenchmarkId::new(way, size), |bench| {
            if !counted {
                drop(black_box(work()));
                let count = (0..3).map(|_| allocations::during(|| drop(black_box(work())))).min();
                metrics::note(name, way, size, "allocations", count.expect("one of three"));
                counted = true;
            }
            bench.iter(&mut work);
        });
    }

    /// The same for something that takes a good part of a second.
    pub fn time_slow<T>(&mut self, way: &str, work: impl FnMut() -> T) {
        self.group.sample_size(FEWEST).sampling_mode(SamplingMode::Flat);
        self.time(way, work);
        self.group.sample_size(self.samples).sampling_mode(SamplingMode::Auto);
    }

    /// The same for something that has to be made ready each time, which is not measured.
    pub fn time_after<S, T>(&mut self, way: &str, mut ready: impl FnMut() -> S, mut work: impl FnMut(S) -> T) {
        let (name, size) = (&self.name, self.size);
        let mut counted = false;
        self.group.bench_function(BenchmarkId::new(way, size), |bench| {
            if !counted {
                drop(black_box(work(ready())));
                let mut count = || {
                    let state = ready();
                    allocations::during(|| drop(black_box(work(state))))
                };
                let counts = [count(), count(), count()];
                metrics::note(name, way, size, "allocations", counts.into_iter().min().expect("one of three"));
                counted = true;
            }
            bench.iter_batched(&mut ready, &mut work, BatchSize::PerIteration);
        });
    }

    /// Notes a fact about one way.
    pub fn note(&self, way: &str, what: &str, value: impl ToString) {
        metrics::note(&self.name, way, self.size, what, value);
    }
}
