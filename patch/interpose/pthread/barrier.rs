//! `pthread_barrier_wait`: green threads and OS threads meet in the table.
//!
//! The C library counts those who have come inside of its own function, which blocks. So here all
//! threads are counted, once hooks are installed, and OS threads park, too. A barrier at which an
//! OS thread waits while they are being installed misses that one. Barriers that processes share
//! are the C library's: they block.

use super::layout::{BARRIER_COUNT, BARRIER_SHARED};
use crate::futex::bucket::{ANY, Key};
use crate::futex::kind;
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, wait};
use crate::symbol::count_blocked;
use crate::{gate, raw};
use greenstd_runtime::hooks;
use libc::{c_int, pthread_barrier_t};
use std::cell::Cell;

/// What the last one is told; not in the `libc` crate for all platforms.
const SERIAL_THREAD: c_int = -1;

mod real {
    use super::{c_int, pthread_barrier_t};

    originals! {
        fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int;
    }
}

hooks! {
    /// Parks until as many threads have come as the barrier is for. A kill does not end the wait.
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int {
        // SAFETY: the caller's barrier, here and below.
        unsafe {
            if !hooks::is_installed() {
                return real::pthread_barrier_wait(barrier);
            }
            let count = BARRIER_COUNT.read(barrier);
            let (Some(count), Some(0)) = (count, BARRIER_SHARED.read(barrier)) else {
                if gate::is_cooperative() {
                    count_blocked(&BLOCKED);
                }
                return real::pthread_barrier_wait(barrier);
            };
            let errno = raw::errno();
            let outcome = meet(barrier.expose_provenance(), count as usize);
            raw::set_errno(errno);
            outcome.unwrap_or_else(|| real::pthread_barrier_wait(barrier))
        }
    }
}

/// None if the process is a forked child.
fn meet(address: usize, count: usize) -> Option<c_int> {
    let ask = Ask {
        key: Key { address, kind: kind::BARRIER },
        mask: ANY,
        limit: Limit::Never,
        look_after: None,
        heeds_kill: false,
    };
    let is_last = Cell::new(false);
    let waited = wait(
        &ask,
        |bucket, chain| {
            is_last.set(bucket.count(ask.key) + 1 >= count);
            if is_last.get() {
                bucket.take(ask.key, ANY, usize::MAX, chain);
            }
            !is_last.get()
        },
        || false,
    );
    match waited {
        _ if is_last.get() => Some(SERIAL_THREAD),
        Waited::Refused => None,
        _ => Some(0),
    }
}
