//! When the stacks that nobody uses give their memory back.
//!
//! A burst of green threads often comes again, and memory that was given back has to be faulted in
//! anew, a microsecond and more for each stack. So time goes by in periods, and at the end of one
//! those slots are settled that were not needed once in all of it. Slots are used last in, first
//! out, so their number is the least that the shelf held: its low-water mark.
//!
//! Periods begin when slots come back and end with the last of them settled, so that an idle
//! process, after it has been woken once or twice for this, is not woken again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::pool::StackPool;
use super::shelf::Shelf;

/// How long a slot has to be unused. Longer than the pauses of a load that comes in bursts, short
/// beside the minutes in which an operator looks at the memory of a process.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

impl StackPool {
    /// Whether there may be slots to settle, now or later. A load.
    #[inline]
    pub(crate) fn has_unsettled(&self) -> bool {
        // Relaxed: whoever puts slots back just after this looks at his own next turn.
        self.has_returned.load(Ordering::Relaxed)
    }

    /// Settles up to `count_max` of the slots that went unused for a period. Returns when to call
    /// again: `now` if more are due, `None` if nothing is left.
    ///
    /// A worker calls it before it sleeps, and each time it polls its reactor in a busy loop, with
    /// a count that fits its slice: a slot takes 0.3 to 0.5 µs, in batches of 64 and more.
    pub(crate) fn settle_unused(&self, count_max: usize, now: Instant) -> Option<Instant> {
        if !self.has_unsettled() {
            return None;
        }
        let mut end = self.period_end.lock();
        match *end {
            Some(end) if now < end => return Some(end),
            Some(_) if self.settle_some(count_max, Shelf::unused) == count_max => return Some(now),
            Some(_) | None => {}
        }
        // Cleared before looking: the shelves' locks order the flag of slots that we miss after it.
        self.has_returned.store(false, Ordering::Relaxed);
        let is_any_left = self.begin_period();
        if is_any_left {
            self.has_returned.store(true, Ordering::Relaxed);
        }
        *end = is_any_left.then(|| now + PERIOD);
        *end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stack::{Config, LocalCache, SizeClass, Stack};

    const COUNT: usize = 8 * LocalCache::CAPACITY;

    fn fill(pool: &StackPool) {
        pool.reserve(SizeClass::DEFAULT, COUNT).expect("there is address space");
        let stacks: Vec<Stack> =
            (0..COUNT).map(|_| pool.take(SizeClass::DEFAULT).expect("reserved")).collect();
        stacks.into_iter().for_each(|stack| pool.put(stack));
    }

    #[test]
    fn unused_slots_are_settled_after_a_whole_period_and_then_nothing_is_left_to_do() {
        let pool = StackPool::new(Config::default()).expect("nothing is mapped yet");
        let start = Instant::now();
        assert_eq!(pool.settle_unused(16, start), None, "no slot has come back yet");
        fill(&pool);
        let end = pool.settle_unused(16, start).expect("slots have come back");
        assert_eq!(end, start + PERIOD);
        assert_eq!(pool.settle_unused(16, end - Duration::from_nanos(1)), Some(end));
        assert_eq!(pool.statistics().returned, COUNT);
        let calls = (0..COUNT).take_while(|_| pool.settle_unused(16, end) == Some(end)).count();
        assert!(calls >= COUNT / 16, "16 at a time");
        assert_eq!(pool.statistics().returned, 0);
        assert_eq!(pool.settle_unused(16, end + PERIOD), None);
    }

    #[test]
    fn slots_that_were_used_in_the_period_are_kept() {
        let pool = StackPool::new(Config::default()).expect("nothing is mapped yet");
        let start = Instant::now();
        fill(&pool);
        let end = pool.settle_unused(usize::MAX, start).expect("slots have come back");
        let used: Vec<Stack> =
            (0..10).map(|_| pool.take(SizeClass::DEFAULT).expect("reserved")).collect();
        used.into_iter().for_each(|stack| pool.put(stack));
        let next = pool.settle_unused(usize::MAX, end).expect("10 are left");
        assert_eq!(pool.statistics().returned, 10);
        assert_eq!(next, end + PERIOD);
        assert_eq!(pool.settle_unused(usize::MAX, next), None);
        assert_eq!(pool.statistics().returned, 0);
    }
}
