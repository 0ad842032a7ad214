//! The protocol of a read-write lock: one word for those who find it open, a list for the rest.
//!
//! Who comes while somebody waits, waits behind him, reader or writer. So a writer is not starved
//! by readers that keep coming, nor readers by writers. Whoever leaves the lock free grants it from
//! hand to hand: to a writer, or to all readers up to the next writer.
//!
//! # State
//!
//! | bits | meaning | changed |
//! |---|---|---|
//! | `WRITER` | a writer holds it | by who takes it or grants it, by its holder |
//! | `QUEUED` | somebody may wait in the list | under the list's lock |
//! | the rest | how many readers hold it, in units of `READER` | as `WRITER` |
//!
//! # Invariants
//!
//! 1. While `QUEUED` is set nobody takes the lock but under the list's lock; holders do leave it.
//! 2. Whoever leaves the lock with `QUEUED` set looks at the list afterwards if those who wait may
//!    go on: when he was the last reader, a writer, or a writer that becomes a reader. So does a
//!    waiter that gives up, since it may have held up those behind it.
//! 3. A grant changes the word before its waiter can see that it was granted.
//!
//! # Orderings
//!
//! Taking the lock acquires what all holders before have released as they left: they act on one
//! word, so the release sequence is unbroken. Whoever grants has read the word with `Acquire`, and
//! passes that on by the ticket (`wait_list`).

use super::atomic::{AtomicU32, Mutex, MutexGuard, Ordering};
use super::wait_list::{List, Wake};

const WRITER: u32 = 1;
const QUEUED: u32 = 1 << 1;
const READER: u32 = 1 << 2;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    /// The tag in the list of one who waits for it.
    pub(crate) fn tag(self) -> usize {
        self as usize
    }

    /// Whether it goes with what the others hold, as `word` says.
    fn is_open(self, word: u32) -> bool {
        match self {
            Access::Read => word & WRITER == 0,
            Access::Write => word & !QUEUED == 0,
        }
    }

    /// What it adds to the word.
    fn unit(self) -> u32 {
        match self {
            Access::Read => READER,
            Access::Write => WRITER,
        }
    }
}

/// The word and the list; `W` is who waits.
#[derive(Debug)]
pub(crate) struct RwLockWord<W> {
    word: AtomicU32,
    queue: Mutex<List<Access, W>>,
}

impl<W> RwLockWord<W> {
    /// A free lock, of a word that is nought and an empty list.
    pub(crate) const fn new(word: AtomicU32, queue: Mutex<List<Access, W>>) -> RwLockWord<W> {
        RwLockWord { word, queue }
    }

    /// The lock of the list.
    pub(crate) fn queue(&self) -> &Mutex<List<Access, W>> {
        &self.queue
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & !QUEUED != 0
    }

    pub(crate) fn is_write_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WRITER != 0
    }

    /// Takes the lock if it is open and nobody waits.
    #[inline]
    pub(crate) fn try_lock(&self, access: Access) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 && access.is_open(word) {
            match self.word.compare_exchange_weak(
                word,
                with(word, access),
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
    /// with the access as its tag and payload, and parks. `None` if he holds the lock instead.
    #[must_use]
    pub(crate) fn queue_up(&self, access: Access) -> Option<MutexGuard<'_, List<Access, W>>> {
        let mut queue = self.queue.lock();
        let is_first = queue.is_empty();
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let is_open = is_first && access.is_open(word);
            let after = if is_open { with(word & !QUEUED, access) } else { word | QUEUED };
            match self.word.compare_exchange_weak(word, after, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if is_open => return None,
                Ok(_) => return Some(queue),
                Err(now) => word = now,
            }
        }
    }
}

impl<W> RwLockWord<W> {
    /// [`queue_up`](RwLockWord::queue_up) at the front, for one during whose wait some of those who
    /// wait cannot run: `take_back` has them wait again if they were granted the lock, and calls
    /// back with each access. He takes the lock past all others if it is open then.
    #[must_use]
    pub(crate) fn queue_up_first(
        &self,
        access: Access,
        take_back: impl FnOnce(&mut List<Access, W>, &mut dyn FnMut(&Access)),
    ) -> Option<MutexGuard<'_, List<Access, W>>> {
        let mut queue = self.queue.lock();
        let mut back = 0;
        take_back(&mut queue, &mut |access| back += access.unit());
        let queued = if queue.is_empty() { 0 } else { QUEUED };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let held = (word & !QUEUED) - back;
            let is_open = access.is_open(held);
            let after = if is_open { with(held, access) | queued } else { held | QUEUED };
            match self.word.compare_exchange_weak(word, after, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if is_open => return None,
                Ok(_) => return Some(queue),
                Err(now) => word = now,
            }
        }
    }
}

impl<W: Wake> RwLockWord<W> {
    /// Leaves the lock, which the caller holds with that access.
    #[inline]
    pub(crate) fn unlock(&self, access: Access) {
        let before = self.word.fetch_sub(access.unit(), Ordering::Release);
        if before - access.unit() == QUEUED {
            self.grant();
        }
    }

    /// Makes a reader of the caller, who holds the lock as a writer.
    pub(crate) fn downgrade(&self) {
        let before = self.word.fetch_add(READER - WRITER, Ordering::Release);
        if before & QUEUED != 0 {
            self.grant();
        }
    }

    /// Grants the lock to those in the list whose turn it is, if any.
    #[cold]
    pub(crate) fn grant(&self) {
        loop {
            let mut queue = self.queue.lock();
            let word = self.word.load(Ordering::Acquire);
            if word & QUEUED == 0 || word & WRITER != 0 {
                return;
            }
            // Readers may leave meanwhile, and do their own granting then. None comes: invariant 1.
            let is_free = word & !QUEUED == 0;
            let granted = queue.grant_if(
                |tag| is_free || tag == Access::Read.tag(),
                |&mut access| {
                    // Acquire, for the readers that have left since.
                    self.word.fetch_add(access.unit(), Ordering::Acquire);
                    access
                },
            );
            if queue.is_empty() {
                self.word.fetch_and(!QUEUED, Ordering::Relaxed);
            }
            drop(queue);
            // Each is woken outside of the lock, and the next is looked for under it again: the
            // number of readers that wait has no limit.
            match granted {
                Some((Access::Read, wakeup)) => drop(wakeup),
                Some((Access::Write, wakeup)) => return drop(wakeup),
                None => return,
            }
        }
    }
}

/// The word with one more holder.
///
/// # Panics
///
/// If there are too many readers.
fn with(word: u32, access: Access) -> u32 {
    word.checked_add(access.unit()).expect("too many active read locks on RwLock")
}

#[cfg(all(test, loom))]
#[path = "rwlock_word/models.rs"]
mod models;
