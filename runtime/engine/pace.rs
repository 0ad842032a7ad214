//! How a worker counts its switches: when to look at timers and reactor, and what another thread
//! may see of its progress.
//!
//! Reading the clock costs more than a switch, so it is read at the looks only: each sets the
//! number of switches to the next from how long the last ones took. The countdown, the number of
//! looks and the fiber that runs lie apart, in the [`Pulse`], because the monitor reads them from
//! its own thread: two samples that are equal have no switch between them.
//!
//! # Orderings
//!
//! Only the worker writes. `enter` releases, so that whoever sees a fiber sees the count at which
//! it was resumed, even if a former fiber had the same address. What is freed after a fiber has
//! returned is freed after the `Release` fence of `ended`: who read some of that memory afterwards
//! finds another pulse (a seqlock, see `monitor::identity`). On x86-64 all of this is plain moves.

use super::atomic::{AtomicPtr, AtomicU32, Ordering, fence};
use super::coarse;
use super::fiber::Header;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// Switches between two looks at timers and reactor: Go's and tokio's figure for the same purpose.
const SWITCHES_AT_MOST: u32 = 61;

/// Time between two looks, as far as the last interval predicts the next.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a worker does at the moment, for other threads to see.
#[derive(Debug)]
pub(crate) struct Pulse {
    fiber: AtomicPtr<Header>,
    /// Switches until the next look.
    left: AtomicU32,
    /// Looks and sleeps until now; it wraps around.
    looks: AtomicU32,
    /// When the worker last looked or woke up (`coarse`).
    time: AtomicU32,
}

/// A pulse at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) fiber: *mut Header,
    left: u32,
    looks: u32,
}

/// How many switches until the next look at timers and reactor.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Cell<u32>,
    /// Switches of this interval that somebody was told of.
    told: Cell<u32>,
    last_look: Cell<Instant>,
    /// The worker has slept since the last look, so the time since then predicts nothing.
    has_slept: Cell<bool>,
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse {
            fiber: AtomicPtr::new(ptr::null_mut()),
            left: AtomicU32::new(SWITCHES_AT_MOST),
            looks: AtomicU32::new(0),
            time: AtomicU32::new(coarse::now()),
        }
    }

    /// The fiber that runs. Worker only.
    #[inline]
    pub(super) fn fiber(&self) -> Option<NonNull<Header>> {
        NonNull::new(self.fiber.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn enter(&self, fiber: NonNull<Header>) {
        self.fiber.store(fiber.as_ptr(), Ordering::Release);
    }

    #[inline]
    pub(super) fn leave(&self) {
        self.fiber.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// To be called between the last `leave` of a fiber and the freeing of anything of it.
    #[inline]
    pub(super) fn ended(&self) {
        fence(Ordering::Release);
    }

    /// Counts a switch. True if it is time to look.
    #[inline]
    pub(super) fn count(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed) - 1;
        self.left.store(left, Ordering::Relaxed);
        left == 0
    }

    /// Begins a new interval.
    fn begin(&self, left: u32) {
        self.left.store(left, Ordering::Relaxed);
        self.go_on();
    }

    /// Says that the fiber has not stopped the worker, though nobody else has run: it has waited
    /// on its own stack. Worker only.
    pub(super) fn go_on(&self) {
        let looks = self.looks.load(Ordering::Relaxed).wrapping_add(1);
        self.looks.store(looks, Ordering::Relaxed);
    }

    /// When the worker last looked or woke up: what it takes for now. From any thread.
    #[inline]
    pub(super) fn time(&self) -> u32 {
        self.time.load(Ordering::Relaxed)
    }

    /// Worker only.
    pub(super) fn set_time(&self, time: u32) {
        self.time.store(time, Ordering::Relaxed);
    }

    /// From any thread.
    pub(super) fn beat(&self) -> Beat {
        // Acquire pairs with `enter`.
        let fiber = self.fiber.load(Ordering::Acquire);
        let left = self.left.load(Ordering::Relaxed);
        Beat { fiber, left, looks: self.looks.load(Ordering::Relaxed) }
    }
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace {
            interval: Cell::new(SWITCHES_AT_MOST),
            told: Cell::new(0),
            last_look: Cell::new(Instant::now()),
            has_slept: Cell::new(false),
        }
    }

    /// Makes the next switch the one after which to look.
    pub(super) fn look_next(&self, pulse: &Pulse) {
        let left = pulse.left.load(Ordering::Relaxed);
        pulse.left.store(1, Ordering::Relaxed);
        self.interval.set(self.interval.get() - left + 1);
    }

    /// How many switches there were that nobody was told of yet.
    pub(super) fn tell(&self, pulse: &Pulse) -> u32 {
        let count = self.interval.get() - pulse.left.load(Ordering::Relaxed);
        count - self.told.replace(count)
    }

    /// When the worker looked last.
    pub(super) fn last_look(&self) -> Instant {
        self.last_look.get()
    }

    /// Sets the interval to the next look, which the switches since the last one predict. Returns
    /// how many of those nobody was told of yet; and how many there were and how long they took
    /// together, if that is known.
    pub(super) fn looked(&self, pulse: &Pulse, now: Instant) -> (u32, Option<(u32, Duration)>) {
        let elapsed = now.saturating_duration_since(self.last_look.replace(now));
        let count = self.tell(pulse);
        self.told.set(0);
        if self.has_slept.replace(false) {
            pulse.begin(self.interval.get());
            return (count, None);
        }
        let switches = self.interval.get();
        let interval = interval_after(switches, elapsed);
        self.interval.set(interval);
        pulse.begin(interval);
        (count, Some((switches, elapsed)))
    }

    /// Ends an interval before a wait in the reactor. Returns how many switches there were in it
    /// that nobody was told of yet.
    pub(super) fn pause(&self, pulse: &Pulse) -> u32 {
        let count = self.tell(pulse);
        self.told.set(0);
        pulse.begin(self.interval.get());
        count
    }

    /// The worker's thread was somebody else's for a while, which predicts nothing.
    pub(super) fn paused(&self) {
        self.has_slept.set(true);
    }

    /// Starts anew after a wait in the reactor, which was a look as well.
    pub(super) fn slept(&self, pulse: &Pulse) {
        self.has_slept.set(true);
        pulse.begin(self.interval.get());
    }
}

/// How many switches fit between two looks, if each takes as long as the last ones.
fn interval_after(switches: u32, elapsed: Duration) -> u32 {
    // As a rule, and without a division.
    if elapsed <= LOOK_EVERY / SWITCHES_AT_MOST * switches {
        return SWITCHES_AT_MOST;
    }
    let fit = LOOK_EVERY.as_nanos() * u128::from(switches) / elapsed.as_nanos();
    (fit as u32).clamp(1, SWITCHES_AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_switches_as_take_a_millisecond() {
        let micros = Duration::from_micros;
        assert_eq!(interval_after(61, Duration::ZERO), 61);
        assert_eq!(interval_after(61, micros(976)), 61);
        assert_eq!(interval_after(61, micros(1_220)), 50);
        assert_eq!(interval_after(61, micros(61_000)), 1);
        assert_eq!(interval_after(61, Duration::from_secs(100_000)), 1);
        assert_eq!(interval_after(1, micros(10)), 61);
        assert_eq!(interval_after(1, micros(500)), 2);
        assert_eq!(interval_after(1, micros(1_001)), 1);
    }
}
