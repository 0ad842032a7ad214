//! How a hook waits: inside of the runtime, and without unwinding into C.

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
