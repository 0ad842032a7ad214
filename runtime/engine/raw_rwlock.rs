//! The raw read-write lock under `sync::RwLock`.
//!
//! The protocol is in `rwlock_word`; this file adds the threads. A wait is ended by a kill, and by
//! a timeout scope: the lock is not held then, and those behind the one who gave up are looked
//! after. One who is granted the lock and told to end at once gives it to the next and ends.

use super::atomic::{AtomicU32, Mutex};
use super::limits;
use super::line::{self, Ask, Holder, Reason, Waited};
use super::lock_checks::LockId;
use super::rwlock_word::{Access, RwLockWord};
use super::wait_list::List;
use super::waiter::Waiter;
use lock_api::GuardNoSend;
use std::mem;
use std::thread;

static READ: Reason = Reason("RwLock::read");
static WRITE: Reason = Reason("RwLock::write");

/// The raw read-write lock.
#[derive(Debug)]
pub(crate) struct RawRwLock(RwLockWord<Waiter>, LockId, Holder);

// SAFETY: `rwlock_word` lets in one writer or many readers, and `lock` unwinds only without the
// lock: in the wait, which was not granted then, or after `unlock`. Guards stay on their thread.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: RawRwLock = {
        let word = RwLockWord::new(AtomicU32::new(0), Mutex::new(List::new()));
        RawRwLock(word, LockId::new(), Holder::new())
    };

    type SharedGuard = GuardNoSend;
    type ExclusiveGuard = GuardNoSend;

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn lock_shared(&self) -> GuardNoSend {
        self.lock(Access::Read)
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn try_lock_shared(&self) -> Option<GuardNoSend> {
        self.try_lock(Access::Read).then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock_shared(&self, _: GuardNoSend) {
        self.1.given_up();
        self.0.unlock(Access::Read);
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn lock_exclusive(&self) -> GuardNoSend {
        let guard = self.lock(Access::Write);
        self.2.note();
        guard
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn try_lock_exclusive(&self) -> Option<GuardNoSend> {
        self.try_lock(Access::Write).then(|| {
            self.2.note();
            GuardNoSend::new()
        })
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, _: GuardNoSend) {
        self.1.given_up();
        self.2.clear();
        self.0.unlock(Access::Write);
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.0.is_write_locked()
    }
}

// SAFETY: `downgrade` exchanges the writer for a reader in one step.
unsafe impl lock_api::RawRwLockDowngrade for RawRwLock {
    unsafe fn downgrade(&self, guard: GuardNoSend) -> GuardNoSend {
        self.2.clear();
        self.0.downgrade();
        guard
    }
}

fn reason(access: Access) -> &'static Reason {
    match access {
        Access::Read => &READ,
        Access::Write => &WRITE,
    }
}

impl RawRwLock {
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn lock(&self, access: Access) -> GuardNoSend {
        let attempt = self.1.attempt(reason(access).0, access == Access::Read);
        if !self.0.try_lock(access) {
            self.wait(access);
        }
        attempt.succeed();
        GuardNoSend::new()
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn try_lock(&self, access: Access) -> bool {
        let is_locked = self.0.try_lock(access);
        if is_locked {
            self.1.taken(reason(access).0, access == Access::Read);
        }
        is_locked
    }

    #[cold]
    fn wait(&self, access: Access) {
        /// Looks after those behind a waiter that unwinds out of the list.
        struct GiveUp<'l>(&'l RawRwLock);
        impl Drop for GiveUp<'_> {
            fn drop(&mut self) {
                self.0.0.grant();
            }
        }
        // Its neighbours cannot run then, and would never use what they were granted.
        let at_front = line::keeps_its_worker();
        let queue = match at_front {
            // SAFETY: whoever waits for this lock does so in its list, and is granted an access.
            true => self.0.queue_up_first(access, |queue, take| unsafe {
                line::take_back(queue, &raw const self.2, take);
            }),
            false => self.0.queue_up(access),
        };
        let Some(queue) = queue else { return };
        let give_up = GiveUp(self);
        let lock = Some(&raw const self.2);
        let ask = Ask { tag: access.tag(), at_front, lock, ..Ask::new(reason(access), None) };
        match line::wait(self.0.queue(), queue, |queue| queue, access, ask) {
            Waited::Granted(_) => mem::forget(give_up),
            Waited::TimedOut(_) => unreachable!("there is no deadline"),
        }
        if limits::is_to_end() && !thread::panicking() {
            self.0.unlock(access);
            limits::unwind();
        }
    }
}
