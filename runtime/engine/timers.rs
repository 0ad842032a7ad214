//! The timers of one worker: when to wake whom.
//!
//! A queue and a 4-ary heap of keys beside a slab of timers. Most timeouts never fire: a connection
//! sets a deadline for each read, and each is later than the one before. So a disarmed or postponed
//! timer leaves its entry where it is; when that comes up it is dropped, or put back with the
//! deadline that holds by then. Arming again costs a store, and there is one entry for each waiter
//! and timeout length instead of one for each read.
//!
//! Most timeouts also have the same few lengths, so their deadlines come in rising order. As long
//! as they do they form a queue, and nothing is sorted at all; what comes out of order goes to the
//! heap.
//!
//! Deadlines are exact (nanoseconds since the start of the worker); nothing fires early.
//!
//! # Invariants
//!
//! 1. An armed timer has a live entry, with a key no later than its deadline.
//! 2. An entry is live if its sequence number is its timer's; all others are dropped when they
//!    come up, and swept out as soon as they outnumber the timers.

use slab::Slab;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Entries that may be dead before a sweep is worth it.
const SWEEP_FLOOR: usize = 64;

/// A timer's place in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey(u32);

#[derive(Debug)]
struct Timer<T> {
    /// When to fire; `None` while disarmed.
    deadline: Option<u64>,
    /// Key of the live entry, if there is one.
    entry: Option<u64>,
    sequence: u32,
    target: T,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    timer: u32,
    sequence: u32,
}

/// Timers whose targets are `T`.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    epoch: Instant,
    timers: Slab<Timer<T>>,
    /// Entries in rising order.
    queue: VecDeque<Entry>,
    /// Entries that came too late for the queue.
    heap: Vec<Entry>,
    /// Goes up with each entry, so that an entry of a former timer in the same place is dead.
    sequence: u32,
}

impl<T> Timers<T> {
    /// No timers yet; no deadline will be before `epoch`.
    pub(crate) fn new(epoch: Instant) -> Timers<T> {
        Timers { epoch, timers: Slab::new(), queue: VecDeque::new(), heap: Vec::new(), sequence: 0 }
    }

    /// Makes a place for a target, disarmed.
    pub(crate) fn insert(&mut self, target: T) -> TimerKey {
        let timer = Timer { deadline: None, entry: None, sequence: 0, target };
        let key = self.timers.insert(timer);
        TimerKey(u32::try_from(key).expect("fewer than 2^32 green threads fit into memory"))
    }

    /// Gives the place up, armed or not.
    pub(crate) fn remove(&mut self, key: TimerKey) -> T {
        self.timers.remove(key.0 as usize).target
    }

    /// Sets when the target is to be fired, once.
    pub(crate) fn arm(&mut self, key: TimerKey, deadline: Instant) {
        let deadline = self.nanos_at(deadline);
        let timer = &mut self.timers[key.0 as usize];
        timer.deadline = Some(deadline);
        if timer.entry.is_none_or(|entry| deadline < entry) {
            self.push_entry(key.0, deadline);
        }
    }

    /// Takes the deadline back.
    pub(crate) fn disarm(&mut self, key: TimerKey) {
        self.timers[key.0 as usize].deadline = None;
    }

    /// Whether no entry waits: then the clock need not be read.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.heap.is_empty()
    }

    /// Whether any timer is armed. Looks at all of them, if need be.
    pub(crate) fn has_armed(&self) -> bool {
        self.timers.iter().any(|(_, timer)| timer.deadline.is_some())
    }

    /// Calls `each` with the targets of all timers that are armed.
    pub(crate) fn for_each_armed(&self, mut each: impl FnMut(&T)) {
        let armed = self.timers.iter().filter(|(_, timer)| timer.deadline.is_some());
        armed.for_each(|(_, timer)| each(&timer.target));
    }

    /// When to look again. Possibly too early, never too late.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.first().map(|entry| self.epoch + Duration::from_nanos(entry.key))
    }

    fn first(&self) -> Option<&Entry> {
        match (self.queue.front(), self.heap.first()) {
            (Some(queued), Some(heaped)) => {
                Some(if queued.key <= heaped.key { queued } else { heaped })
            }
            (queued, heaped) => queued.or(heaped),
        }
    }

    /// Fires what is due at `now`, in the order of the deadlines.
    pub(crate) fn fire(&mut self, now: Instant, mut each: impl FnMut(TimerKey, &T)) {
        let now = now.saturating_duration_since(self.epoch).as_nanos() as u64;
        while let Some(entry) = self.pop_due(now) {
            let Some(timer) = self.timers.get_mut(entry.timer as usize) else { continue };
            if timer.entry.is_none() || timer.sequence != entry.sequence {
                continue;
            }
            timer.entry = None;
            match timer.deadline {
                Some(deadline) if deadline > now => self.push_entry(entry.timer, deadline),
                Some(_) => {
                    timer.deadline = None;
                    each(TimerKey(entry.timer), &timer.target);
                }
                None => {}
            }
        }
    }

    /// Nanoseconds since the epoch, rounded away from "early": 584 years fit.
    fn nanos_at(&self, deadline: Instant) -> u64 {
        let since = deadline.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    fn push_entry(&mut self, timer: u32, key: u64) {
        if self.queue.len() + self.heap.len() > 2 * self.timers.len() + SWEEP_FLOOR {
            self.sweep();
        }
        self.sequence = self.sequence.wrapping_add(1);
        let slot = &mut self.timers[timer as usize];
        slot.entry = Some(key);
        slot.sequence = self.sequence;
        let entry = Entry { key, timer, sequence: self.sequence };
        if self.queue.back().is_none_or(|last| last.key <= key) {
            self.queue.push_back(entry);
        } else {
            self.heap.push(entry);
            self.sift_up(self.heap.len() - 1);
        }
    }

    /// Takes out the first entry, if its time has come.
    fn pop_due(&mut self, now: u64) -> Option<Entry> {
        let queued = self.queue.front().map_or(u64::MAX, |entry| entry.key);
        let heaped = self.heap.first().map_or(u64::MAX, |entry| entry.key);
        if queued.min(heaped) > now {
            return None;
        }
        if queued <= heaped {
            return self.queue.pop_front();
        }
        let entry = self.heap.swap_remove(0);
        self.sift_down(0);
        Some(entry)
    }

    /// Drops the dead entries (invariant 2). Amortised: at least half of them are dead.
    fn sweep(&mut self) {
        let timers = &self.timers;
        let is_live = |entry: &Entry| {
            timers
                .get(entry.timer as usize)
                .is_some_and(|timer| timer.entry.is_some() && timer.sequence == entry.sequence)
        };
        self.queue.retain(is_live);
        self.heap.retain(is_live);
        for index in (0..self.heap.len().div_ceil(4)).rev() {
            self.sift_down(index);
        }
    }

    fn sift_up(&mut self, mut index: usize) {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / 4;
            if self.heap[parent].key <= entry.key {
                break;
            }
            self.heap[index] = self.heap[parent];
            index = parent;
        }
        self.heap[index] = entry;
    }

    fn sift_down(&mut self, mut index: usize) {
        let Some(&entry) = self.heap.get(index) else { return };
        loop {
            let first = 4 * index + 1;
            let children = self.heap.len().min(first + 4);
            let Some(least) = (first..children).min_by_key(|&child| self.heap[child].key) else {
                break;
            };
            if self.heap[least].key >= entry.key {
                break;
            }
            self.heap[index] = self.heap[least];
            index = least;
        }
        self.heap[index] = entry;
    }
}

