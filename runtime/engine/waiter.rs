//! A waiter: one parked fiber or one parked OS thread, and how each is made to run again; or a
//! future that somebody polls.
//!
//! The threads have a life-state word and follow its protocol; they differ in what "runnable"
//! means. A fiber goes back into its home's queue, an OS thread is woken by std's own `unpark`. A
//! future is never parked: its waker is called, which is all that there is to it.

use super::atomic::Ordering;
use super::fiber::{FiberRef, Lane};
use super::life::Life;
use super::report;
use super::shared;
use super::waker_slot::WakerSlot;
use super::worker::Worker;
use std::cell::Cell;
use std::hint;
use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Arc;
use std::thread::Thread as StdThread;
use std::time::Instant;

/// Looks at the life word before an OS thread really sleeps: some microseconds, which is what
/// falling asleep and being woken cost.
const SPINS_BEFORE_SLEEP: u32 = 200;

/// An OS thread that parks through the waist.
#[derive(Debug)]
pub(crate) struct OsThread {
    pub(crate) life: Life,
    pub(crate) id: u64,
    pub(crate) thread: StdThread,
}

/// A parked, or soon to be parked, thread of either kind; or a future that was polled.
#[derive(Clone, Debug)]
pub(crate) enum Waiter {
    Fiber(FiberRef),
    Os(Arc<OsThread>),
    Future(Arc<WakerSlot>),
}

thread_local! {
    /// The identity of this OS thread; null until it is asked for. Has no destructor, so that it
    /// can be read while other thread-locals are being destroyed.
    static IDENTITY: Cell<*const OsThread> = const { Cell::new(ptr::null()) };
    /// Gives the identity's reference back when the OS thread ends.
    static RELEASE: Release = const { Release };
}

struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        let identity = IDENTITY.replace(ptr::null());
        if !identity.is_null() {
            // SAFETY: made by `Arc::into_raw` in `OsThread::current`, and taken out just now.
            drop(unsafe { Arc::from_raw(identity) });
        }
    }
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Waiter) -> bool {
        match (self, other) {
            (Waiter::Fiber(one), Waiter::Fiber(other)) => one == other,
            (Waiter::Os(one), Waiter::Os(other)) => Arc::ptr_eq(one, other),
            (Waiter::Future(one), Waiter::Future(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Waiter {
    /// The calling thread, of whichever kind.
    pub(crate) fn current() -> Waiter {
        match Worker::current_fiber() {
            Some(fiber) => Waiter::Fiber(fiber),
            None => Waiter::Os(OsThread::current()),
        }
    }

    /// The calling thread, by a reference that is not counted.
    ///
    /// # Safety
    ///
    /// The value is never dropped, and not used once the calling thread may have ended.
    #[inline]
    pub(crate) unsafe fn borrow_current() -> ManuallyDrop<Waiter> {
        ManuallyDrop::new(match Worker::on_fiber() {
            // SAFETY: not dropped, by the caller's promise, so no reference is given up.
            Some((_, fiber)) => Waiter::Fiber(unsafe { FiberRef::from_raw(fiber) }),
            // SAFETY: passed on.
            None => Waiter::Os(unsafe { OsThread::borrow_current() }),
        })
    }

    /// Whether it is the calling thread.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        match (self, Worker::on_fiber()) {
            (Waiter::Fiber(fiber), Some((_, current))) => fiber.as_raw() == current,
            (Waiter::Os(thread), None) => ptr::eq(Arc::as_ptr(thread), IDENTITY.get()),
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn life(&self) -> &Life {
        match self {
            Waiter::Fiber(fiber) => &fiber.header().life,
            Waiter::Os(thread) => &thread.life,
            Waiter::Future(_) => unreachable!("a future is woken, and has no life of its own"),
        }
    }

    /// Leaves a token, and makes the waiter runnable if it is parked.
    #[inline]
    pub(crate) fn unpark(&self) {
        if let Waiter::Future(slot) = self {
            call_waker(slot);
        } else if self.life().unpark() {
            self.make_runnable();
        }
    }

    /// Unparks a green thread that no other worker than the calling one can run: not before its
    /// caller has switched away. False, with nothing done, if it is not such a one.
    #[inline]
    pub(crate) fn unpark_neighbour(&self) -> bool {
        let (Waiter::Fiber(fiber), Some(worker)) = (self, Worker::current()) else { return false };
        let header = fiber.header();
        // Relaxed: the address of this worker was stored by this very thread.
        let home = header.home.load(Ordering::Relaxed);
        if header.lane == Lane::Free || !ptr::eq(worker.remote(), home) {
            return false;
        }
        if header.life.unpark() {
            worker.push_ready(fiber.as_raw());
        }
        true
    }

    /// Marks the waiter as to be ended, and makes it runnable if it is parked.
    pub(crate) fn kill(&self) {
        if self.life().kill() {
            self.make_runnable();
        }
    }

    /// Called by whoever has claimed the wake-up (`life` invariant 1).
    fn make_runnable(&self) {
        match self {
            // SAFETY: claimed; the reference keeps the fiber alive.
            Waiter::Fiber(fiber) => unsafe { shared::make_runnable(fiber.as_raw()) },
            Waiter::Os(thread) => thread.thread.unpark(),
            Waiter::Future(slot) => call_waker(slot),
        }
    }
}

/// Calls the waker of a future, if it has left one. Somebody else's code: a panic of it is reported
/// and goes no further, since it may run on a worker's own stack, or in the middle of a list.
#[cold]
fn call_waker(slot: &WakerSlot) {
    if let Some(waker) = slot.take()
        && let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()))
    {
        report::report_waker(payload);
    }
}

impl OsThread {
    /// The calling OS thread, by a reference that is not counted.
    ///
    /// # Safety
    ///
    /// As for `Waiter::borrow_current`.
    unsafe fn borrow_current() -> Arc<OsThread> {
        if IDENTITY.get().is_null() {
            drop(OsThread::current());
        }
        // SAFETY: the cell holds a reference for as long as the OS thread lives, and this one is
        // not given back, by the caller's promise.
        unsafe { Arc::from_raw(IDENTITY.get()) }
    }

    /// The number of the calling OS thread; 0 if it has none yet.
    #[inline]
    pub(super) fn known_number() -> u64 {
        // SAFETY: null, or the cell holds a reference.
        unsafe { IDENTITY.get().as_ref() }.map_or(0, |identity| identity.id)
    }

    /// The calling OS thread. One that asks while its thread-locals are being destroyed, after
    /// `RELEASE` was, leaves its identity behind.
    pub(crate) fn current() -> Arc<OsThread> {
        let identity = IDENTITY.get();
        if !identity.is_null() {
            // SAFETY: the cell holds a reference, so the identity is alive.
            unsafe { Arc::increment_strong_count(identity) };
            // SAFETY: the reference that was just counted.
            return unsafe { Arc::from_raw(identity) };
        }
        let thread = Arc::new(OsThread {
            life: Life::new(false),
            id: shared::next_id(),
            thread: std::thread::current(),
        });
        IDENTITY.set(Arc::into_raw(thread.clone()));
        let _ = RELEASE.try_with(|_| ());
        thread
    }

    /// Parks the calling OS thread, which `self` is, until it is unparked or `deadline` passes.
    /// False if it was the deadline.
    pub(crate) fn park_until(&self, deadline: Option<Instant>) -> bool {
        if !self.life.commit_park(false) {
            return self.life.take_token();
        }
        // Most waits for a green thread are over before a system call would have begun.
        for _ in 0..SPINS_BEFORE_SLEEP {
            if !self.life.is_parked() {
                return true;
            }
            hint::spin_loop();
        }
        while self.life.is_parked() {
            match deadline {
                None => std::thread::park(),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        // Unless somebody unparks the thread at this very moment.
                        return !(self.life.expire() && self.life.take_expiry());
                    }
                    std::thread::park_timeout(left);
                }
            }
        }
        true
    }
}
