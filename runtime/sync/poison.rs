//! Poison: the mark that a panic leaves on a lock whose critical section it has cut short.
//!
//! As in std, only a panic that began while the lock was held counts: a lock that is taken and
//! given back by a destructor, during an unwinding, is as good as before. A kill and an expired
//! timeout scope unwind as well, and poison what they cut short just the same.
//!
//! `std::thread::panicking` tells about an OS thread. It is the green thread's own answer too,
//! because one that unwinds never lets another run on its worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError};
use std::thread;

/// The mark of one lock. The lock itself orders it, so all its accesses are relaxed.
#[derive(Debug)]
pub(super) struct Flag(AtomicBool);

/// A critical section under a lock: poisons the lock if it is dropped by a panic that began after
/// it. To be dropped before the lock is given back.
#[derive(Debug)]
pub(super) struct Section<'a> {
    flag: &'a Flag,
    began_panicking: bool,
}

impl Flag {
    pub(super) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// To be called as soon as the lock is held.
    #[inline]
    pub(super) fn section(&self) -> Section<'_> {
        Section { flag: self, began_panicking: thread::panicking() }
    }

    /// As what the guard of a lock is returned, or its data.
    #[inline]
    pub(super) fn judge<T>(&self, value: T) -> LockResult<T> {
        if self.is_set() { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<'a> Section<'a> {
    pub(super) fn flag(&self) -> &'a Flag {
        self.flag
    }
}

impl Drop for Section<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.began_panicking && thread::panicking() {
            self.flag.0.store(true, Ordering::Relaxed);
        }
    }
}
