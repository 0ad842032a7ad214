//! A buffer for bytes on their way through, lent for the time of a closure.
//!
//! Each worker keeps one in a thread-local, where it stays in the cache of its processor. A green
//! thread with its own thread-locals would keep one for itself there, all its life long, so it
//! takes one of a few that the process keeps; so does a plain OS thread.
//!
//! A buffer is out of its place for the time of the closure, and put back after it, also by an
//! unwinding. So it is right whatever the closure does: if it suspended, which it does not, the
//! next green thread of the worker would find the place empty and get a buffer of its own. The
//! closures here only make calls that suspend nobody, hence there is one buffer as a rule.

use greenstd_runtime::thread::ThreadLocals;
use std::cell::Cell;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// What one call moves: as much as a pipe holds, and a good part of what a socket's buffer does.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Buffers that the process keeps: as many as are in use at once on this many processors.
const KEPT: usize = 16;

thread_local! {
    /// A worker's.
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Everybody else's.
static BUFFERS: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// Calls `body` with a buffer, whose contents are what somebody has left there.
pub(crate) fn with<R>(body: impl FnOnce(&mut [u8]) -> R) -> R {
    let is_shared = ThreadLocals::current() == ThreadLocals::Own;
    let taken = match is_shared {
        true => BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        // The place is gone when the thread-locals of the worker are destroyed.
        false => BUFFER.try_with(Cell::take).ok().flatten(),
    };
    let buffer = taken.unwrap_or_else(|| vec![0; BUFFER_BYTES].into());
    let mut lent = Lent { buffer, is_shared };
    body(&mut lent.buffer)
}

struct Lent {
    buffer: Box<[u8]>,
    is_shared: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = mem::take(&mut self.buffer);
        if !self.is_shared {
            let _ = BUFFER.try_with(|place| place.set(Some(buffer)));
            return;
        }
        let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < KEPT {
            buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER_BYTES, BUFFERS, KEPT, with};
    use greenstd_runtime::runtime::Builder;
    use greenstd_runtime::thread::{self, ThreadLocals};
    use std::panic::{catch_unwind, resume_unwind};

    fn on_a_worker(body: impl FnOnce() + Send + 'static) {
        Builder::new().workers(1).build().unwrap().run(body);
    }

    #[test]
    fn buffer_is_the_same_one_after_the_other_and_another_one_inside() {
        on_a_worker(|| {
            let first = with(|buffer| buffer.as_ptr());
            with(|buffer| {
                assert_eq!((buffer.as_ptr(), buffer.len()), (first, BUFFER_BYTES));
                with(|inner| assert_ne!(inner.as_ptr(), first));
            });
        });
    }

    #[test]
    fn unwinding_puts_the_buffer_back() {
        on_a_worker(|| {
            let first = with(|buffer| buffer.as_ptr());
            let outcome = catch_unwind(|| with(|_| resume_unwind(Box::new(1))));
            assert!(outcome.is_err());
            assert_eq!(with(|buffer| buffer.as_ptr()), first);
        });
    }

    #[test]
    fn no_green_thread_with_its_own_thread_locals_keeps_one() {
        on_a_worker(|| {
            let lend = || {
                let own = thread::Builder::new().thread_locals(ThreadLocals::Own);
                let used = || {
                    with(|buffer| buffer.len());
                    thread::park();
                };
                own.spawn(used).unwrap()
            };
            let all: Vec<_> = (0..3 * KEPT).map(|_| lend()).collect();
            thread::yield_now();
            // All are parked, and one after another has used the same.
            assert!((1..=KEPT).contains(&BUFFERS.lock().unwrap().len()));
            all.iter().for_each(|one| one.thread().unpark());
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    }
}
