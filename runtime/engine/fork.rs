//! What a process does that was forked off one with a runtime: it refuses.
//!
//! `fork` copies one thread. In the child there are no workers; what looks like a reactor is the
//! parent's epoll set, which both share: a child that waited in it would take the parent's events,
//! and one that deregistered a descriptor would do so for the parent. So a handler that `fork`
//! calls in the child sets a flag, at which every way to the runtime looks that is not a fast one:
//!
//! | in the child | what comes of it |
//! |---|---|
//! | spawning, building a runtime, waiting for a descriptor on a green thread | an `io::Error` |
//! | parking, in whatever primitive | a panic that says so |
//! | waiting where no panic may pass, or returning to a worker's loop | the child is aborted |
//! | closing a descriptor, waking a thread of the parent's | nothing beyond the child |
//! | calls of the C library that are hooked | the kernel's own |
//!
//! The fast paths look at nothing: the handler makes those of the one thread that there is slow, by
//! a count in its limits, and by the look that its worker takes after the next switch.
//! Calls that do not wait work, as does what only `fork`s to `exec` at once: `posix_spawn` and
//! `vfork` do not even call the handler. A process that forks before it has a runtime has two
//! processes that may have one.

use super::atomic::{AtomicBool, Ordering};
use super::hooks;
use super::worker::Worker;
use std::io;
use std::process;
use std::sync::Once;

const REFUSAL: &str = "this process was forked off one with a runtime of green threads, of which \
                       it has none: exec a program, or fork before the first runtime is started";

/// Whether this is the child of a process that had a runtime. Relaxed: the child begins with one
/// thread, which has set it.
static IS_CHILD: AtomicBool = AtomicBool::new(false);

static HANDLER: Once = Once::new();

/// Has children refuse from now on.
///
/// # Errors
///
/// As [`check`].
pub(super) fn prepare() -> io::Result<()> {
    check()?;
    HANDLER.call_once(|| {
        // SAFETY: the handler is a function for good, and does what is async-signal-safe only: a
        // store, and cells of its own thread. An error is lack of memory: then nobody refuses.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(begin_child)) };
    });
    Ok(())
}

extern "C" fn begin_child() {
    IS_CHILD.store(true, Ordering::Relaxed);
    hooks::pass();
    if let Some(worker) = Worker::current() {
        worker.distrust();
    }
}

/// Whether this process was forked off one with a runtime.
#[inline]
pub(super) fn is_child() -> bool {
    IS_CHILD.load(Ordering::Relaxed)
}

/// # Errors
///
/// `Unsupported` in the child of a process that had a runtime.
#[inline]
pub(crate) fn check() -> io::Result<()> {
    if is_child() { Err(io::Error::new(io::ErrorKind::Unsupported, REFUSAL)) } else { Ok(()) }
}

/// Ends a wait that cannot be.
///
/// # Panics
///
/// In the child of a process that had a runtime.
pub(super) fn refuse_in_child() {
    assert!(!is_child(), "{REFUSAL}");
}

/// Ends the child where nothing could unwind.
#[cold]
pub(super) fn abort() -> ! {
    eprintln!("{REFUSAL}");
    process::abort();
}
