//! Locks that park: `gs_mutex`.
//!
//! It is the runtime's `Mutex`, whose guard is kept beside it for whoever has locked it.

use crate::guard::{self, Errno};
use crate::handle::{Mark, Opaque};
use crate::lazy::{self, Word};
use crate::registry;
use greenstd_runtime::sync::{Mutex, MutexGuard};
use greenstd_runtime::thread;
use libc::{c_int, c_void};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, TryLockError};

/// The owner of a lock that is free.
const NOBODY: u64 = 0;

/// A lock that one thread holds at a time. GS_MUTEX_INIT, or zeroes, are a free one; it must not be
/// copied or moved once it was used.
#[repr(C)]
#[derive(Debug)]
pub struct gs_mutex {
    /// The library's.
    pub state: *mut c_void,
}

/// The library's part of a mutex.
#[derive(Debug)]
pub(crate) struct Lock {
    mark: Mark,
    /// Of the owner only.
    guard: UnsafeCell<Option<MutexGuard<'static, ()>>>,
    /// The id of whoever has locked it. Each thread looks for its own only, which nobody else
    /// writes or erases: so relaxed.
    owner: AtomicU64,
    /// After the guard, which borrows it.
    mutex: Mutex<()>,
}

// SAFETY: the guard is touched by the owner alone, which is the thread that has locked the mutex.
unsafe impl Sync for Lock {}

impl Opaque for Lock {
    const MARK: [u8; 8] = *b"gs_mutex";

    fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Default for Lock {
    fn default() -> Lock {
        Lock {
            mark: Mark::of::<Lock>(),
            guard: UnsafeCell::new(None),
            owner: AtomicU64::new(NOBODY),
            mutex: Mutex::new(()),
        }
    }
}

impl Lock {
    fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == registry::own_number()
    }

    /// Whether somebody has locked it.
    fn is_held(&self) -> bool {
        self.owner.load(Ordering::Relaxed) != NOBODY
    }

    /// Keeps the guard of the calling thread.
    fn keep(&self, guard: MutexGuard<'_, ()>) {
        // SAFETY: only the lifetime changes. The guard is dropped before the mutex: it stands first
        // in the struct, and a lock that is held is not destroyed.
        let guard =
            unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        // SAFETY: the calling thread has locked the mutex.
        unsafe { *self.guard.get() = Some(guard) };
        self.owner.store(registry::own_number(), Ordering::Relaxed);
    }

    /// Takes the guard of the calling thread.
    ///
    /// # Errors
    ///
    /// `EPERM` if it has not locked the mutex.
    fn take(&self) -> Result<MutexGuard<'static, ()>, Errno> {
        if !self.is_mine() {
            return Err(libc::EPERM);
        }
        self.owner.store(NOBODY, Ordering::Relaxed);
        // SAFETY: the calling thread has locked the mutex.
        unsafe { (*self.guard.get()).take() }.ok_or(libc::EPERM)
    }

    fn lock(&self) -> Result<(), Errno> {
        if self.is_mine() {
            return Err(libc::EDEADLK);
        }
        self.keep(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn try_lock(&self) -> Result<(), Errno> {
        match self.mutex.try_lock() {
            Ok(guard) => self.keep(guard),
            Err(TryLockError::Poisoned(error)) => self.keep(error.into_inner()),
            Err(TryLockError::WouldBlock) => return Err(libc::EBUSY),
        }
        Ok(())
    }

    /// Has `wait` give the lock up and get it again. However that ends, the calling thread has
    /// locked it afterwards. To be called outside of `enter`.
    pub(crate) fn wait<T>(
        &self,
        wait: impl FnOnce(MutexGuard<'static, ()>) -> (MutexGuard<'static, ()>, T),
    ) -> Result<T, Errno> {
        let guard = self.take()?;
        let waited = guard::enter(|| {
            let (guard, outcome) = wait(guard);
            self.keep(guard);
            Ok(outcome)
        });
        if waited.is_err() {
            // It was given up by the unwinding. Nobody may be told of that before he has it again.
            guard::enter(|| thread::shield(|| self.lock()))?;
        }
        waited
    }
}

/// The library's part of a mutex of the caller's.
///
/// # Safety
///
/// As [`lazy::get`].
pub(crate) unsafe fn lock_of<'a>(mutex: *mut gs_mutex) -> Result<&'a Lock, Errno> {
    // SAFETY: the caller's promise.
    unsafe { lazy::get(word(mutex)) }
}

fn word(mutex: *mut gs_mutex) -> *mut Word {
    mutex.cast()
}

/// Makes memory a free mutex, whatever it holds: not to be called for one that is used. Never
/// blocks.
///
/// Returns 0; -EINVAL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_mutex_init(mutex: *mut gs_mutex) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lazy::set(word(mutex), None::<Lock>) }))
}

/// Frees what a mutex has of the library. It is one that was never used afterwards. Never blocks.
///
/// Returns 0; -EINVAL for NULL and for what is no mutex; -EBUSY if it is locked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_mutex_destroy(mutex: *mut gs_mutex) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        unsafe { lazy::clear(word(mutex), |lock: &Lock| !lock.is_held()) }
    }))
}

/// Blocks the calling thread, of either kind, until the mutex is free, and locks it. Who has waited
/// longest does not wait for ever.
///
/// Returns 0; -EINVAL for NULL and for what is no mutex; -EDEADLK if the caller has locked it;
/// -ECANCELED if the caller was killed: then it is not locked by the caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_mutex_lock(mutex: *mut gs_mutex) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lock_of(mutex) }?.lock()))
}

/// Locks a mutex if it is free. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no mutex; -EBUSY if somebody has locked it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_mutex_trylock(mutex: *mut gs_mutex) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lock_of(mutex) }?.try_lock()))
}

/// Unlocks a mutex. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no mutex; -EPERM if the caller has not locked it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_mutex_unlock(mutex: *mut gs_mutex) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        drop(unsafe { lock_of(mutex) }?.take()?);
        Ok(())
    }))
}
