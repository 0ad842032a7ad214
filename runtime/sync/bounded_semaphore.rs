//! Semaphores whose permits nobody can multiply.

use super::semaphore::{ReleaseError, Semaphore, SemaphoreGuard};
use std::fmt;
use std::time::{Duration, Instant};

/// A [`Semaphore`] to which no more permits can be released than it was made with.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::BoundedSemaphore;
///
/// let semaphore = BoundedSemaphore::new(1);
/// semaphore.acquire();
/// assert!(semaphore.release().is_ok());
/// assert!(semaphore.release().is_err());
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
pub struct BoundedSemaphore {
    semaphore: Semaphore,
}

impl BoundedSemaphore {
    /// Makes a semaphore with so many permits, which it will never exceed.
    #[must_use]
    pub const fn new(permits: usize) -> BoundedSemaphore {
        BoundedSemaphore { semaphore: Semaphore::with_bound(permits, permits) }
    }

    /// As [`Semaphore::acquire`].
    pub fn acquire(&self) {
        self.semaphore.acquire();
    }

    /// As [`Semaphore::acquire_many`].
    ///
    /// # Panics
    ///
    /// If there will never be so many permits.
    pub fn acquire_many(&self, count: usize) {
        self.semaphore.acquire_many(count);
    }

    /// As [`Semaphore::acquire_timeout`].
    #[must_use]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.semaphore.acquire_timeout(timeout)
    }

    /// As [`Semaphore::acquire_until`].
    #[must_use]
    pub fn acquire_until(&self, deadline: Instant) -> bool {
        self.semaphore.acquire_until(deadline)
    }

    /// As [`Semaphore::try_acquire`].
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        self.semaphore.try_acquire()
    }

    /// As [`Semaphore::try_acquire_many`].
    #[must_use]
    pub fn try_acquire_many(&self, count: usize) -> bool {
        self.semaphore.try_acquire_many(count)
    }

    /// Gives a permit back. Never blocks.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if all permits are there already.
    pub fn release(&self) -> Result<(), ReleaseError> {
        self.semaphore.give(1)
    }

    /// Gives `count` permits back, or none. Never blocks.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if there would be more permits than the semaphore was made with.
    pub fn release_many(&self, count: usize) -> Result<(), ReleaseError> {
        self.semaphore.give(count)
    }

    /// As [`Semaphore::available_permits`].
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// As [`Semaphore::access`]. If all permits are there when the guard is dropped, because
    /// somebody has released one that he did not have, it changes nothing.
    pub fn access(&self) -> SemaphoreGuard<'_> {
        self.semaphore.access()
    }

    /// As [`Semaphore::access_timeout`].
    #[must_use]
    pub fn access_timeout(&self, timeout: Duration) -> Option<SemaphoreGuard<'_>> {
        self.semaphore.access_timeout(timeout)
    }

    /// As [`Semaphore::try_access`].
    #[must_use]
    pub fn try_access(&self) -> Option<SemaphoreGuard<'_>> {
        self.semaphore.try_access()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available_permits", &self.available_permits())
            .field("bound", &self.semaphore.bound)
            .finish_non_exhaustive()
    }
}
