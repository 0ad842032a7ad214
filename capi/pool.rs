//! Calls that can only block, on OS threads of a pool.

use crate::call::{Call, Function};
use crate::guard::{self, Errno};
use crate::local;
use crate::thread::gs_thread_function;
use greenstd_runtime::blocking::blocking;
use greenstd_runtime::park;
use greenstd_runtime::thread;
use libc::{c_int, c_void};

/// Calls `function(argument)` on an OS thread of a pool (64 at most, which all runtimes share), and
/// blocks the calling green thread until it has returned: for what blocks by other calls than those
/// of this library. On an OS thread it is simply called. What it returned is in `*result`, which
/// may be NULL.
///
/// A kill does not end the wait, for the function may use what is the caller's: the next call that
/// waits returns -ECANCELED. In the function, gs_current is the OS thread.
///
/// Returns 0; -EINVAL for a NULL function; -ECANCELED if the caller was killed before: then it was
/// not called; -EIO if the system gives no thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_blocking(
    function: gs_thread_function,
    argument: *mut c_void,
    result: *mut *mut c_void,
) -> c_int {
    let Some(function) = function else { return -libc::EINVAL };
    let call = Call::new(Function(function), argument, local::home());
    let outcome = if park::is_on_green_thread() {
        guard::enter(|| {
            // A killed caller ends here, before the call.
            thread::yield_now();
            Ok(thread::shield(|| blocking(move || call.apply())))
        })
    } else {
        Ok(call.apply())
    };
    guard::status(outcome.map(|value| {
        if !result.is_null() {
            // SAFETY: the caller's place for it.
            unsafe { result.write(value.into_inner()) };
        }
    }))
}

/// What an OS thread is lent of its caller's, who waits until the thread is through.
struct Lent<T>(T);

// SAFETY: the one who lends it does nothing else meanwhile, as if both were one thread.
unsafe impl<T> Send for Lent<T> {}

impl<T> Lent<T> {
    /// Takes the whole of it along, where a closure would take the content alone.
    fn into_inner(self) -> T {
        self.0
    }
}

/// Has an OS thread make a system call on what is the caller's, whom nothing ends until that is
/// over. On an OS thread it is made here. To be called inside of `enter`.
///
/// # Errors
///
/// Those of the call; a kill unwinds before it.
pub(crate) fn lend(call: impl Fn() -> Result<usize, Errno>) -> Result<usize, Errno> {
    if !park::is_on_green_thread() {
        return call();
    }
    // As above; beside the way to a thread and back this is little.
    thread::yield_now();
    let place: &dyn Fn() -> Result<usize, Errno> = &call;
    // SAFETY: only the lifetime changes. What it points to is there until the job is over, for this
    // call waits for it: a shield holds kills off, and a pool that gives no thread has dropped the
    // job when it panics.
    let place: &'static dyn Fn() -> Result<usize, Errno> = unsafe { std::mem::transmute(place) };
    let lent = Lent(place);
    thread::shield(|| blocking(move || lent.into_inner()()))
}
