//! Conditions, which threads wait for under a mutex: `gs_cond`.

use crate::guard;
use crate::handle::{Mark, Opaque};
use crate::lazy::{self, Word};
use crate::mutex::{gs_mutex, lock_of};
use greenstd_runtime::sync::Condvar;
use libc::{c_int, c_void};
use std::sync::PoisonError;

/// A condition. GS_COND_INIT, or zeroes, are one for which nobody waits; it must not be copied or
/// moved once it was used.
#[repr(C)]
#[derive(Debug)]
pub struct gs_cond {
    /// The library's.
    pub state: *mut c_void,
}

/// The library's part of a condition.
#[derive(Debug)]
struct Condition {
    mark: Mark,
    inner: Condvar,
}

impl Opaque for Condition {
    const MARK: [u8; 8] = *b"gs__cond";

    fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Default for Condition {
    fn default() -> Condition {
        Condition { mark: Mark::of::<Condition>(), inner: Condvar::new() }
    }
}

fn word(condition: *mut gs_cond) -> *mut Word {
    condition.cast()
}

/// Makes memory a condition, whatever it holds: not to be called for one that is used. Never
/// blocks.
///
/// Returns 0; -EINVAL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_init(condition: *mut gs_cond) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lazy::set(word(condition), None::<Condition>) }))
}

/// Frees what a condition has of the library: nobody may wait for it. It is one that was never used
/// afterwards. Never blocks.
///
/// Returns 0; -EINVAL for NULL and for what is no condition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_destroy(condition: *mut gs_cond) -> c_int {
    // SAFETY: passed on.
    guard::status(guard::enter(|| unsafe { lazy::clear(word(condition), |_: &Condition| true) }))
}

/// Unlocks a mutex that the caller has locked, blocks the calling thread, of either kind, until the
/// condition is signalled, and locks the mutex again. To be called in a loop that looks whether
/// what is waited for is so.
///
/// Returns 0; -EINVAL for NULL and for what is no condition or mutex; -EPERM if the caller has not
/// locked the mutex; -ECANCELED if the caller was killed: the mutex is locked again even then, and
/// a signal that came meanwhile goes to the next one who waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_wait(condition: *mut gs_cond, mutex: *mut gs_mutex) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_cond_timedwait(condition, mutex, -1) }
}

/// gs_cond_wait for so many nanoseconds at most, not counting the wait for the mutex; negative is
/// for ever.
///
/// Returns what gs_cond_wait does; -ETIMEDOUT if there was no signal in time: the mutex is locked
/// again even then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_timedwait(
    condition: *mut gs_cond,
    mutex: *mut gs_mutex,
    timeout_ns: i64,
) -> c_int {
    let parts = guard::enter(|| {
        // SAFETY: passed on.
        let condition: &Condition = unsafe { lazy::get(word(condition)) }?;
        // SAFETY: passed on.
        Ok((condition, unsafe { lock_of(mutex) }?))
    });
    let waited = parts.and_then(|(condition, lock)| {
        lock.wait(|guard| match guard::timeout(timeout_ns) {
            Some(timeout) => {
                let waited = condition.inner.wait_timeout(guard, timeout);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (guard, result.timed_out())
            }
            None => (condition.inner.wait(guard).unwrap_or_else(PoisonError::into_inner), false),
        })
    });
    guard::status(match waited {
        Ok(true) => Err(libc::ETIMEDOUT),
        outcome => outcome.map(drop),
    })
}

/// Lets the one go on who has waited longest, if anybody waits. Never blocks. On threads of either
/// kind.
///
/// Returns 0; -EINVAL for NULL and for what is no condition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_signal(condition: *mut gs_cond) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let condition: &Condition = unsafe { lazy::get(word(condition)) }?;
        condition.inner.notify_one();
        Ok(())
    }))
}

/// Lets all go on who wait now. Never blocks. On threads of either kind.
///
/// Returns 0; -EINVAL for NULL and for what is no condition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_cond_broadcast(condition: *mut gs_cond) -> c_int {
    guard::status(guard::enter(|| {
        // SAFETY: passed on.
        let condition: &Condition = unsafe { lazy::get(word(condition)) }?;
        condition.inner.notify_all();
        Ok(())
    }))
}
