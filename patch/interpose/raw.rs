//! System calls by the instruction itself, and `errno`.
//!
//! A hook that called the C library's function would meet itself. Arguments are words here: what
//! they mean, and that pointers are good, is the promise of whoever called the hook.

use libc::{c_int, c_long};
pub(crate) use syscalls::Sysno;

/// What the kernel answered: a value, or the number of an error.
pub(crate) type Answer = Result<usize, c_int>;

/// Makes a system call.
///
/// # Safety
///
/// As for the call that `number` names.
#[inline]
pub(crate) unsafe fn call(number: Sysno, arguments: [usize; 6]) -> Answer {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: passed on.
    let word = unsafe { syscalls::raw_syscall!(number, a, b, c, d, e, f) };
    // The last page of the address space holds the error numbers.
    match word as isize {
        error @ -4095..=-1 => Err(-error as c_int),
        _ => Ok(word),
    }
}

/// Reads `errno`.
#[inline]
pub(crate) fn errno() -> c_int {
    // SAFETY: the calling thread's own, which is always there.
    unsafe { *libc::__errno_location() }
}

/// Sets `errno`.
#[inline]
pub(crate) fn set_errno(number: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = number }
}

/// What a C function that returns a count or a descriptor returns for an answer: -1, and `errno`
/// set, for an error.
#[inline]
pub(crate) fn to_c(answer: Answer) -> c_long {
    match answer {
        Ok(value) => value as c_long,
        Err(error) => {
            set_errno(error);
            -1
        }
    }
}
