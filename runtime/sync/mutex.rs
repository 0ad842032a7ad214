//! `std::sync::Mutex` for threads of either kind.

use super::poison::{Flag, Section};
use crate::engine::{LockGuard, RawMutex};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A lock that one thread at a time holds, green thread or OS thread, with the data that it
/// protects.
///
/// As [`std::sync::Mutex`], poisoning included. What waits for it is parked, so a green thread may
/// hold it across any blocking call. The guard stays on its thread.
///
/// It may be taken past those who wait (as std's), but whoever waits longest is handed the mutex
/// once others have been faster some dozens of times: nobody starves.
///
/// A kill, and a [timeout scope](crate::time::timeout) that expires, end a wait for the mutex
/// without taking it. If they unwind through a guard they poison the mutex as a panic does, for
/// they have cut its critical section short.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::Mutex, thread};
///
/// static HITS: Mutex<u32> = Mutex::new(0);
///
/// let threads: Vec<_> = (0..10).map(|_| thread::spawn(|| *HITS.lock().unwrap() += 1)).collect();
/// threads.into_iter().for_each(|thread| thread.join().unwrap());
/// assert_eq!(*HITS.lock().unwrap(), 10);
/// ```
pub struct Mutex<T: ?Sized> {
    poison: Flag,
    inner: lock_api::Mutex<RawMutex, T>,
}

/// The right to what a [`Mutex`] protects; dropped, it unlocks the mutex.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    // Before the lock: it is dropped first.
    section: Section<'a>,
    inner: LockGuard<lock_api::MutexGuard<'a, RawMutex, T>>,
}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}
impl<T: ?Sized> UnwindSafe for MutexGuard<'_, T> {}
impl<T: ?Sized> RefUnwindSafe for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// Makes a mutex that is not locked.
    #[inline]
    pub const fn new(t: T) -> Mutex<T> {
        Mutex { poison: Flag::new(), inner: lock_api::Mutex::new(t) }
    }

    /// Gives the data back.
    ///
    /// # Errors
    ///
    /// The data all the same, if the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        self.poison.judge(self.inner.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Blocks the calling thread until it holds the mutex.
    ///
    /// A thread that holds it already blocks for ever.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the mutex is poisoned.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.guard(self.inner.lock())
    }

    /// Locks the mutex if it is not locked. Never blocks.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is locked; `Poisoned`, with the guard, if it was not and is poisoned.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Some(guard) => Ok(self.guard(guard)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Whether the mutex is poisoned, which may change at any moment unless it is held.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the data to be in order again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The data, of a mutex that nobody else knows.
    ///
    /// # Errors
    ///
    /// The data all the same, if the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.judge(self.inner.get_mut())
    }

    #[inline]
    fn guard<'a>(
        &'a self,
        inner: lock_api::MutexGuard<'a, RawMutex, T>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let section = self.poison.section();
        self.poison.judge(MutexGuard { section, inner: LockGuard::new(inner) })
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(t: T) -> Mutex<T> {
        Mutex::new(t)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => fields.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => fields.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => fields.field("data", &"<locked>"),
        };
        fields.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A critical section whose mutex is given up for a while: by the wait for a condition. If that
/// unwinds the section is over, and poisons nothing: the mutex was given up on purpose.
pub(super) struct Suspended<'a, T: ?Sized> {
    section: ManuallyDrop<Section<'a>>,
    mutex: &'a lock_api::Mutex<RawMutex, T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Suspends the section. The mutex is given up when the second part is dropped.
    pub(super) fn suspend(self) -> (Suspended<'a, T>, lock_api::MutexGuard<'a, RawMutex, T>) {
        let MutexGuard { section, inner } = self;
        let inner = inner.into_inner();
        let mutex = lock_api::MutexGuard::mutex(&inner);
        (Suspended { section: ManuallyDrop::new(section), mutex }, inner)
    }
}

impl<'a, T: ?Sized> Suspended<'a, T> {
    /// Blocks the calling thread until it holds the mutex again.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn resume(self) -> LockResult<MutexGuard<'a, T>> {
        let inner = LockGuard::new(self.mutex.lock());
        let section = ManuallyDrop::into_inner(self.section);
        section.flag().judge(MutexGuard { section, inner })
    }
}
