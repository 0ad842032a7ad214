//! `std::sync::RwLock` for threads of either kind.

use super::poison::{Flag, Section};
use crate::engine::{LockGuard, RawRwLock};
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A lock that many readers or one writer hold, green threads or OS threads, with the data that it
/// protects.
///
/// As [`std::sync::RwLock`], poisoning included: by writers only. It is granted in the order of
/// arrival, to a writer or to all readers up to the next writer. So nobody starves; and a thread
/// that reads already and locks for reading again blocks for ever if a writer has come to wait in
/// between, as it may in std.
///
/// A kill, and a [timeout scope](crate::time::timeout) that expires, end a wait for the lock
/// without taking it, and let those go on who waited behind it only. If they unwind through a
/// guard for writing they poison the lock as a panic does.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::{RwLock, RwLockWriteGuard};
///
/// static LIMITS: RwLock<Vec<u32>> = RwLock::new(Vec::new());
///
/// let mut writer = LIMITS.write().unwrap();
/// writer.push(7);
/// let reader = RwLockWriteGuard::downgrade(writer);
/// assert_eq!(*reader, *LIMITS.read().unwrap());
/// ```
pub struct RwLock<T: ?Sized> {
    poison: Flag,
    inner: lock_api::RwLock<RawRwLock, T>,
}

/// The right to read what an [`RwLock`] protects; dropped, it leaves the lock.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    inner: LockGuard<lock_api::RwLockReadGuard<'a, RawRwLock, T>>,
}

/// The right to change what an [`RwLock`] protects; dropped, it leaves the lock.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    // Before the lock: it is dropped first.
    section: Section<'a>,
    inner: LockGuard<lock_api::RwLockWriteGuard<'a, RawRwLock, T>>,
}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}
impl<T: RefUnwindSafe + ?Sized> UnwindSafe for RwLockReadGuard<'_, T> {}
impl<T: RefUnwindSafe + ?Sized> RefUnwindSafe for RwLockReadGuard<'_, T> {}
impl<T: ?Sized> UnwindSafe for RwLockWriteGuard<'_, T> {}
impl<T: ?Sized> RefUnwindSafe for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// Makes a lock that nobody holds.
    #[inline]
    pub const fn new(t: T) -> RwLock<T> {
        RwLock { poison: Flag::new(), inner: lock_api::RwLock::new(t) }
    }

    /// Gives the data back.
    ///
    /// # Errors
    ///
    /// The data all the same, if the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        self.poison.judge(self.inner.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Blocks the calling thread until it may read: no writer holds the lock, nor waits for it
    /// since before.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the lock is poisoned.
    ///
    /// # Panics
    ///
    /// If there are 2³⁰ readers.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.poison.judge(RwLockReadGuard { inner: LockGuard::new(self.inner.read()) })
    }

    /// Locks for reading if that needs no wait. Never blocks.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if a writer holds the lock, or somebody waits for it; `Poisoned`, with the
    /// guard, if not and the lock is poisoned.
    ///
    /// # Panics
    ///
    /// As [`read`](RwLock::read).
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        match self.inner.try_read() {
            Some(inner) => {
                Ok(self.poison.judge(RwLockReadGuard { inner: LockGuard::new(inner) })?)
            }
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Blocks the calling thread until it may write: nobody holds the lock, and all who have
    /// waited since before had their turn.
    ///
    /// A thread that holds the lock already, in whatever way, blocks for ever.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the lock is poisoned.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.write_guard(self.inner.write())
    }

    /// Locks for writing if that needs no wait. Never blocks.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if somebody holds the lock; `Poisoned`, with the guard, if not and the lock is
    /// poisoned.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        match self.inner.try_write() {
            Some(inner) => Ok(self.write_guard(inner)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Whether the lock is poisoned, which may change at any moment unless it is held.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the data to be in order again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The data, of a lock that nobody else knows.
    ///
    /// # Errors
    ///
    /// The data all the same, if the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.judge(self.inner.get_mut())
    }

    #[inline]
    fn write_guard<'a>(
        &'a self,
        inner: lock_api::RwLockWriteGuard<'a, RawRwLock, T>,
    ) -> LockResult<RwLockWriteGuard<'a, T>> {
        let section = self.poison.section();
        self.poison.judge(RwLockWriteGuard { section, inner: LockGuard::new(inner) })
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Makes a reader of the writer, without letting another writer in between. Readers who wait
    /// for this writer only go on. Never blocks.
    pub fn downgrade(s: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { section, inner } = s;
        // It has ended well, even where a destructor ends it during a panic.
        mem::forget(section);
        let inner = lock_api::RwLockWriteGuard::downgrade(inner.into_inner());
        RwLockReadGuard { inner: LockGuard::new(inner) }
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(t: T) -> RwLock<T> {
        RwLock::new(t)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => fields.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => fields.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => fields.field("data", &format_args!("<locked>")),
        };
        fields.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
