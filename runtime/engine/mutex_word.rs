//! The protocol of a mutex: one word for those who find it free, a list for those who do not.
//!
//! Whoever finds the mutex free takes it, past all who wait (*barging*): a lock that went from hand
//! to hand would cost a switch of threads each time that it is locked. To see that somebody comes
//! next, an unlock wakes the first waiter, and until that one has decided, further unlocks wake
//! nobody. It tries for a while, and if others are always faster it goes back to the front of the
//! list, *hungry*: then the next unlock does hand over.
//!
//! # State
//!
//! | bit | meaning | changed |
//! |---|---|---|
//! | `LOCKED` | somebody holds it | by who takes it, by its holder |
//! | `QUEUED` | somebody may wait in the list | under the list's lock |
//! | `WOKEN` | one who waited was woken and decides | there too, and by him as he takes the mutex |
//! | `HUNGRY` | the first in the list asks to be handed the mutex | under the list's lock |
//!
//! # Invariants
//!
//! 1. Free, with somebody in the list, implies `WOKEN`: somebody runs who will look, and who passes
//!    that duty on should he end before.
//! 2. `QUEUED` is set while the mutex is `LOCKED`, in one step: the holder's unlock sees it.
//! 3. While it is `LOCKED` nobody but the owner of the list's lock changes the word, apart from a
//!    holder who gives it up without a look at the list, which he does if nobody is to be woken.
//! 4. One at most is woken, so `WOKEN` is his to clear.
//!
//! # Orderings
//!
//! Taking the mutex acquires what giving it up releases, by the word. One who is handed it gets
//! there by his ticket (`wait_list`), which orders as much. All else about the word is ordered by
//! the list's lock.

use super::atomic::{AtomicU32, Mutex, MutexGuard, Ordering};
use super::wait_list::{List, Wake};

const LOCKED: u32 = 1;
const QUEUED: u32 = 1 << 1;
const WOKEN: u32 = 1 << 2;
const HUNGRY: u32 = 1 << 3;

/// What one who waited is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// To try: he is the one who was woken.
    Try,
    /// The mutex itself.
    Own,
}

/// The word and the list; `W` is who waits.
#[derive(Debug)]
pub(crate) struct MutexWord<W> {
    word: AtomicU32,
    queue: Mutex<List<Turn, W>>,
}

impl<W> MutexWord<W> {
    /// A free mutex, of a word that is nought and an empty list.
    pub(crate) const fn new(word: AtomicU32, queue: Mutex<List<Turn, W>>) -> MutexWord<W> {
        MutexWord { word, queue }
    }

    /// The lock of the list.
    pub(crate) fn queue(&self) -> &Mutex<List<Turn, W>> {
        &self.queue
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// Whether somebody may wait.
    pub(crate) fn is_queued(&self) -> bool {
        self.word.load(Ordering::Relaxed) & QUEUED != 0
    }

    /// Takes the mutex if it is free and nobody waits: what an uncontended lock costs.
    #[inline]
    pub(crate) fn try_lock_uncontended(&self) -> bool {
        self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the mutex if it is free.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        self.take(0)
    }

    /// [`try_lock`](MutexWord::try_lock) for the one who was woken.
    pub(crate) fn try_lock_woken(&self) -> bool {
        self.take(WOKEN)
    }

    fn take(&self, cleared: u32) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED == 0 {
            match self.word.compare_exchange_weak(
                word,
                (word | LOCKED) & !cleared,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Announces the caller as waiting: he links himself at the end of the list that is returned,
    /// and parks. `None` if he holds the mutex instead.
    #[must_use]
    pub(crate) fn queue_up(&self) -> Option<MutexGuard<'_, List<Turn, W>>> {
        self.announce(0, QUEUED)
    }

    /// [`queue_up`](MutexWord::queue_up) at the front, for the one who was woken: what he is
    /// granted next is the mutex.
    #[must_use]
    pub(crate) fn queue_up_hungry(&self) -> Option<MutexGuard<'_, List<Turn, W>>> {
        self.announce(WOKEN, QUEUED | HUNGRY)
    }

    fn announce(&self, cleared: u32, set: u32) -> Option<MutexGuard<'_, List<Turn, W>>> {
        let queue = self.queue.lock();
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let is_free = word & LOCKED == 0;
            let after = (word & !cleared) | if is_free { LOCKED } else { set };
            match self.word.compare_exchange_weak(word, after, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if is_free => return None,
                Ok(_) => return Some(queue),
                Err(now) => word = now,
            }
        }
    }
}

