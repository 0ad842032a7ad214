//! Handles to threads: `Thread` and `ThreadId` for threads of either kind, and the join of a green
//! thread.

use super::fiber::{FiberRef, Outcome};
use super::killed::{self, Killed};
use super::limits;
use super::line::{Reason, WaitingFor};
use super::park;
use super::report;
use super::waiter::Waiter;
use super::waker_slot::WakerSlot;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::num::NonZeroU64;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

static JOIN: Reason = Reason("JoinHandle::join");

/// A handle to a thread: a green thread, or an OS thread that has met the runtime.
///
/// As [`std::thread::Thread`].
#[derive(Clone)]
pub struct Thread {
    pub(super) waiter: Waiter,
}

/// A number that no other thread of this process has or will have, green or not.
///
/// As [`std::thread::ThreadId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    pub(super) fn new(id: u64) -> ThreadId {
        ThreadId(NonZeroU64::new(id).expect("ids count from 1"))
    }

    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

impl ThreadId {
    /// The number itself, for those who can keep nothing else: logs, programs in other languages.
    ///
    /// As std's `ThreadId::as_u64`, which is not stable.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::thread;
    ///
    /// let other = thread::spawn(|| thread::current().id().as_u64()).join();
    /// assert_ne!(other.expect("it does not panic"), thread::current().id().as_u64());
    /// ```
    #[must_use]
    pub fn as_u64(self) -> NonZeroU64 {
        self.0
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadId").field(&self.0).finish()
    }
}

impl Thread {
    /// Leaves a permit for the thread's next [`park`](crate::thread::park), or ends the one it is
    /// in. Permits do not add up.
    ///
    /// Never blocks; works from and for threads of either kind.
    pub fn unpark(&self) {
        self.waiter.life().give_permit();
        self.waiter.unpark();
    }

    /// Asks the green thread to end. Never blocks; works from threads of either kind, and on the
    /// calling green thread itself.
    ///
    /// If it has not started it never will. Otherwise the blocking call in which it waits unwinds,
    /// or its next one, and so does each one after that: a kill is for good, and code that
    /// swallows the unwinding ends at its next blocking call all the same. Destructors run, the
    /// panic hook does not. Inside of a [`shield`](crate::thread::shield), and in destructors that
    /// run while it unwinds, it goes on waiting. To join it is an error of type
    /// [`Killed`](crate::thread::Killed), unless it came to its end before it noticed.
    ///
    /// To kill again, or to kill one that has ended, changes nothing. As gevent's `kill`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for an OS thread, and in programs built with `panic = "abort"`, which cannot
    /// unwind.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::thread::{self, Killed};
    ///
    /// let handle = thread::spawn(|| thread::park());
    /// handle.thread().kill()?;
    /// assert!(handle.join().is_err_and(|payload| payload.is::<Killed>()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        if cfg!(panic = "abort") {
            let text = "with panic = \"abort\" no green thread can be unwound";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        match &self.waiter {
            Waiter::Fiber(_) => self.waiter.kill(),
            Waiter::Os(_) | Waiter::Future(_) => {
                let text = "an OS thread cannot be killed";
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
        }
        Ok(())
    }

    /// The number of the thread.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        let id = match &self.waiter {
            Waiter::Fiber(fiber) => fiber.header().id,
            Waiter::Os(thread) => thread.id,
            Waiter::Future(_) => unreachable!("no handle leads to a future"),
        };
        ThreadId::new(id)
    }

    /// The name that the thread was given by its builder. The main OS thread is called `main`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.waiter {
            Waiter::Fiber(fiber) => fiber.header().name(),
            Waiter::Os(thread) => thread.thread.name(),
            Waiter::Future(_) => unreachable!("no handle leads to a future"),
        }
    }
}

impl AsRef<Thread> for Thread {
    fn as_ref(&self) -> &Thread {
        self
    }
}

impl Thread {
    /// The calling thread.
    pub(crate) fn current() -> Thread {
        Thread { waiter: Waiter::current() }
    }

    pub(super) fn of(fiber: FiberRef) -> Thread {
        Thread { waiter: Waiter::Fiber(fiber) }
    }

    pub(crate) fn is_current(&self) -> bool {
        self.waiter.is_current()
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.waiter.life().is_finished()
    }

    /// Consumes the permit of the calling thread, which `self` is.
    pub(crate) fn take_permit(&self) -> bool {
        self.waiter.life().take_permit()
    }
}

