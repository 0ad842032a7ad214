//! What C keeps in memory of its own: a word, which is zero or points to our part.
//!
//! So a lock can be a static that nobody initialises by a call, as `PTHREAD_MUTEX_INITIALIZER` is;
//! our part is made at the first use.

use crate::guard::Errno;
use crate::handle::{self, Opaque};
use libc::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The word.
pub(crate) type Word = *mut c_void;

/// # Errors
///
/// `EINVAL` for NULL.
///
/// # Safety
///
/// A pointer that is not NULL is that of a word, and stays one meanwhile.
unsafe fn word<'a>(pointer: *mut Word) -> Result<&'a AtomicPtr<c_void>, Errno> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(libc::EINVAL);
    }
    // SAFETY: the caller's promise; from the first use on it is changed by this type only.
    Ok(unsafe { AtomicPtr::from_ptr(pointer) })
}

/// Makes memory of any content a word.
///
/// # Errors
///
/// `EINVAL` for NULL.
///
/// # Safety
///
/// As [`word`]; nobody else uses it.
pub(crate) unsafe fn set<T: Opaque>(pointer: *mut Word, value: Option<T>) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let word = unsafe { word(pointer) }?;
    let value = value.map_or(ptr::null_mut(), |value| handle::give(value).cast());
    word.store(value, Ordering::Release);
    Ok(())
}

/// Our part, made by the first who uses it.
///
/// # Errors
///
/// `EINVAL` for NULL, and for what is no word of this type.
///
/// # Safety
///
/// As [`word`].
pub(crate) unsafe fn get<'a, T: Opaque + Default>(pointer: *mut Word) -> Result<&'a T, Errno> {
    // SAFETY: the caller's promise.
    let word = unsafe { word(pointer) }?;
    // Acquire pairs with the stores: what it points to has been made.
    let mut present = word.load(Ordering::Acquire);
    if present.is_null() {
        let made: *mut T = handle::give(T::default());
        let (release, acquire) = (Ordering::AcqRel, Ordering::Acquire);
        match word.compare_exchange(ptr::null_mut(), made.cast(), release, acquire) {
            Ok(_) => present = made.cast(),
            Err(other) => {
                present = other;
                // SAFETY: nobody has seen it.
                drop(unsafe { Box::from_raw(made) });
            }
        }
    }
    // SAFETY: the word holds what `give` has given, or the caller has broken the promise.
    unsafe { handle::borrow(present.cast::<T>().cast_const()) }
}

/// Destroys our part, if there is one and `is_free` agrees, and leaves the word as one that was
/// never used.
///
/// # Errors
///
/// `EINVAL` as in [`get`]; `EBUSY` if it does not agree.
///
/// # Safety
///
/// As [`word`]; nobody else uses it.
pub(crate) unsafe fn clear<T: Opaque>(
    pointer: *mut Word,
    is_free: impl FnOnce(&T) -> bool,
) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let word = unsafe { word(pointer) }?;
    let present: *mut T = word.load(Ordering::Acquire).cast();
    if present.is_null() {
        return Ok(());
    }
    // SAFETY: as in `get`.
    if !is_free(unsafe { handle::borrow(present.cast_const()) }?) {
        return Err(libc::EBUSY);
    }
    word.store(ptr::null_mut(), Ordering::Release);
    // SAFETY: as in `get`; nobody else uses it.
    drop(unsafe { handle::take(present) }?);
    Ok(())
}