impl<W: Wake> MutexWord<W> {
    /// Gives the mutex up, which the caller holds.
    #[inline]
    pub(crate) fn unlock(&self) {
        if self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_contended();
        }
    }

    #[cold]
    fn unlock_contended(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        while !needs_list(word) {
            match self.word.compare_exchange_weak(
                word,
                word & !LOCKED,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        let queue = self.queue.lock();
        // Invariant 3: from here on it is ours to change, by plain stores.
        let word = self.word.load(Ordering::Relaxed);
        if !needs_list(word) {
            self.word.store(word & !LOCKED, Ordering::Release);
        } else if word & HUNGRY != 0 {
            self.word.store(word & !HUNGRY, Ordering::Relaxed);
            self.hand_over(queue);
        } else {
            self.word.store((word & !LOCKED) | WOKEN, Ordering::Release);
            self.wake_first(queue);
        }
    }

    /// Gives the mutex to the first who waits, or up if nobody does.
    fn hand_over(&self, mut queue: MutexGuard<'_, List<Turn, W>>) {
        let granted = queue.grant(|turn| *turn = Turn::Own);
        if granted.is_none() {
            self.word.store(0, Ordering::Release);
        } else if queue.is_empty() {
            // Whoever was granted the mutex may have given it up by now, hence no plain store.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
        drop(queue);
        // Whom it was granted is woken here, outside of the lock.
        drop(granted);
    }

    /// Wakes the first who waits; the caller has set `WOKEN`, or is the one who was woken.
    fn wake_first(&self, mut queue: MutexGuard<'_, List<Turn, W>>) {
        let granted = queue.grant(|turn| *turn = Turn::Try);
        if granted.is_none() {
            self.word.fetch_and(!(WOKEN | QUEUED), Ordering::Relaxed);
        } else if queue.is_empty() {
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
        drop(queue);
        drop(granted);
    }

    /// Has the next one woken in place of the caller, who was woken and will not try any more.
    #[cold]
    pub(crate) fn forgo(&self) {
        self.wake_first(self.queue.lock());
    }
}

/// Whether an unlock has to look at the list: somebody waits, and nobody was woken before.
fn needs_list(word: u32) -> bool {
    word & HUNGRY != 0 || word & (QUEUED | WOKEN) == QUEUED
}

#[cfg(all(test, loom))]
mod models {
    use super::{MutexWord, Turn};
    use crate::engine::atomic::{AtomicU32, Mutex, MutexGuard};
    use crate::engine::wait_list::models::Parked;
    use crate::engine::wait_list::{List, Node, Ticket};
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// A mutex around a number, which loom watches.
    struct Counter {
        mutex: MutexWord<Parked>,
        value: UnsafeCell<usize>,
    }

    // SAFETY: the value is touched by the holder of the mutex: that is what the models check.
    unsafe impl Send for Counter {}
    // SAFETY: as above.
    unsafe impl Sync for Counter {}

    impl Counter {
        fn new() -> Arc<Counter> {
            let mutex = MutexWord::new(AtomicU32::new(0), Mutex::new(List::new()));
            Arc::new(Counter { mutex, value: UnsafeCell::new(0) })
        }

        /// As `RawMutex::lock_contended`, with one try for the one who was woken.
        fn lock(&self) {
            if self.mutex.try_lock_uncontended() {
                return;
            }
            let Some(queue) = self.mutex.queue_up() else { return };
            let mut turn = self.wait(queue, false, false).expect("it does not give up");
            while turn == Turn::Try && !self.mutex.try_lock_woken() {
                let Some(queue) = self.mutex.queue_up_hungry() else { return };
                turn = self.wait(queue, true, false).expect("it does not give up");
            }
        }

        /// As `line::wait`. `None` if the waiter gave up before it was granted anything.
        fn wait(
            &self,
            mut queue: MutexGuard<'_, List<Turn, Parked>>,
            at_front: bool,
            gives_up: bool,
        ) -> Option<Turn> {
            let ticket = Ticket::unshared(Parked(thread::current()));
            // SAFETY: the ticket is declared first, so it outlives the node.
            let node = unsafe { Node::new(&ticket, 0, 0, Turn::Try) };
            // SAFETY: this function does not end before the node was granted or is unlinked.
            unsafe { queue.link(&node, at_front) };
            drop(queue);
            // SAFETY: if it is linked it is in this list.
            if gives_up && unsafe { self.mutex.queue().lock().withdraw(&node) } {
                return None;
            }
            while ticket.granted().is_none() {
                thread::park();
            }
            Some(node.into_payload())
        }

        fn add(&self) {
            // SAFETY: the caller holds the mutex.
            self.value.with_mut(|value| unsafe { *value += 1 });
        }

        fn lock_and_add(&self) {
            self.lock();
            self.add();
            self.mutex.unlock();
        }

        /// Waits for the mutex if it is locked, and gives up at once: as a waiter that is killed.
        fn try_and_give_up(&self) {
            let Some(queue) = self.mutex.queue_up() else {
                self.add();
                return self.mutex.unlock();
            };
            match self.wait(queue, false, true) {
                Some(Turn::Own) => self.mutex.unlock(),
                Some(Turn::Try) => self.mutex.forgo(),
                None => {}
            }
        }

        fn value(&self) -> usize {
            assert!(self.mutex.try_lock(), "nobody holds it any more");
            // SAFETY: held.
            self.value.with(|value| unsafe { *value })
        }
    }

    fn check(bound: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(bound);
        builder.check(model);
    }

    #[test]
    fn loom_nobody_is_lost_and_nobody_let_in_twice() {
        check(3, || {
            let counter = Counter::new();
            let other = counter.clone();
            let peer = thread::spawn(move || (0..2).for_each(|_| other.lock_and_add()));
            (0..2).for_each(|_| counter.lock_and_add());
            peer.join().expect("the peer does not panic");
            assert_eq!(counter.value(), 4);
        });
    }

    #[test]
    fn loom_three_who_want_it_all_get_it() {
        check(2, || {
            let counter = Counter::new();
            let peers = [(); 2].map(|()| {
                let counter = counter.clone();
                thread::spawn(move || counter.lock_and_add())
            });
            counter.lock_and_add();
            peers.into_iter().for_each(|peer| peer.join().expect("a peer does not panic"));
            assert_eq!(counter.value(), 3);
        });
    }

    #[test]
    fn loom_one_who_gives_up_leaves_nobody_behind() {
        check(2, || {
            let counter = Counter::new();
            let quitter = counter.clone();
            let quitter = thread::spawn(move || quitter.try_and_give_up());
            let other = counter.clone();
            let peer = thread::spawn(move || other.lock_and_add());
            counter.lock_and_add();
            quitter.join().expect("the quitter does not panic");
            peer.join().expect("the peer does not panic");
            assert!((2..=3).contains(&counter.value()));
        });
    }
}
