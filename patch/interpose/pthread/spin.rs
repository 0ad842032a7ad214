//! `pthread_spin_lock`: whoever holds it may have to run first, on the same worker.

use crate::{futex, gate};
use libc::c_int;

/// Tries of a spin lock between which the processor is kept: a holder on another one is quick.
const SPINS: u32 = 100;

/// A spin lock; not in the `libc` crate.
pub(crate) type Spinlock = c_int;

mod real {
    use super::{Spinlock, c_int};

    originals! {
        fn pthread_spin_lock(lock: *mut Spinlock) -> c_int;
        fn pthread_spin_trylock(lock: *mut Spinlock) -> c_int;
    }
}

hooks! {
    /// Lets other green threads run between tries.
    fn pthread_spin_lock(lock: *mut Spinlock) -> c_int {
        // SAFETY: the caller's lock, here and below.
        unsafe {
            if !gate::is_cooperative() {
                return real::pthread_spin_lock(lock);
            }
            loop {
                for _ in 0..SPINS {
                    match real::pthread_spin_trylock(lock) {
                        libc::EBUSY => std::hint::spin_loop(),
                        outcome => return outcome,
                    }
                }
                futex::yield_now();
            }
        }
    }
}
