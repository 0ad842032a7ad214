//! The door between C and Rust: nothing unwinds through it, and every failure is a number.
//!
//! A kill unwinds Rust code. Frames of C cannot be unwound, so [`enter`] catches it at the
//! boundary, and the call says `ECANCELED`: the kill is sticky, and so does every later call that
//! would wait.
//!
//! # Invariants
//!
//! 1. Whatever can panic or wait is called inside of `enter`.
//! 2. No function of the user's is called inside of `enter` on a green thread: what the patch has
//!    hooked would not park there.

use greenstd_runtime::hooks::{Inside, catch_end};
use greenstd_runtime::thread::Killed;
use libc::c_int;
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

/// A number of `errno.h`.
pub(crate) type Errno = c_int;

/// Calls `body`, which may park the calling green thread.
///
/// # Errors
///
/// Those of `body`; `ECANCELED` if the green thread was killed: then `body` was unwound. `EIO` if
/// `body` has panicked, which the panic hook has reported.
pub(crate) fn enter<T>(body: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let _inside = Inside::new();
    match panic::catch_unwind(AssertUnwindSafe(|| catch_end(body))) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(libc::ECANCELED),
        Err(_) => Err(libc::EIO),
    }
}

/// What C is told: 0, or the error, negated.
pub(crate) fn status(outcome: Result<(), Errno>) -> c_int {
    match outcome {
        Ok(()) => 0,
        Err(error) => -error,
    }
}

/// What C is told of a count.
pub(crate) fn count(outcome: Result<usize, Errno>) -> isize {
    match outcome {
        Ok(count) => isize::try_from(count).unwrap_or(isize::MAX),
        Err(error) => -(error as isize),
    }
}

/// The number of an error of the runtime.
pub(crate) fn errno(error: &io::Error) -> Errno {
    if let Some(number) = error.raw_os_error() {
        return number;
    }
    if error.get_ref().is_some_and(|inner| inner.is::<Killed>()) {
        return libc::ECANCELED;
    }
    match error.kind() {
        ErrorKind::TimedOut => libc::ETIMEDOUT,
        ErrorKind::WouldBlock => libc::EAGAIN,
        ErrorKind::InvalidInput => libc::EINVAL,
        ErrorKind::OutOfMemory => libc::ENOMEM,
        ErrorKind::Unsupported => libc::EOPNOTSUPP,
        ErrorKind::AlreadyExists => libc::EEXIST,
        _ => libc::EIO,
    }
}

/// The error of the system call that has just failed.
pub(crate) fn last_errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// A timeout as C gives it: in nanoseconds, and without end if it is negative.
pub(crate) fn timeout(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// When a timeout that begins now is over; `None` is never.
pub(crate) fn deadline(nanoseconds: i64) -> Option<Instant> {
    Instant::now().checked_add(timeout(nanoseconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenstd_runtime::thread;

    #[test]
    fn no_panic_passes_the_door() {
        panic::set_hook(Box::new(|_| {}));
        assert_eq!(enter(|| -> Result<(), Errno> { panic!("a panic") }), Err(libc::EIO));
        let _ = panic::take_hook();
    }

    #[test]
    fn a_kill_is_an_error_and_stays_one() {
        let killed = thread::spawn(|| {
            thread::current().kill().expect("it is a green thread");
            [(); 3].map(|()| {
                enter(|| {
                    thread::park();
                    Ok(())
                })
            })
        });
        // One that is killed all the same comes to its end by itself.
        assert_eq!(killed.join().expect("no unwinding"), [Err(libc::ECANCELED); 3]);
    }

    #[test]
    fn errors_have_the_numbers_of_the_system() {
        assert_eq!(errno(&io::Error::from_raw_os_error(libc::EPIPE)), libc::EPIPE);
        assert_eq!(errno(&ErrorKind::TimedOut.into()), libc::ETIMEDOUT);
        assert_eq!(errno(&ErrorKind::OutOfMemory.into()), libc::ENOMEM);
        assert_eq!(count(Err(libc::EBADF)), -(libc::EBADF as isize));
        assert_eq!(status(Err(libc::EINVAL)), -libc::EINVAL);
    }

    #[test]
    fn a_negative_timeout_has_no_end() {
        assert_eq!(timeout(-1), None);
        assert_eq!(timeout(7), Some(Duration::from_nanos(7)));
        assert_eq!(deadline(i64::MIN), None);
    }
}