#[cfg(test)]
impl<T> Timers<T> {
    /// Entries, dead or alive.
    pub(crate) fn entries(&self) -> usize {
        self.queue.len() + self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(timers: &mut Timers<u32>, at: Instant) -> Vec<u32> {
        let mut fired = Vec::new();
        timers.fire(at, |_, &target| fired.push(target));
        fired
    }

    #[test]
    fn nothing_fires_early_and_everything_in_order() {
        let mut timers = Timers::new(Instant::now());
        let start = timers.epoch;
        // A fixed permutation of 0..1000 (7 and 1000 are coprime).
        for number in (0..1000).map(|n| n * 7 % 1000) {
            let key = timers.insert(number);
            timers.arm(key, start + Duration::from_micros(u64::from(number)));
        }
        let mut seen = Vec::new();
        for micros in 0..1000 {
            let at = start + Duration::from_micros(micros);
            let just_before = at - Duration::from_nanos(u64::from(micros > 0));
            assert!(micros == 0 || fired(&mut timers, just_before).is_empty());
            seen.extend(fired(&mut timers, at));
        }
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
        assert!(timers.is_idle());
    }

    #[test]
    fn postponed_deadline_costs_no_entry_and_holds() {
        let mut timers = Timers::new(Instant::now());
        let start = timers.epoch;
        let key = timers.insert(1);
        for second in 1..10_000 {
            timers.arm(key, start + Duration::from_secs(second));
            assert_eq!(timers.queue.len() + timers.heap.len(), 1);
            timers.disarm(key);
        }
        timers.arm(key, start + Duration::from_secs(10_000));
        assert!(fired(&mut timers, start + Duration::from_secs(9_999)).is_empty());
        assert_eq!(fired(&mut timers, start + Duration::from_secs(10_000)), [1]);
    }

    #[test]
    fn earlier_deadline_overtakes() {
        let mut timers = Timers::new(Instant::now());
        let start = timers.epoch;
        let key = timers.insert(1);
        timers.arm(key, start + Duration::from_secs(30));
        timers.arm(key, start + Duration::from_secs(1));
        assert_eq!(fired(&mut timers, start + Duration::from_secs(1)), [1]);
        assert!(fired(&mut timers, start + Duration::from_secs(60)).is_empty());
    }

    #[test]
    fn dead_entries_are_swept_out() {
        let mut timers = Timers::new(Instant::now());
        let start = timers.epoch;
        let key = timers.insert(1);
        let mut now = start;
        for _ in 0..100_000 {
            timers.arm(key, now + Duration::from_secs(30));
            timers.arm(key, now + Duration::from_micros(1));
            now += Duration::from_micros(1);
            assert_eq!(fired(&mut timers, now), [1]);
            assert!(timers.queue.len() + timers.heap.len() <= 2 * SWEEP_FLOOR + 4);
        }
    }

    #[test]
    fn removed_timer_never_fires_for_its_successor() {
        let mut timers = Timers::new(Instant::now());
        let start = timers.epoch;
        let first = timers.insert(1);
        timers.arm(first, start + Duration::from_secs(1));
        assert_eq!(timers.remove(first), 1);
        let second = timers.insert(2);
        assert_eq!(first, second, "the place is reused");
        timers.arm(second, start + Duration::from_secs(2));
        assert!(fired(&mut timers, start + Duration::from_secs(1)).is_empty());
        assert_eq!(fired(&mut timers, start + Duration::from_secs(2)), [2]);
    }

    #[test]
    fn deadlines_beyond_the_clock_are_kept() {
        let mut timers = Timers::new(Instant::now());
        let key = timers.insert(1);
        let start = timers.epoch;
        timers.arm(key, start + Duration::from_secs(600 * 365 * 86_400));
        assert!(fired(&mut timers, start + Duration::from_secs(1)).is_empty());
        assert!(timers.next().is_some());
    }
}
