//! Whether the calls of the C library that block park the calling thread, where they are hooked.
//!
//! The hooks themselves are in a crate of their own (`greenstd-interpose`), which asks here before
//! each call. One thread-local word has the answer:
//!
//! | word | meaning | whose |
//! |---|---|---|
//! | `PASS` | the kernel's own call is made | OS threads, workers, who is inside of the runtime |
//! | `PARK` | the caller parks instead | a green thread's with thread-locals of its own |
//! | `ASK` | whoever runs decides | a worker's whose green threads are hooked as they are |
//!
//! A green thread with own thread-locals has a word of its own, so that the scheduler of the worker
//! that runs it, which has another one, never meets a hook.
//!
//! # Invariants
//!
//! 1. What the runtime does on a green thread's stack it does `Inside`, where it may call what is
//!    hooked while it is not ready to be switched away from. What parks on purpose is free to.
//! 2. A hook runs `Inside`, too: it never meets itself.

use super::atomic::{AtomicBool, Ordering};
use super::killed::Killed;
use super::limits;
use super::own::ThreadLocals;
use super::worker::Worker;
use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

const PASS: u32 = 0;
const PARK: u32 = 1;
const ASK: u32 = 2;

thread_local! {
    static WORD: Cell<u32> = const { Cell::new(PASS) };
    /// The stack of the green thread whose thread-locals these are.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Hooks are to have green threads with own thread-locals park.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Hooks are to have every green thread park.
static IS_FOR_ALL: AtomicBool = AtomicBool::new(false);

/// Has the hooked calls of each green thread with thread-locals of its own, that starts from now
/// on, park it. Green threads have their own by default from now on.
///
/// # Errors
///
/// `Unsupported`, with what is missing, where there are no such thread-locals
/// ([`ThreadLocals::Own`]); whatever kept a thread from starting on which they are tried.
pub fn install() -> io::Result<()> {
    ThreadLocals::Own.check()?;
    IS_INSTALLED.store(true, Ordering::Release);
    Ok(())
}

/// [`install`] for all green threads, of runtimes that are made from now on.
///
/// # Safety
///
/// A green thread that shares its worker's thread-locals is switched away from in the middle of
/// code that takes the thread for its own: whatever that code keeps in thread-locals must stand
/// that. Most does not: a `RefCell` that stays borrowed is the mildest of what comes of it.
pub unsafe fn install_for_all() {
    IS_FOR_ALL.store(true, Ordering::Release);
    // Else all share those of their workers.
    IS_INSTALLED.store(ThreadLocals::Own.is_supported(), Ordering::Release);
}

/// Whether [`install`] was called.
#[inline]
#[must_use]
pub fn is_installed() -> bool {
    IS_INSTALLED.load(Ordering::Acquire)
}

/// Whether a blocking call of the calling thread is to park it: one thread-local load and a branch
/// where it is not.
#[inline]
#[must_use]
pub fn is_cooperative() -> bool {
    let word = WORD.get();
    word != PASS && is_ready_to_park(word)
}

fn is_ready_to_park(word: u32) -> bool {
    let here = 0_u8;
    let here = (&raw const here).addr();
    if word == ASK {
        // SAFETY: the calling fiber runs.
        let depth = Worker::on_fiber().map(|(_, fiber)| unsafe { fiber.as_ref() }.inside.get());
        return depth == Some(0);
    }
    // Not so in a signal handler that runs on an alternate stack.
    let (low, high) = STACK.get();
    (low..high).contains(&here)
}

/// To be called by a green thread that begins, on its own thread-locals.
pub(super) fn begin_fiber(stack: Range<usize>) {
    STACK.set((stack.start, stack.end));
    WORD.set(if is_installed() { PARK } else { PASS });
}

/// To be called by a worker that begins.
pub(super) fn begin_worker() {
    if IS_FOR_ALL.load(Ordering::Acquire) {
        WORD.set(ASK);
    }
}

/// Has the calls of the calling thread pass for good: it is all that there is of a forked child.
/// Async-signal-safe.
pub(super) fn pass() {
    WORD.set(PASS);
}

/// A kill, or the end of a timeout scope, that [`catch_end`] has caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unwound;

/// Calls `body`, and catches the unwinding by which a kill or the end of a timeout scope ends its
/// waits, for callers whose own callers cannot be unwound. Both are sticky: they unwind again at
/// the next wait. Every other panic goes on.
///
/// # Errors
///
/// `Unwound` if that has ended `body`.
pub fn catch_end<T>(body: impl FnOnce() -> T) -> Result<T, Unwound> {
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        if !payload.is::<Killed>() && !limits::is_expiry(&*payload) {
            panic::resume_unwind(payload);
        }
        Unwound
    })
}

/// The calling thread is inside of the runtime until this is dropped: its calls pass.
#[derive(Debug)]
#[must_use = "it holds until it is dropped"]
pub struct Inside {
    word: u32,
    stays_here: PhantomData<*const ()>,
}

impl Inside {
    /// Makes the calls of the calling thread pass. May be nested.
    #[inline]
    #[expect(clippy::new_without_default, reason = "it is made for its effect")]
    pub fn new() -> Inside {
        let word = WORD.get();
        match word {
            PASS => {}
            ASK => Self::change_depth(1),
            _ => WORD.set(PASS),
        }
        Inside { word, stays_here: PhantomData }
    }

    #[cold]
    fn change_depth(change: i32) {
        if let Some((_, fiber)) = Worker::on_fiber() {
            // SAFETY: the calling fiber runs.
            let depth = unsafe { &fiber.as_ref().inside };
            depth.set(depth.get().wrapping_add_signed(change));
        }
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        match self.word {
            PASS => {}
            ASK => Self::change_depth(-1),
            word => WORD.set(word),
        }
    }
}
