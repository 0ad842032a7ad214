//! Tickers: something that is due again and again.
//!
//! A ticker is a deadline that moves on. It has no thread, no timer and no queue: a tick costs
//! something only while somebody waits for it.

use super::now;
use crate::thread;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

/// A tick that is later than this is late for [`MissedTicks::Delay`], and not just as late as any
/// wake-up is. tokio's figure.
const PUNCTUAL: Duration = Duration::from_millis(5);

/// What a [`Ticker`] does about the ticks that nobody has waited for in time.
///
/// As tokio's `MissedTickBehavior`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// Gives all of them, one right after the other, until it has caught up: the number of ticks
    /// is right in the end.
    #[default]
    Burst,
    /// Gives one of them, and lets the next be due a period after that: between two ticks there is
    /// about a period at least.
    Delay,
    /// Gives one of them, and leaves the others out: each tick is due at a multiple of the period
    /// after the first.
    Skip,
}

/// Ticks once in each period. Made by [`interval`] and [`Ticker::new`].
///
/// [`tick`](Ticker::tick) parks a green thread and blocks an OS thread. Nothing ticks early. Ticks
/// that were missed come in a [`Burst`](MissedTicks::Burst) unless told otherwise. As an iterator a
/// ticker never ends.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::time::{Duration, Instant, Ticker};
///
/// let start = Instant::now();
/// for tick in Ticker::new(Duration::from_millis(2)).take(3) {
///     assert!(tick <= Instant::now());
/// }
/// assert!(start.elapsed() >= Duration::from_millis(6));
/// ```
#[derive(Clone, Debug)]
pub struct Ticker {
    next: Instant,
    period: Duration,
    missed_ticks: MissedTicks,
}

/// Makes a ticker whose first tick is due at once, and each further one a `period` later.
///
/// As tokio's `interval`. See [`Ticker::new`] for one that begins with a wait.
///
/// # Panics
///
/// If `period` is zero.
#[must_use]
#[track_caller]
pub fn interval(period: Duration) -> Ticker {
    Ticker::starting_at(now(), period)
}

impl Ticker {
    /// Makes a ticker whose first tick is due in a `period`, and each further one a `period` later.
    ///
    /// As Go's `time.NewTicker`.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[must_use]
    #[track_caller]
    pub fn new(period: Duration) -> Ticker {
        Ticker::starting_at(after(now(), period), period)
    }

    /// Makes a ticker whose first tick is due at `start`, and each further one a `period` later.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[must_use]
    #[track_caller]
    pub fn starting_at(start: Instant, period: Duration) -> Ticker {
        assert!(!period.is_zero(), "the period of a ticker is zero");
        Ticker { next: start, period, missed_ticks: MissedTicks::default() }
    }

    /// Sets what happens to ticks that nobody has waited for in time.
    #[must_use]
    pub fn missed_ticks(mut self, missed_ticks: MissedTicks) -> Ticker {
        self.missed_ticks = missed_ticks;
        self
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// When the next tick is due.
    #[must_use]
    pub fn next_tick(&self) -> Instant {
        self.next
    }

    /// Blocks the calling thread until the next tick is due, and returns when it was.
    ///
    /// A wait that is ended by a kill or a timeout scope takes no tick away.
    pub fn tick(&mut self) -> Instant {
        thread::sleep_until(self.next);
        self.advance(now())
    }

    /// [`tick`](Ticker::tick) for at most `timeout`. `None` if no tick was due in time; it is not
    /// lost.
    pub fn tick_timeout(&mut self, timeout: Duration) -> Option<Instant> {
        match now().checked_add(timeout) {
            Some(deadline) => self.tick_until(deadline),
            None => Some(self.tick()),
        }
    }

    /// [`tick`](Ticker::tick) until `deadline`. `None` if no tick was due in time; it is not lost.
    pub fn tick_until(&mut self, deadline: Instant) -> Option<Instant> {
        thread::sleep_until(self.next.min(deadline));
        self.try_tick()
    }

    /// The tick that is due, if one is. Never blocks.
    pub fn try_tick(&mut self) -> Option<Instant> {
        let now = now();
        (self.next <= now).then(|| self.advance(now))
    }

    /// Begins anew: the next tick is due a period from now.
    pub fn reset(&mut self) {
        self.next = after(now(), self.period);
    }

    /// Moves on from a tick that is due. Returns when it was.
    fn advance(&mut self, now: Instant) -> Instant {
        let tick = self.next;
        let late = now.saturating_duration_since(tick);
        self.next = match self.missed_ticks {
            MissedTicks::Delay if late >= PUNCTUAL.min(self.period) => after(now, self.period),
            MissedTicks::Skip => {
                // The periods that are over since the tick, as far as they are whole.
                let part = late.as_nanos() % self.period.as_nanos();
                after(now, self.period) - nanoseconds(part)
            }
            MissedTicks::Burst | MissedTicks::Delay => after(tick, self.period),
        };
        tick
    }
}

/// A period after `instant`. What no clock will ever show is never due.
fn after(instant: Instant, period: Duration) -> Instant {
    /// A century or so: `Instant` has no largest value to ask for.
    const NEVER: Duration = Duration::from_secs(1 << 32);
    instant.checked_add(period).unwrap_or_else(|| instant + NEVER)
}

fn nanoseconds(count: u128) -> Duration {
    const PER_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(count / PER_SECOND).unwrap_or(u64::MAX);
    Duration::new(seconds, (count % PER_SECOND) as u32)
}

impl Iterator for Ticker {
    type Item = Instant;

    /// [`tick`](Ticker::tick), for ever.
    fn next(&mut self) -> Option<Instant> {
        Some(self.tick())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Ticker {}
