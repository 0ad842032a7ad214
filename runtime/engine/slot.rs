//! The readiness slot of one registered descriptor: what epoll has told, and who waits for it.
//!
//! epoll is edge-triggered: each change is told once. So it has to be remembered, and it may be
//! forgotten only by somebody who has seen the kernel say "would block" *after* it.
//!
//! # State
//!
//! | bits of the word | meaning |
//! |---|---|
//! | `READABLE`, `WRITABLE` | told since the last call that would have blocked |
//! | `READ_CLOSED`, `WRITE_CLOSED` | end of stream or error; stays until a call blocks after all |
//! | `URGENT` | out-of-band data was seen: a short read proves nothing any more |
//! | the rest | a tick, one up for each event |
//!
//! # Invariants
//!
//! 1. `clear` forgets a direction only if no event came since the word was observed (the tick).
//! 2. A waiter that was queued is told by the next event of its direction: `post` changes the word
//!    first and takes the waiters second, `enqueue` looks at the word under the same lock.
//!
//! # Orderings
//!
//! The word is changed by read-modify-writes with `AcqRel` and read with `Acquire`. Invariant 2
//! needs no more than the lock: if `enqueue` comes second, the lock makes the new word visible to
//! it; if it comes first, `post` finds the waiter.

use super::atomic::{AtomicU32, Mutex, Ordering};

pub(crate) const READABLE: u32 = 1;
pub(crate) const WRITABLE: u32 = 1 << 1;
pub(crate) const READ_CLOSED: u32 = 1 << 2;
pub(crate) const WRITE_CLOSED: u32 = 1 << 3;
pub(crate) const URGENT: u32 = 1 << 4;
const TICK: u32 = 1 << 8;

/// A direction in which a descriptor can become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Readable, at the end of the stream, or in error.
    Read,
    /// Writable, or in error.
    Write,
}

impl Interest {
    /// The bits that make a call in this direction worth trying.
    fn mask(self) -> u32 {
        match self {
            Interest::Read => READABLE | READ_CLOSED,
            Interest::Write => WRITABLE | WRITE_CLOSED,
        }
    }

    /// The bit that a call which would block takes away.
    fn transient(self) -> u32 {
        match self {
            Interest::Read => READABLE,
            Interest::Write => WRITABLE,
        }
    }
}

/// The word as it was at some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u32);

impl Seen {
    pub(crate) fn is_ready(self, interest: Interest) -> bool {
        self.0 & interest.mask() != 0
    }
}

/// The waiters. One for each direction is the rule, so it needs no allocation, and no memory
/// beyond the cache line of the word.
#[derive(Debug)]
struct Waiters<W> {
    first: [Option<W>; 2],
    #[expect(clippy::box_collection, reason = "a word instead of three; hardly ever there")]
    rest: Option<Box<Vec<(Interest, W)>>>,
}

/// The readiness slot; `W` is who waits.
#[derive(Debug)]
pub(crate) struct Slot<W> {
    word: AtomicU32,
    waiters: Mutex<Waiters<W>>,
}

impl<W> Slot<W> {
    pub(crate) fn new() -> Slot<W> {
        let waiters = Waiters { first: [None, None], rest: None };
        Slot { word: AtomicU32::new(0), waiters: Mutex::new(waiters) }
    }

    /// The word now; to be taken before the call whose outcome is judged by it.
    #[inline]
    pub(crate) fn observe(&self) -> Seen {
        Seen(self.word.load(Ordering::Acquire))
    }

    /// Takes the direction for ready, as nothing that happens to it is told yet: a call that blocks
    /// is what finds out.
    pub(crate) fn presume_ready(&self, interest: Interest) {
        self.word.fetch_or(interest.transient(), Ordering::AcqRel);
    }

    /// Forgets readiness after a call that would have blocked, unless an event came since `seen`.
    /// A closed direction is forgotten too: a FIFO can get a new writer.
    pub(crate) fn clear_blocked(&self, seen: Seen, interest: Interest) {
        self.clear(seen, interest.mask());
    }

