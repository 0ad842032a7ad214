//! A value that one thread uses all the time, and that others hardly ever want to see.
//!
//! The owner says when it is at the value, by plain stores, and looks whether somebody else wants
//! it; whoever does says so, and comes back later if the owner was there. It costs the owner two
//! stores and a load; a lock would cost it two read-modify-writes, which wait for all that was
//! written before.
//!
//! # State
//!
//! | word | meaning | who changes it |
//! |---|---|---|
//! | `is_owner_there` | the owner is at the value | the owner |
//! | `is_wanted` | somebody else is, unless the owner was there before | the holder of `others` |
//!
//! # Invariants
//!
//! 1. One thread is at the value at a time: the owner while `is_owner_there` is set and it has seen
//!    `is_wanted` clear since; or the holder of `others` while `is_wanted` is set and it has seen
//!    `is_owner_there` clear since.
//! 2. The owner is there for moments, and nothing that it does there comes back here.
//!
//! # Orderings
//!
//! Invariant 1 is Dekker's argument: either side writes its word, then reads the other's, with the
//! fences of `barrier` in between. Each leaves with a `Release` store that the other one's
//! `Acquire` load reads.

use super::atomic::{AtomicBool, Mutex, Ordering, UnsafeCell};
use super::barrier;
use std::fmt;

/// A value with one owner.
pub(super) struct Owned<T> {
    is_owner_there: AtomicBool,
    is_wanted: AtomicBool,
    value: UnsafeCell<T>,
    others: Mutex<()>,
}

// SAFETY: the value may be sent, and is used by one thread at a time (invariant 1).
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send> Sync for Owned<T> {}

impl<T> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}

impl<T> Owned<T> {
    pub(super) fn new(value: T) -> Owned<T> {
        Owned {
            is_owner_there: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            value: UnsafeCell::new(value),
            others: Mutex::new(()),
        }
    }

    /// Where the value lies, for debuggers.
    #[cfg(not(loom))]
    pub(super) fn as_ptr(&self) -> *mut T {
        self.value.with_mut(|value| value)
    }

    /// Has the owner at the value while `body` runs.
    ///
    /// # Safety
    ///
    /// By the owner; `body` does not come back here.
    #[inline(always)]
    pub(super) unsafe fn own<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        self.is_owner_there.store(true, Ordering::Relaxed);
        // Pairs with the one in `visit`.
        barrier::frequent();
        if self.is_wanted.load(Ordering::Acquire) {
            self.give_way();
        }
        // SAFETY: invariant 1.
        let result = self.value.with_mut(|value| body(unsafe { &mut *value }));
        self.is_owner_there.store(false, Ordering::Release);
        result
    }

    /// Lets whoever wants the value have it first.
    #[cold]
    fn give_way(&self) {
        loop {
            self.is_owner_there.store(false, Ordering::Release);
            drop(self.others.lock());
            self.is_owner_there.store(true, Ordering::Relaxed);
            barrier::frequent();
            if !self.is_wanted.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Calls `body` with the value, unless the owner is at it. From any thread; the owner waits
    /// meanwhile.
    pub(super) fn visit<R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        let others = self.others.lock();
        self.is_wanted.store(true, Ordering::Relaxed);
        // Pairs with those in `own` and `give_way`.
        let is_free = barrier::rare() && !self.is_owner_there.load(Ordering::Acquire);
        // SAFETY: invariant 1.
        let result = is_free.then(|| self.value.with_mut(|value| body(unsafe { &mut *value })));
        self.is_wanted.store(false, Ordering::Release);
        drop(others);
        result
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Owned;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_a_visitor_and_the_owner_have_the_value_to_themselves() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let number = Arc::new(Owned::new(0_u32));
            let other = number.clone();
            let visitor = thread::spawn(move || {
                let add = |number: &mut u32| *number += 1;
                (0..2).filter(|_| other.visit(add).is_some()).count()
            });
            // SAFETY: this thread is the owner.
            (0..2).for_each(|_| unsafe { number.own(|number| *number += 10) });
            let visits = visitor.join().expect("the visitor does not panic");
            // SAFETY: as above.
            let sum = unsafe { number.own(|number| *number) };
            assert_eq!(sum as usize, 20 + visits);
        });
    }
}
