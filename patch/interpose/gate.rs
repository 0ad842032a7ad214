//! How a hook waits: inside of the runtime, and without unwinding into C.

use crate::raw;
use greenstd_runtime::hooks::{Inside, catch_end};
use libc::c_int;

pub(crate) use greenstd_runtime::hooks::is_cooperative;

/// Calls `body`, which may park the calling green thread, inside of the runtime: what it calls is
/// not hooked.
///
/// # Errors
///
/// `ECANCELED` if the green thread was killed, or a timeout scope around it has expired: then
/// `body` was unwound. It will be so at the next wait, too.
pub(crate) fn blocking<T>(body: impl FnOnce() -> T) -> Result<T, c_int> {
    let _inside = Inside::new();
    catch_end(body).map_err(|_| libc::ECANCELED)
}

/// What the fortified functions check: that what is asked for fits.
#[inline]
pub(crate) fn check_room(wanted: usize, room: usize) {
    if wanted > room {
        overflow();
    }
}

/// Ends the program as the C library's `__chk_fail` does.
#[cold]
fn overflow() -> ! {
    let message = b"*** buffer overflow detected ***: terminated\n";
    let arguments = [libc::STDERR_FILENO as usize, message.as_ptr().addr(), message.len(), 0, 0, 0];
    // SAFETY: a message of ours. Whether it is read does not matter.
    let _ = unsafe { raw::call(raw::Sysno::write, arguments) };
    // SAFETY: it takes nothing, and does not return.
    unsafe { libc::abort() }
}
