//! The lock of a bucket: held for moments, and never by anybody who meets a hook.
//!
//! std's locks and `parking_lot`'s wait by the C library's `syscall`, which is hooked here and
//! takes this lock. So this one waits by the instruction itself. Whoever holds it calls nothing
//! that blocks, parks or allocates; a green thread that holds it is not switched away from.
//!
//! # State
//!
//! | word | meaning | left by |
//! |---|---|---|
//! | `FREE` | nobody holds it | whoever swaps something else in: the holder from there on |
//! | `HELD` | held, and nobody sleeps | the holder's swap of `FREE`; a sleeper's of `CONTENDED` |
//! | `CONTENDED` | held, and somebody may sleep | the holder's swap of `FREE`, after which it wakes one |
//!
//! Nobody is left asleep: a sleeper sleeps only while the kernel finds `CONTENDED`, which the
//! holder replaces before it wakes one; and whoever was woken takes the lock as `CONTENDED`, for he
//! does not know whether he was the last. As in Drepper's "Futexes Are Tricky", mutex 2.

use crate::raw::{self, Sysno};
use std::cell::UnsafeCell;
use std::hint;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// Looks at the word before one sleeps: about as long as the lock is held.
const SPINS: u32 = 100;

/// A value behind the lock.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, as in std's Mutex.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Holds a [`Lock`].
#[must_use = "it holds until it is dropped"]
pub(crate) struct Guard<'l, T>(&'l Lock<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Lock<T> {
        Lock { word: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // Acquire pairs with the swap in `drop`.
        let taken = self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            self.wait();
        }
        Guard(self)
    }

    /// Makes it as new, whoever holds it.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and does not hold it.
    pub(crate) unsafe fn reset(&self, value: T) {
        // SAFETY: nobody else is left who could reach it. The old value is of those who are gone.
        unsafe { self.value.get().write(value) };
        self.word.store(FREE, Ordering::Relaxed);
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..SPINS {
            let is_free = self.word.load(Ordering::Relaxed) == FREE;
            let take = || {
                self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
            };
            if is_free && take() {
                return;
            }
            hint::spin_loop();
        }
        while self.word.swap(CONTENDED, Ordering::Acquire) != FREE {
            self.call(libc::FUTEX_WAIT, CONTENDED);
        }
    }

    fn call(&self, command: libc::c_int, value: u32) {
        let operation = command | libc::FUTEX_PRIVATE_FLAG;
        let word = (&raw const self.word).addr();
        // SAFETY: a word that is alive. Whatever comes of it, the caller looks at the word.
        let _ =
            unsafe { raw::call(Sysno::futex, [word, operation as usize, value as usize, 0, 0, 0]) };
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.word.swap(FREE, Ordering::Release) == CONTENDED {
            self.0.call(libc::FUTEX_WAKE, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;
    use std::thread;

    #[test]
    fn what_many_threads_count_under_the_lock_is_exact() {
        let count = Lock::new(0_u64);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25_000 {
                        *count.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*count.lock(), 100_000);
    }
}
