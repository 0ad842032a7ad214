//! The raw read-write lock under `sync::RwLock`.
//!
//! The protocol is in `rwlock_word`; this file adds the threads. A wait is ended by a kill, and by
//! a timeout scope: the lock is not held then, and those behind the one who gave up are looked
//! after. One who is granted the lock and told to end at once gives it to the next and ends.

use super::atomic::{AtomicU32, Mutex};
use super::limits;
use super::line::{self, Ask, Detail, Detailed, Holder, Reason, Waited};
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
pub(crate) struct RawRwLock(RwLockWord<Waiter>, Holder);

// SAFETY: `rwlock_word` lets in one writer or many readers, and `lock` unwinds only without the
// lock: in the wait, which was not granted then, or after `unlock`. Guards stay on their thread.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: RawRwLock =
        RawRwLock(RwLockWord::new(AtomicU32::new(0), Mutex::new(List::new())), Holder::new());

    type SharedGuard = GuardNoSend;
    type ExclusiveGuard = GuardNoSend;

    #[inline]
    fn lock_shared(&self) -> GuardNoSend {
        self.lock(Access::Read)
    }

    #[inline]
    fn try_lock_shared(&self) -> Option<GuardNoSend> {
        self.0.try_lock(Access::Read).then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock_shared(&self, _: GuardNoSend) {
        self.0.unlock(Access::Read);
    }

    #[inline]
    fn lock_exclusive(&self) -> GuardNoSend {
        let guard = self.lock(Access::Write);
        self.1.note();
        guard
    }

    #[inline]
    fn try_lock_exclusive(&self) -> Option<GuardNoSend> {
        self.0.try_lock(Access::Write).then(|| {
            self.1.note();
            GuardNoSend::new()
        })
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, _: GuardNoSend) {
        self.1.clear();
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
        self.1.clear();
        self.0.downgrade();
        guard
    }
}

impl RawRwLock {
    #[inline]
    fn lock(&self, access: Access) -> GuardNoSend {
        if !self.0.try_lock(access) {
            self.wait(access);
        }
        GuardNoSend::new()
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
        let Some(queue) = self.0.queue_up(access) else { return };
        let what = match access {
            Access::Read => &READ,
            Access::Write => &WRITE,
        };
        let detail = Detail::Lock(&raw const self.1);
        let _detailed = Detailed::new(&detail);
        let give_up = GiveUp(self);
        let ask = Ask { tag: access.tag(), ..Ask::new(what, None) };
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
