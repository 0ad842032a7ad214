//! The small lock of the runtime: `parking_lot`'s, whose waits block the OS thread in any case.
//!
//! A green thread whose C library is hooked (`hooks`) would park where `parking_lot` waits, and
//! let others run while it holds what they need, or with a wake-up that it was waiting for taken.
//! So a thread that has to wait says first that it is inside of the runtime.

use super::hooks::Inside;
use lock_api::RawMutex;

/// `parking_lot`'s raw mutex, waited for inside.
pub(crate) struct RawLock(parking_lot::RawMutex);

/// A lock that is held for moments.
pub(crate) type Mutex<T> = lock_api::Mutex<RawLock, T>;

/// Holds a [`Mutex`].
pub(crate) type MutexGuard<'l, T> = lock_api::MutexGuard<'l, RawLock, T>;

// SAFETY: passed on to a lock that keeps the contract.
unsafe impl RawMutex for RawLock {
    type Guard = <parking_lot::RawMutex as RawMutex>::Guard;

    const INIT: RawLock = RawLock(parking_lot::RawMutex::INIT);

    #[inline]
    fn lock(&self) -> Self::Guard {
        match self.0.try_lock() {
            Some(guard) => guard,
            None => self.wait(),
        }
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::Guard> {
        self.0.try_lock()
    }

    #[inline]
    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.unlock(guard) }
    }

    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

impl RawLock {
    #[cold]
    fn wait(&self) -> <RawLock as RawMutex>::Guard {
        let _inside = Inside::new();
        self.0.lock()
    }
}
