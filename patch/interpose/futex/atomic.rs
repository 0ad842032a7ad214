//! The atomics, cells and lock of the table's protocol: the real ones, or loom's under
//! `cfg(loom)`.
//!
//! `bucket.rs` imports from here only, so that loom explores the very code that ships.

#[cfg(not(loom))]
pub(crate) use super::lock::Lock;
#[cfg(loom)]
pub(crate) use loom::cell::Cell;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::cell::Cell;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

/// loom's mutex in the shape of ours: `lock` gives the guard itself.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Lock<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("a loom model that panicked has failed already")
    }
}
