//! What happens at the end of a green thread to its thread-locals: what the C library does at the
//! end of a thread, in its order.
//!
//! 1. Destructors of `thread_local!` and of C++'s `thread_local`, the newest first. One that panics
//!    aborts the process: that is std's doing.
//! 2. Destructors of pthread keys.
//! 3. What the C library keeps of the thread is as for a new one: its locale, the last error of the
//!    loader. Caches stay.

use super::keys;
use super::layout::Layout;
use crate::engine::limits;
use std::ptr;

/// `LC_GLOBAL_LOCALE` of glibc's `locale.h`.
const GLOBAL_LOCALE: libc::locale_t = ptr::without_provenance_mut(usize::MAX);

/// Runs the destructors of the calling thread. They may wait, and no kill ends their waits: each
/// runs but once, and none can be unwound.
///
/// # Safety
///
/// By a green thread whose descriptor it is, when it uses no thread-locals any more.
pub(super) unsafe fn run_destructors(layout: &Layout, descriptor: *mut u8) {
    limits::shield(|| {
        // SAFETY: it calls what the thread itself has registered, and forgets it before.
        unsafe { (layout.functions.call_destructors)() };
        // SAFETY: passed on.
        unsafe { keys::end_values(layout, descriptor) };
    });
    // SAFETY: the C library's own thread-locals, which no reference outlives.
    unsafe {
        if libc::uselocale(ptr::null_mut()) != GLOBAL_LOCALE {
            libc::uselocale(GLOBAL_LOCALE);
        }
        libc::dlerror();
    }
}
