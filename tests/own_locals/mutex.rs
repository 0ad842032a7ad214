//! A mutex of C that knows its owner and lets him lock it again.

use std::cell::UnsafeCell;
use std::mem::{self, MaybeUninit};

/// `PTHREAD_MUTEX_RECURSIVE`.
pub struct Recursive(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a mutex.
unsafe impl Send for Recursive {}
// SAFETY: as above.
unsafe impl Sync for Recursive {}

impl Recursive {
    /// In a box, because it may not move once it is used.
    pub fn new() -> Box<Recursive> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: attributes and mutex are initialised before use.
        unsafe {
            assert_eq!(libc::pthread_mutexattr_init(attributes.as_mut_ptr()), 0);
            let kind = libc::PTHREAD_MUTEX_RECURSIVE;
            assert_eq!(libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), kind), 0);
            let mutex = Box::new(Recursive(UnsafeCell::new(mem::zeroed())));
            assert_eq!(libc::pthread_mutex_init(mutex.0.get(), attributes.as_ptr()), 0);
            mutex
        }
    }

    /// Whether the caller has got it, perhaps once more.
    pub fn try_lock(&self) -> bool {
        // SAFETY: initialised in `new`.
        unsafe { libc::pthread_mutex_trylock(self.0.get()) == 0 }
    }

    pub fn unlock(&self) {
        // SAFETY: as in `try_lock`.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0.get()) }, 0);
    }
}