// As std's. No code of users runs while anything that it leads to is being changed.
impl UnwindSafe for Thread {}
impl RefUnwindSafe for Thread {}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The right to the outcome of a green thread.
#[derive(Debug)]
pub(crate) struct Join<T> {
    thread: Thread,
    polled: Polled,
    outcome: PhantomData<fn() -> T>,
}

/// What polling a join as a future has come to.
///
/// A whole word, since handles are moved by words: one that was written as a byte just before is
/// waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Polled {
    Never,
    /// The joiner may be the future's.
    Pending,
    /// The outcome was given away, and the handle's right with it.
    Ready,
}

impl<T> Join<T> {
    /// # Safety
    ///
    /// The green thread was made with the result type `T`, and this is its only handle.
    pub(crate) unsafe fn new(fiber: FiberRef) -> Join<T> {
        Join { thread: Thread::of(fiber), polled: Polled::Never, outcome: PhantomData }
    }

    pub(crate) fn thread(&self) -> &Thread {
        &self.thread
    }

    fn fiber(&self) -> &FiberRef {
        self.thread.fiber()
    }

    /// Blocks the calling thread until the green thread has ended or `deadline` passes. True if
    /// it has ended; false also if the caller was killed while it unwinds already.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        if self.thread.has_ended() {
            return true;
        }
        let header = self.fiber().header();
        self.leave();
        let waiter = Waiter::current();
        assert!(waiter != self.thread.waiter, "a green thread cannot join itself");
        if !header.set_joiner(waiter) {
            return true;
        }
        let _waiting = WaitingFor::end_of(header.id, &JOIN);
        loop {
            let outcome = park::park_until(deadline);
            if self.thread.has_ended() {
                return true;
            }
            if outcome != park::Outcome::Woken {
                header.unset_joiner();
                if outcome == park::Outcome::Killed && !std::thread::panicking() {
                    limits::unwind();
                }
                return self.thread.has_ended();
            }
        }
    }

    /// Blocks the calling thread until the green thread has ended, and takes its outcome.
    pub(crate) fn join(self) -> Outcome<T> {
        if !self.wait(None) {
            // Killed, and unwinding already: the only wait that gives up without an outcome.
            return Err(Box::new(Killed::new()));
        }
        killed::share_fate(self.into_outcome())
    }

    /// Asks for the outcome, and has `waker` called once there is one if there is none yet.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<Outcome<T>> {
        assert!(self.polled != Polled::Ready, "a handle was polled after it had given its outcome");
        if !self.thread.has_ended() {
            assert!(!self.thread.is_current(), "a green thread cannot join itself");
            let header = self.fiber().header();
            // In use by whoever ends the green thread if it cannot be had back.
            let joiner = match self.polled {
                Polled::Pending => header.reclaim_joiner(),
                Polled::Never | Polled::Ready => None,
            };
            let joiner = match joiner {
                Some(Waiter::Future(slot)) => {
                    slot.register(waker);
                    Waiter::Future(slot)
                }
                _ => Waiter::Future(Arc::new(WakerSlot::new(waker))),
            };
            if !self.thread.has_ended() && header.set_joiner(joiner) {
                self.polled = Polled::Pending;
                return Poll::Pending;
            }
        }
        self.polled = Polled::Ready;
        // SAFETY: as in `into_outcome`; taken once, as `polled` says.
        let outcome = unsafe { self.fiber().take_outcome::<T>() };
        let outcome = outcome.expect("the outcome is taken by the one handle");
        Poll::Ready(killed::share_fate(outcome))
    }

    /// Takes the joiner of a future back that is polled no more.
    fn leave(&self) {
        if self.polled == Polled::Pending {
            self.fiber().header().unset_joiner();
        }
    }

    /// Takes the outcome of the green thread, which has ended.
    pub(crate) fn into_outcome(self) -> Outcome<T> {
        assert!(self.thread.has_ended(), "an outcome comes with the end");
        assert!(self.polled != Polled::Ready, "a handle was joined after it had given its outcome");
        // SAFETY: it has finished with `HANDLE` set, so the outcome is this handle's, of type `T`
        // by the promise in `new`.
        let outcome = unsafe { self.fiber().take_outcome::<T>() };
        // Nothing is left for `drop` to settle: only the reference goes.
        // SAFETY: the value is forgotten right after, so the thread is dropped once.
        drop(unsafe { ptr::read(&raw const self.thread) });
        mem::forget(self);
        outcome.expect("the outcome is taken by the one handle")
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        if self.polled == Polled::Ready {
            return;
        }
        self.leave();
        if self.fiber().header().life.drop_handle() {
            report::drop_unclaimed(self.fiber());
        }
    }
}
