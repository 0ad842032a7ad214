//! What a worker counts of itself, for others to read at any time.
//!
//! Each word has one writer, the worker, whose addition is a plain load and a plain store: no
//! read-modify-write, and no line that anybody else writes. Readers add up over the workers, and
//! see each word at some moment of its past, never going down.
//!
//! # Invariants
//!
//! 1. Only the worker at whose place the counters are writes them, on its own thread. A spare
//!    worker that comes to a place later goes on where the former one stopped: its OS thread is
//!    started after that one was joined.

use super::atomic::{AtomicU64, Ordering};
use super::histogram::{self, BUCKETS, Histogram};
use std::array;

/// A number that its one writer counts up.
#[derive(Debug)]
pub(crate) struct Tally(AtomicU64);

/// A histogram that its one writer fills.
#[derive(Debug)]
pub(crate) struct Distribution {
    counts: [Tally; BUCKETS],
    sum_nanos: Tally,
    longest_nanos: Tally,
}

/// What one worker counts. On cache lines of its own, and not next to what others write: two at a
/// time are fetched.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Counters {
    /// Green threads that were spawned here; they may have started elsewhere.
    pub(super) spawned: Tally,
    /// Green threads that have ended here, or were discarded here.
    pub(super) ended: Tally,
    pub(super) panicked: Tally,
    pub(super) killed: Tally,
    pub(super) switches: Tally,
    /// Sleeps that are over.
    pub(super) wakeups: Tally,
    /// Successful looks into other workers' queues.
    pub(super) steals: Tally,
    pub(super) timers_armed: Tally,
    pub(super) timers_fired: Tally,
    pub(super) events: Tally,
    /// How long somebody ran until the next one could.
    pub(super) slices: Distribution,
    /// How long somebody who could run waited for his turn.
    pub(super) delays: Distribution,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally(AtomicU64::new(0))
    }

    /// Writer only (invariant 1).
    #[inline]
    pub(super) fn add(&self, count: u64) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.wrapping_add(count), Ordering::Relaxed);
    }

    /// Sets what is counted elsewhere. Writer only, and never to less.
    pub(super) fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Distribution {
    fn new() -> Distribution {
        Distribution {
            counts: array::from_fn(|_| Tally::new()),
            sum_nanos: Tally::new(),
            longest_nanos: Tally::new(),
        }
    }

    /// Counts a duration so many times. Writer only.
    pub(super) fn record(&self, nanos: u64, times: u64) {
        self.counts[histogram::bucket_of(nanos)].add(times);
        self.sum_nanos.add(nanos.saturating_mul(times));
        if nanos > self.longest_nanos.get() {
            self.longest_nanos.set(nanos);
        }
    }

    pub(super) fn snapshot(&self) -> Histogram {
        let counts = array::from_fn(|bucket| self.counts[bucket].get());
        Histogram::new(counts, self.sum_nanos.get(), self.longest_nanos.get())
    }
}

impl Counters {
    pub(super) fn new() -> Counters {
        Counters {
            spawned: Tally::new(),
            ended: Tally::new(),
            panicked: Tally::new(),
            killed: Tally::new(),
            switches: Tally::new(),
            wakeups: Tally::new(),
            steals: Tally::new(),
            timers_armed: Tally::new(),
            timers_fired: Tally::new(),
            events: Tally::new(),
            slices: Distribution::new(),
            delays: Distribution::new(),
        }
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_a_reader_never_sees_a_tally_go_down_and_nothing_is_lost() {
        loom::model(|| {
            let tally = Arc::new(Tally::new());
            let its_own = tally.clone();
            let first = thread::spawn(move || {
                its_own.add(1);
                its_own.add(2);
            });
            let seen = [tally.get(), tally.get()];
            assert!(seen[0] <= seen[1] && [0, 1, 3].contains(&seen[1]));
            first.join().unwrap();
            // The next spare worker at this place (invariant 1).
            let its_own = tally.clone();
            thread::spawn(move || its_own.add(4)).join().unwrap();
            assert_eq!(tally.get(), 7);
        });
    }
}
