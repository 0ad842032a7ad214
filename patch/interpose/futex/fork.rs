//! A forked child: none of those who waited is there, nor whoever held a lock.

use super::TABLE;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sees to it that children that are forked from now on find nobody waiting.
#[inline]
pub(super) fn prepare() {
    static IS_PREPARED: AtomicBool = AtomicBool::new(false);
    // Relaxed: the handler is needed by later forks; it guards nothing.
    if !IS_PREPARED.load(Ordering::Relaxed) && !IS_PREPARED.swap(true, Ordering::Relaxed) {
        // SAFETY: a function that may be called in a child: it stores words.
        let outcome = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        debug_assert_eq!(outcome, 0, "there is memory for a handler");
    }
}

extern "C" fn forget() {
    // SAFETY: a child begins with one thread, this one, which forks and so holds no bucket.
    unsafe { TABLE.reset() };
}
