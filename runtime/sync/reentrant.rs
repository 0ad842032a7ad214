//! A mutex that its holder may lock again.

use crate::engine::{self, CallerId, RawMutex};
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A [`Mutex`](super::Mutex) that its holder, green thread or OS thread, may lock again, and
/// unlocks as often.
///
/// Since there may be several guards at once they give shared references only: put a `Cell` or a
/// `RefCell` inside. There is no poison. For the rest, kills and timeouts included, it waits as a
/// `Mutex` does. It is std's unstable `ReentrantLock`, and gevent's `RLock`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::ReentrantMutex;
/// use std::cell::Cell;
///
/// let mutex = ReentrantMutex::new(Cell::new(0));
/// let outer = mutex.lock();
/// mutex.lock().set(1);
/// assert_eq!(outer.get(), 1);
/// ```
pub struct ReentrantMutex<T: ?Sized> {
    inner: lock_api::ReentrantMutex<RawMutex, CallerId, T>,
}

/// One of the locks that a thread has on a [`ReentrantMutex`]; dropped, it is given back.
#[must_use = "if unused the ReentrantMutex will immediately unlock"]
pub struct ReentrantMutexGuard<'a, T: ?Sized + 'a> {
    inner: lock_api::ReentrantMutexGuard<'a, RawMutex, CallerId, T>,
}

impl<T: UnwindSafe + ?Sized> UnwindSafe for ReentrantMutex<T> {}
impl<T: RefUnwindSafe + ?Sized> RefUnwindSafe for ReentrantMutex<T> {}

impl<T> ReentrantMutex<T> {
    /// Makes a mutex that is not locked.
    pub const fn new(t: T) -> ReentrantMutex<T> {
        ReentrantMutex { inner: lock_api::ReentrantMutex::new(t) }
    }

    /// Gives the data back.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Blocks the calling thread until it holds the mutex. Does not block if it does already.
    ///
    /// # Panics
    ///
    /// If it has locked it `usize::MAX` times.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> ReentrantMutexGuard<'_, T> {
        let _here = engine::locks_here();
        ReentrantMutexGuard { inner: self.inner.lock() }
    }

    /// Locks the mutex unless another thread holds it. Never blocks.
    ///
    /// # Panics
    ///
    /// As [`lock`](ReentrantMutex::lock).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T>> {
        let _here = engine::locks_here();
        self.inner.try_lock().map(|inner| ReentrantMutexGuard { inner })
    }

    /// Whether the calling thread holds the mutex.
    pub fn is_owned_by_current_thread(&self) -> bool {
        self.inner.is_owned_by_current_thread()
    }

    /// The data, of a mutex that nobody else knows.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    fn from(t: T) -> ReentrantMutex<T> {
        ReentrantMutex::new(t)
    }
}

impl<T: Default> Default for ReentrantMutex<T> {
    fn default() -> ReentrantMutex<T> {
        ReentrantMutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("ReentrantMutex");
        match self.try_lock() {
            Some(guard) => fields.field("data", &&*guard),
            None => fields.field("data", &format_args!("<locked>")),
        };
        fields.finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
