//! What wakes a thread that blocks on a future: a flag and an unpark.
//!
//! Most futures that are blocked on are ready at once, or wake themselves, so the waker of their
//! first polls lies on the thread's stack, counts nobody and allocates nothing. Who clones it gets
//! one that may be kept, of a signal that is allocated then; and so does the thread before it
//! parks.

use super::atomic::{AtomicBool, Ordering};
use super::waiter::Waiter;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// What wakes the thread, whoever keeps it.
pub(crate) struct Signal {
    is_woken: AtomicBool,
    thread: Waiter,
}

impl Signal {
    /// Whether it was woken since the last look.
    pub(crate) fn take(&self) -> bool {
        self.is_woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The thread itself looks at the flag before it parks; an unpark would only end that park,
        // or some other, for no reason.
        if !self.is_woken.swap(true, Ordering::AcqRel) && !self.thread.is_current() {
            self.thread.unpark();
        }
    }
}

/// What the first polls wake, on the stack of the thread that polls.
pub(crate) struct Early {
    is_woken: AtomicBool,
    /// What clones of the waker wake, once there are any.
    kept: OnceLock<Arc<Signal>>,
    thread: ManuallyDrop<Waiter>,
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake_by_ref, wake_by_ref, forget);

impl Early {
    /// Calls `polls` with one of the calling thread.
    #[inline]
    pub(crate) fn with<T>(polls: impl FnOnce(&Early) -> T) -> T {
        // SAFETY: not dropped, and gone when this call ends, which the thread outlives.
        let thread = unsafe { Waiter::borrow_current() };
        polls(&Early { is_woken: AtomicBool::new(false), kept: OnceLock::new(), thread })
    }

    /// Calls `poll` with a waker.
    #[inline]
    pub(crate) fn with_waker<T>(&self, poll: impl FnOnce(&Waker) -> T) -> T {
        let raw = RawWaker::new(ptr::from_ref(self).cast(), &VTABLE);
        // SAFETY: the functions of the table may be called on any thread, as all in `Early` may be
        // used on any. The waker is there by reference for as long as `self` is, and clones of it
        // do not point here.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
        poll(&waker)
    }

    /// Whether it was woken since the last look, and nobody else can have a waker.
    pub(crate) fn has_woken_itself(&self) -> bool {
        self.kept.get().is_none() && self.is_woken.swap(false, Ordering::AcqRel)
    }

    /// What goes on where this has begun.
    pub(crate) fn signal(&self) -> Arc<Signal> {
        let signal = self.keep().clone();
        if self.is_woken.load(Ordering::Acquire) {
            signal.is_woken.store(true, Ordering::Release);
        }
        signal
    }

    fn keep(&self) -> &Arc<Signal> {
        self.kept.get_or_init(|| {
            let thread = Waiter::clone(&self.thread);
            Arc::new(Signal { is_woken: AtomicBool::new(false), thread })
        })
    }
}

/// # Safety
///
/// `early` points to an `Early`, which stays meanwhile.
unsafe fn clone(early: *const ()) -> RawWaker {
    // SAFETY: by the caller's promise.
    let early = unsafe { &*early.cast::<Early>() };
    let waker = ManuallyDrop::new(Waker::from(early.keep().clone()));
    RawWaker::new(waker.data(), waker.vtable())
}

/// # Safety
///
/// As for `clone`.
unsafe fn wake_by_ref(early: *const ()) {
    // SAFETY: by the caller's promise.
    let early = unsafe { &*early.cast::<Early>() };
    // The thread polls, and looks here before it parks.
    early.is_woken.store(true, Ordering::Release);
}

/// A waker on the stack holds nothing.
fn forget(_: *const ()) {}
