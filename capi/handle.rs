//! What C holds a pointer to: a box with a mark, by which most misuse is found out.
//!
//! The mark says of which type the box is, and is erased before it is freed. To look at it is only
//! sound while the memory is the box's, so it finds what is NULL, of another type, or destroyed a
//! moment ago; a pointer from elsewhere is its user's error, as it is for `free`.

use crate::guard::Errno;
use std::sync::atomic::{AtomicU64, Ordering};

/// The mark of what was destroyed.
const DESTROYED: u64 = 0;

/// The mark of a box, which is its type's while it lives.
#[derive(Debug)]
pub(crate) struct Mark(AtomicU64);

/// A type that C sees as an opaque one.
pub(crate) trait Opaque: Sized {
    /// Eight letters that no other type has.
    const MARK: [u8; 8];

    fn mark(&self) -> &Mark;
}

impl Mark {
    pub(crate) fn of<T: Opaque>() -> Mark {
        Mark(AtomicU64::new(u64::from_ne_bytes(T::MARK)))
    }
}

/// Hands a value over to C.
pub(crate) fn give<T: Opaque>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// What C's pointer points to.
///
/// # Errors
///
/// `EINVAL` for NULL, and for what is not marked as such a value.
///
/// # Safety
///
/// A pointer that is not NULL came from [`give`], and what it points to is not destroyed meanwhile.
pub(crate) unsafe fn borrow<'a, T: Opaque>(pointer: *const T) -> Result<&'a T, Errno> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(libc::EINVAL);
    }
    // SAFETY: the caller's promise.
    let value = unsafe { &*pointer };
    if value.mark().0.load(Ordering::Relaxed) != u64::from_ne_bytes(T::MARK) {
        return Err(libc::EINVAL);
    }
    Ok(value)
}

/// Takes the value back that C destroys.
///
/// # Errors
///
/// As [`borrow`]; of two that destroy it at once, one.
///
/// # Safety
///
/// As [`borrow`]; nobody else uses it from now on.
pub(crate) unsafe fn take<T: Opaque>(pointer: *mut T) -> Result<Box<T>, Errno> {
    // SAFETY: the caller's promise.
    let mark = &unsafe { borrow(pointer.cast_const()) }?.mark().0;
    let own = u64::from_ne_bytes(T::MARK);
    // Relaxed: who destroys has come after all who have used it, by the caller's promise.
    mark.compare_exchange(own, DESTROYED, Ordering::Relaxed, Ordering::Relaxed)
        .map_err(|_| libc::EINVAL)?;
    // SAFETY: it came from `give`, and the exchange lets one in.
    Ok(unsafe { Box::from_raw(pointer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apple(Mark);
    struct Pear(Mark);

    impl Opaque for Apple {
        const MARK: [u8; 8] = *b"an apple";

        fn mark(&self) -> &Mark {
            &self.0
        }
    }

    impl Opaque for Pear {
        const MARK: [u8; 8] = *b"one pear";

        fn mark(&self) -> &Mark {
            &self.0
        }
    }

    #[test]
    fn nothing_and_another_type_are_refused() {
        let apple = give(Apple(Mark::of::<Apple>()));
        // SAFETY: a value of ours, and NULL.
        unsafe {
            assert!(borrow(apple).is_ok());
            assert!(borrow(std::ptr::null::<Apple>()).is_err_and(|e| e == libc::EINVAL));
            assert!(take(apple.cast::<Pear>()).is_err_and(|e| e == libc::EINVAL));
            assert!(take(apple).is_ok());
        }
    }
}