    /// Forgets readiness after a short count, which proves that nothing is left, unless an event
    /// came since `seen`. A closed direction stays ready: its next call does not block.
    #[inline]
    pub(crate) fn clear_drained(&self, seen: Seen, interest: Interest) {
        if seen.0 & URGENT == 0 {
            self.clear(seen, interest.transient());
        }
    }

    fn clear(&self, seen: Seen, bits: u32) {
        let mut word = self.word.load(Ordering::Acquire);
        while word / TICK == seen.0 / TICK && word & bits != 0 {
            match self.word.compare_exchange_weak(
                word,
                word & !bits,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Queues a waiter. False if the direction is ready by now.
    #[must_use]
    pub(crate) fn enqueue(&self, interest: Interest, waiter: W) -> bool {
        let mut waiters = self.waiters.lock();
        if self.observe().is_ready(interest) {
            return false;
        }
        let first = &mut waiters.first[interest as usize];
        match first {
            None => *first = Some(waiter),
            Some(_) => waiters.rest.get_or_insert_default().push((interest, waiter)),
        }
        true
    }

    /// Takes the waiter out that gave up, whom `is_it` knows; nothing happens if an event took it
    /// already.
    pub(crate) fn dequeue(&self, interest: Interest, is_it: impl Fn(&W) -> bool) {
        let mut waiters = self.waiters.lock();
        let Waiters { first, rest } = &mut *waiters;
        let first = &mut first[interest as usize];
        if first.as_ref().is_some_and(&is_it) {
            *first = None;
        } else if let Some(rest) = rest {
            rest.retain(|(other, waiter)| *other != interest || !is_it(waiter));
        }
    }

    /// Whether somebody waits.
    pub(crate) fn has_waiters(&self) -> bool {
        let waiters = self.waiters.lock();
        let has_more = waiters.rest.as_ref().is_some_and(|rest| !rest.is_empty());
        has_more || waiters.first.iter().any(Option::is_some)
    }

    /// Calls `each` with everybody who waits, and for what.
    pub(crate) fn for_each_waiter(&self, mut each: impl FnMut(Interest, &W)) {
        let waiters = self.waiters.lock();
        for interest in [Interest::Read, Interest::Write] {
            waiters.first[interest as usize].iter().for_each(|waiter| each(interest, waiter));
        }
        waiters.rest.iter().flat_map(|it| it.iter()).for_each(|(it, waiter)| each(*it, waiter));
    }

    /// Has every waiter try again, as if it were ready, because no event can be relied on.
    pub(crate) fn nudge(&self, wake: impl FnMut(W)) {
        self.post(READABLE | WRITABLE, wake);
    }

    /// Records an event and gives every waiter that it concerns to `wake`. All of them: each one
    /// tries again, so none depends on another that might give up.
    pub(crate) fn post(&self, bits: u32, mut wake: impl FnMut(W)) {
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(now) = self.word.compare_exchange_weak(
            word,
            (word | bits).wrapping_add(TICK),
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            word = now;
        }
        let is_told = |interest: Interest| bits & interest.mask() != 0;
        let mut waiters = self.waiters.lock();
        let Waiters { first: [reader, writer], rest } = &mut *waiters;
        let reader = if is_told(Interest::Read) { reader.take() } else { None };
        let writer = if is_told(Interest::Write) { writer.take() } else { None };
        let rest: Option<Vec<_>> = rest
            .as_mut()
            .map(|rest| rest.extract_if(.., |(interest, _)| is_told(*interest)).collect());
        drop(waiters);
        // One after the other: an iterator over both is several times as long.
        if let Some(reader) = reader {
            wake(reader);
        }
        if let Some(writer) = writer {
            wake(writer);
        }
        rest.into_iter().flatten().for_each(|(_, waiter)| wake(waiter));
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::{Interest, READABLE, Slot};
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    struct Kernel {
        bytes: AtomicUsize,
        slot: Slot<usize>,
        woken: AtomicUsize,
    }

    impl Kernel {
        fn new() -> Arc<Kernel> {
            Arc::new(Kernel {
                bytes: AtomicUsize::new(0),
                slot: Slot::new(),
                woken: AtomicUsize::new(0),
            })
        }

        /// A byte arrives, then epoll tells so.
        fn arrive(&self) {
            self.bytes.fetch_add(1, Ordering::AcqRel);
            self.slot.post(READABLE, |_| {
                self.woken.fetch_add(1, Ordering::AcqRel);
            });
        }

        /// The retry loop of `fd.rs`: reads one byte, however long that takes.
        fn read(&self, reader: usize) {
            loop {
                let seen = self.slot.observe();
                if seen.is_ready(Interest::Read) {
                    let took = self
                        .bytes
                        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
                    if took.is_ok() {
                        return;
                    }
                    self.slot.clear_blocked(seen, Interest::Read);
                }
                if self.slot.enqueue(Interest::Read, reader) {
                    while self.woken.load(Ordering::Acquire) == 0 {
                        thread::yield_now();
                    }
                    self.woken.fetch_sub(1, Ordering::AcqRel);
                }
            }
        }
    }

    #[test]
    fn loom_a_reader_gets_every_byte_that_was_told() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let kernel = Kernel::new();
            let other = kernel.clone();
            let peer = thread::spawn(move || {
                other.arrive();
                other.arrive();
            });
            kernel.read(0);
            kernel.read(0);
            peer.join().expect("the peer does not panic");
            assert_eq!(kernel.bytes.load(Ordering::Acquire), 0);
        });
    }

    #[test]
    fn loom_a_waiter_that_gives_up_is_gone_or_was_woken() {
        loom::model(|| {
            let kernel = Kernel::new();
            let queued = kernel.slot.enqueue(Interest::Read, 7);
            assert!(queued);
            let other = kernel.clone();
            let peer = thread::spawn(move || other.arrive());
            kernel.slot.dequeue(Interest::Read, |&waiter| waiter == 7);
            peer.join().expect("the peer does not panic");
            assert!(kernel.woken.load(Ordering::Acquire) <= 1);
            assert!(!kernel.slot.enqueue(Interest::Read, 7), "the event is remembered");
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_after_the_observation_survives_clear() {
        let slot: Slot<u8> = Slot::new();
        slot.post(READABLE, |_| ());
        let seen = slot.observe();
        slot.post(READABLE, |_| ());
        slot.clear_blocked(seen, Interest::Read);
        assert!(slot.observe().is_ready(Interest::Read));
        slot.clear_blocked(slot.observe(), Interest::Read);
        assert!(!slot.observe().is_ready(Interest::Read));
    }

    #[test]
    fn end_of_stream_outlives_a_short_count() {
        let slot: Slot<u8> = Slot::new();
        slot.post(READABLE | READ_CLOSED, |_| ());
        slot.clear_drained(slot.observe(), Interest::Read);
        assert!(slot.observe().is_ready(Interest::Read));
        assert!(!slot.observe().is_ready(Interest::Write));
    }

    #[test]
    fn short_count_proves_nothing_once_urgent_data_came() {
        let slot: Slot<u8> = Slot::new();
        slot.post(READABLE | URGENT, |_| ());
        slot.clear_drained(slot.observe(), Interest::Read);
        assert!(slot.observe().is_ready(Interest::Read));
        slot.clear_blocked(slot.observe(), Interest::Read);
        assert!(!slot.observe().is_ready(Interest::Read));
    }

    #[test]
    fn every_waiter_of_the_direction_is_woken_and_no_other() {
        let slot = Slot::new();
        for reader in 0..3 {
            assert!(slot.enqueue(Interest::Read, reader));
        }
        assert!(slot.enqueue(Interest::Write, 9));
        slot.dequeue(Interest::Read, |&waiter| waiter == 1);
        let mut woken = Vec::new();
        slot.post(READABLE, |waiter| woken.push(waiter));
        woken.sort_unstable();
        assert_eq!(woken, [0, 2]);
        slot.post(WRITABLE, |waiter| woken.push(waiter));
        assert_eq!(woken, [0, 2, 9]);
    }
}
