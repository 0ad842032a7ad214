//! A buffer for bytes on their way through: one for each OS thread, so one for each worker.
//!
//! It is taken out of its place for the time of a closure and put back after it, also by an
//! unwinding. So it is right whatever the closure does: if it suspended, which it does not, the
//! next green thread of the worker would find the place empty and get a buffer of its own. The
//! closures here only make calls that suspend nobody, hence there is one buffer as a rule.

use std::cell::Cell;

/// What one call moves: as much as a pipe holds, and a good part of what a socket's buffer does.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Calls `body` with the buffer, whose contents are what somebody has left there.
pub(crate) fn with<R>(body: impl FnOnce(&mut [u8]) -> R) -> R {
    // The place is gone when the thread-locals of an OS thread are destroyed.
    let taken = BUFFER.try_with(Cell::take).ok().flatten();
    let mut lent = Lent(taken.unwrap_or_else(|| vec![0; BUFFER_BYTES].into()));
    body(&mut lent.0)
}

struct Lent(Box<[u8]>);

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        let _ = BUFFER.try_with(|place| place.set(Some(buffer)));
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER_BYTES, with};

    #[test]
    fn buffer_is_the_same_one_after_the_other_and_another_one_inside() {
        let first = with(|buffer| buffer.as_ptr());
        with(|buffer| {
            assert_eq!((buffer.as_ptr(), buffer.len()), (first, BUFFER_BYTES));
            with(|inner| assert_ne!(inner.as_ptr(), first));
        });
    }

    #[test]
    fn unwinding_puts_the_buffer_back() {
        let first = with(|buffer| buffer.as_ptr());
        let outcome = std::panic::catch_unwind(|| with(|_| std::panic::resume_unwind(Box::new(1))));
        assert!(outcome.is_err());
        assert_eq!(with(|buffer| buffer.as_ptr()), first);
    }
}
