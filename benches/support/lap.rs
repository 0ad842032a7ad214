//! A stopwatch shared by many green threads: from the first that enters to the last that leaves.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The stopwatch. All orderings are relaxed: joining the threads orders the figures.
#[derive(Debug, Default)]
pub struct Lap {
    start: OnceLock<Instant>,
    last_nanos: AtomicU64,
}

impl Lap {
    /// Starts the clock, if nobody has yet.
    pub fn enter(&self) {
        self.start.get_or_init(Instant::now);
    }

    /// Notes the time, if nobody has left later.
    pub fn leave(&self) {
        let start = self.start.get().expect("a thread enters before it leaves");
        self.last_nanos.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Nanoseconds from the first entry to the last exit.
    pub fn nanos(&self) -> f64 {
        self.last_nanos.load(Ordering::Relaxed) as f64
    }
}

/// Runs once to warm up, then `repeats` times; the median.
pub fn median_of_repeats(repeats: usize, mut run: impl FnMut() -> f64) -> f64 {
    run();
    let values = (0..repeats).map(|_| run()).collect();
    super::report::median(values).expect("a bench repeats at least once")
}
