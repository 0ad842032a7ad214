//! The one door through which time is read that deadlines are made of and compared with.
//!
//! What a green thread of a simulated runtime (`simulation`) reads here is that runtime's virtual
//! clock; every other thread reads the system's. A virtual clock shows `Instant`s like any other:
//! it starts with the system's time, stands still while somebody runs, and is moved by its worker
//! alone. So nothing that takes or compares an `Instant` knows of it.
//!
//! While there is no virtual clock in the process, to ask costs a look at a word that nobody
//! writes.
//!
//! # Orderings
//!
//! Relaxed throughout. A virtual clock is moved by the worker on which all who read it run. The
//! number of clocks goes up before that worker's OS thread is spawned.

use super::atomic::{AtomicU64, AtomicUsize, Ordering};
use super::worker::Worker;
use std::time::{Duration, Instant, SystemTime};

/// Virtual clocks in this process.
static VIRTUAL: AtomicUsize = AtomicUsize::new(0);

/// How far a virtual clock goes: a deadline beyond a century stands for "never" (`builder`,
/// `time::Ticker`), and is never jumped to.
const HORIZON: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A clock that is moved by hand.
#[derive(Debug)]
pub(super) struct VirtualClock {
    start: Instant,
    start_of_day: SystemTime,
    elapsed_nanos: AtomicU64,
}

/// What time it is for the calling thread.
#[inline]
pub(crate) fn now() -> Instant {
    if VIRTUAL.load(Ordering::Relaxed) == 0 {
        return Instant::now();
    }
    shown().unwrap_or_else(Instant::now)
}

/// [`now`] for one who has just read the system's clock.
#[inline]
pub(super) fn now_at(real: Instant) -> Instant {
    if VIRTUAL.load(Ordering::Relaxed) == 0 {
        return real;
    }
    shown().unwrap_or(real)
}

/// The time of day for the calling thread.
pub(crate) fn time_of_day() -> SystemTime {
    match Worker::current().and_then(|worker| worker.shared().simulation()) {
        Some(simulation) => simulation.clock.time_of_day(),
        None => SystemTime::now(),
    }
}

/// What the virtual clock of the calling thread shows, if it has one.
#[cold]
fn shown() -> Option<Instant> {
    Some(Worker::current()?.shared().simulation()?.clock.now())
}

impl VirtualClock {
    pub(super) fn new() -> VirtualClock {
        VIRTUAL.fetch_add(1, Ordering::Relaxed);
        VirtualClock {
            start: Instant::now(),
            start_of_day: SystemTime::now(),
            elapsed_nanos: AtomicU64::new(0),
        }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_nanos.load(Ordering::Relaxed))
    }

    pub(super) fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn time_of_day(&self) -> SystemTime {
        self.start_of_day + self.elapsed()
    }

    /// Whether the clock goes as far as that.
    pub(super) fn reaches(&self, time: Instant) -> bool {
        time.saturating_duration_since(self.start) < HORIZON
    }

    /// Moves the clock on; it never goes back. Worker only.
    pub(super) fn advance_to(&self, time: Instant) {
        let elapsed = time.saturating_duration_since(self.start).as_nanos();
        let elapsed = u64::try_from(elapsed).expect("the horizon is within 584 years");
        self.elapsed_nanos.fetch_max(elapsed, Ordering::Relaxed);
    }
}

impl Drop for VirtualClock {
    fn drop(&mut self) {
        VIRTUAL.fetch_sub(1, Ordering::Relaxed);
    }
}
