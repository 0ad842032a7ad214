//! The free fibers that a worker is to run next: a queue of its own, which others may empty while
//! it is stuck.
//!
//! The queue changes with every switch, and somebody else wants it once in a blue moon, when the
//! fiber that the worker runs does not give it back (`sentry`): so it is `Owned` by the worker. A
//! queue for thieves would cost a read-modify-write, which waits for all that the last fiber has
//! written.
//!
//! For those who have nothing to run the worker puts some into its stealable queue (`spread`).

use super::atomic::{AtomicUsize, Ordering};
use super::owned::Owned;
use std::collections::VecDeque;
use std::fmt;

/// The queue.
pub(crate) struct Backlog<T> {
    /// How many there are; an estimate to others. Changed by whoever is at the queue.
    len: AtomicUsize,
    queue: Owned<VecDeque<T>>,
}

impl<T> fmt::Debug for Backlog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<T> Backlog<T> {
    pub(super) fn new() -> Backlog<T> {
        Backlog { len: AtomicUsize::new(0), queue: Owned::new(VecDeque::new()) }
    }

    /// How many there are. Exact for the owner while nobody else is at the queue.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Puts one behind all others.
    ///
    /// # Safety
    ///
    /// By the owner.
    #[inline]
    pub(super) unsafe fn push(&self, item: T) {
        // SAFETY: passed on; `VecDeque` knows nothing of this.
        unsafe { self.own(|queue| queue.push_back(item)) };
    }

    /// Takes the first one, and has `look` see those behind it.
    ///
    /// # Safety
    ///
    /// By the owner; `look` does not come back here.
    #[inline]
    pub(super) unsafe fn pop(&self, look: impl FnOnce(&VecDeque<T>)) -> Option<T> {
        if self.len() == 0 {
            // It is the owner who puts some in.
            return None;
        }
        // SAFETY: passed on.
        unsafe {
            self.own(|queue| {
                let first = queue.pop_front();
                look(queue);
                first
            })
        }
    }

    /// Has the owner at the queue while `body` runs.
    ///
    /// # Safety
    ///
    /// By the owner; `body` does not come back here.
    #[inline(always)]
    unsafe fn own<R>(&self, body: impl FnOnce(&mut VecDeque<T>) -> R) -> R {
        // SAFETY: passed on.
        unsafe {
            self.queue.own(|queue| {
                let result = body(queue);
                self.len.store(queue.len(), Ordering::Relaxed);
                result
            })
        }
    }

    /// Takes all of them, unless the owner is there. From any thread but the owner's.
    pub(super) fn take_all(&self) -> VecDeque<T> {
        let mut taken = VecDeque::new();
        if self.len() == 0 {
            return taken;
        }
        self.queue.visit(|queue| {
            taken.append(queue);
            self.len.store(0, Ordering::Relaxed);
        });
        taken
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Backlog;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_who_empties_the_backlog_has_it_to_himself() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let backlog = Arc::new(Backlog::new());
            let other = backlog.clone();
            let sentry = thread::spawn(move || {
                let mut taken: Vec<u32> = other.take_all().into();
                taken.extend(other.take_all());
                taken
            });
            let mut seen = Vec::new();
            // SAFETY: this thread is the owner.
            unsafe {
                backlog.push(1);
                backlog.push(2);
                seen.extend(backlog.pop(|_| ()));
                backlog.push(3);
            }
            seen.extend(sentry.join().expect("the sentry does not panic"));
            // SAFETY: as above.
            seen.extend(std::iter::from_fn(|| unsafe { backlog.pop(|_| ()) }));
            seen.sort_unstable();
            assert_eq!(seen, [1, 2, 3]);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::atomic::{AtomicBool, Ordering};
    use super::Backlog;
    use std::thread;

    #[test]
    fn first_in_is_first_out_and_the_next_are_seen() {
        let backlog = Backlog::new();
        let mut seen = Vec::new();
        // SAFETY: this thread is the owner.
        unsafe {
            (0..5).for_each(|number| backlog.push(number));
            assert_eq!(backlog.pop(|queue| seen.extend(queue.iter().copied())), Some(0));
        }
        assert_eq!((seen.as_slice(), backlog.len()), ([1, 2, 3, 4].as_slice(), 4));
        assert_eq!(backlog.take_all(), [1, 2, 3, 4]);
        // SAFETY: as above.
        assert_eq!(unsafe { backlog.pop(|_| ()) }, None);
    }

    #[test]
    fn each_is_had_once_whoever_takes_it() {
        const COUNT: usize = 200_000;
        let (backlog, is_over) = (Backlog::new(), AtomicBool::new(false));
        let (mut own, taken) = thread::scope(|scope| {
            let sentry = scope.spawn(|| {
                let mut taken = Vec::new();
                while !is_over.load(Ordering::Acquire) {
                    taken.extend(backlog.take_all());
                }
                taken
            });
            let mut own = Vec::new();
            for number in 0..COUNT {
                // SAFETY: this thread is the owner.
                unsafe {
                    backlog.push(number);
                    if number % 3 > 0 {
                        own.extend(backlog.pop(|_| ()));
                    }
                }
            }
            is_over.store(true, Ordering::Release);
            (own, sentry.join().unwrap())
        });
        own.extend(taken);
        own.extend(backlog.take_all());
        own.sort_unstable();
        assert!(own.into_iter().eq(0..COUNT));
    }
}
