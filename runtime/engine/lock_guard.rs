//! The guards of `lock_api`, shared between threads as std's are.
//!
//! A guard of `lock_api` holds a reference to its lock, and a lock can be shared only if its data
//! can be sent, since whoever shares it may take the data out. A guard that gives nothing but the
//! data away needs less, and std asks for less: the data is to be `Sync`. It matters for data that
//! stays on its thread and yet can be shared, like a guard of another lock.
//!
//! # Invariants
//!
//! 1. A reference to a [`LockGuard`] gives references to the data, and nothing else of the guard.

use super::raw_mutex::RawMutex;
use super::raw_rwlock::RawRwLock;
use std::ops::{Deref, DerefMut};

/// A guard of `lock_api`; dropped, it gives its lock back.
pub(crate) struct LockGuard<G>(G);

// SAFETY: invariant 1: what other threads get are references to the data, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<lock_api::MutexGuard<'_, RawMutex, T>> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<lock_api::RwLockReadGuard<'_, RawRwLock, T>> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<lock_api::RwLockWriteGuard<'_, RawRwLock, T>> {}

impl<G> LockGuard<G> {
    #[inline]
    pub(crate) fn new(inner: G) -> LockGuard<G> {
        LockGuard(inner)
    }

    #[inline]
    pub(crate) fn into_inner(self) -> G {
        self.0
    }
}

impl<G: Deref> Deref for LockGuard<G> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        &self.0
    }
}

impl<G: DerefMut> DerefMut for LockGuard<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.0
    }
}
