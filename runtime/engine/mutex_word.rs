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
//! 4. Whoever is woken clears `WOKEN` as he decides. One at most is, unless another has taken his
//!    duty over; if he clears the bit of a third then, somebody is woken for nothing.
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

    /// [`queue_up_hungry`](MutexWord::queue_up_hungry) for one who was not woken, and during whose
    /// wait some of those who wait cannot run. What they were granted he has: `take_back` has them
    /// wait again, and calls back with each grant. Who was woken before has no duty any more.
    #[must_use]
    pub(crate) fn queue_up_first(
        &self,
        take_back: impl FnOnce(&mut List<Turn, W>, &mut dyn FnMut(&Turn)),
    ) -> Option<MutexGuard<'_, List<Turn, W>>> {
        let mut queue = self.queue.lock();
        let mut is_own = false;
        take_back(&mut queue, &mut |&turn| is_own |= turn == Turn::Own);
        let queued = if queue.is_empty() { 0 } else { QUEUED };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let is_mine = is_own || word & LOCKED == 0;
            let set = if is_mine { LOCKED | queued } else { QUEUED | HUNGRY };
            let after = (word & !WOKEN) | set;
            match self.word.compare_exchange_weak(word, after, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if is_mine => return None,
                Ok(_) => return Some(queue),
                Err(now) => word = now,
            }
        }
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
#[path = "mutex_word/models.rs"]
mod models;
