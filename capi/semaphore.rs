//! Permits that threads take and give: `gs_semaphore`.

use crate::guard::{self, Errno};
use crate::handle::{Mark, Opaque};
use crate::lazy::{self, Word};
use greenstd_runtime::sync::Semaphore;
use libc::{c_int, c_uint, c_void};

/// A semaphore. GS_SEMAPHORE_INIT, or zeroes, are one without permits; it must not be copied or
/// moved once it was used.
#[repr(C)]
#[derive(Debug)]
pub struct gs_semaphore {
    /// The library's.
    pub state: *mut c_void,
}

/// The library's part of a semaphore.
struct Permits {
    mark: Mark,
    inner: Semaphore,
}

impl Opaque for Permits {
    const MARK: [u8; 8] = *b"gs_semap";

    fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Default for Permits {
    fn default() -> Permits {
        Permits::new(0)
    }
}

impl Permits {
    fn new(count: c_uint) -> Permits {
        Permits { mark: Mark::of::<Permits>(), inner: Semaphore::new(count as usize) }
    }
}

fn word(semaphore: *mut gs_semaphore) -> *mut Word {
    semaphore.cast()
}

unsafe fn permits_of<'a>(semaphore: *mut gs_semaphore) -> Result<&'a Permits, Errno> {
    // SAFETY: the caller's promise.
    unsafe { lazy::get(word(semaphore)) }
}

/// Makes memory a semaphore with so many permits, whatever it holds: not to be called for one that
/// is used. Never blocks.
///
/// Returns 0; -EINVAL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_init(semaphore: *mut gs_semaphore, permits: c_uint) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        unsafe { lazy::set(word(semaphore), Some(Permits::new(permits))) }
    }))
}

/// Frees what a semaphore has of the library: nobody may wait for it. It is one that was never used
/// afterwards, without permits. Never blocks.
///
/// Returns 0; -EINVAL for NULL and for what is no semaphore.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_destroy(semaphore: *mut gs_semaphore) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lazy::clear(word(semaphore), |_: &Permits| true) }))
}

/// Blocks the calling thread, of either kind, until there is a permit, and takes it. First come,
/// first served.
///
/// Returns 0; -EINVAL for NULL and for what is no semaphore; -ECANCELED if the caller was killed:
/// then it took none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_wait(semaphore: *mut gs_semaphore) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_semaphore_timedwait(semaphore, -1) }
}

/// gs_semaphore_wait for so many nanoseconds at most; negative is for ever, 0 does not wait.
///
/// Returns what gs_semaphore_wait does; -ETIMEDOUT if there was no permit in time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_timedwait(
    semaphore: *mut gs_semaphore,
    timeout_ns: i64,
) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let semaphore = &unsafe { permits_of(semaphore) }?.inner;
        let has_one = match guard::deadline(timeout_ns) {
            Some(deadline) => semaphore.try_acquire() || semaphore.acquire_until(deadline),
            None => {
                semaphore.acquire();
                true
            }
        };
        has_one.then_some(()).ok_or(libc::ETIMEDOUT)
    }))
}

/// Takes a permit if there is one for which nobody waits. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no semaphore; -EAGAIN if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_trywait(semaphore: *mut gs_semaphore) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let has_one = unsafe { permits_of(semaphore) }?.inner.try_acquire();
        has_one.then_some(()).ok_or(libc::EAGAIN)
    }))
}

/// Gives a permit, to who has waited longest. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no semaphore.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_semaphore_post(semaphore: *mut gs_semaphore) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        unsafe { permits_of(semaphore) }?.inner.release();
        Ok(())
    }))
}
