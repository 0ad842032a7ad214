//! The wait for one arm as a future, for any executor to poll.
//!
//! Where a thread would park, the future leaves its waker (`waker_slot`) and returns: it lies in
//! the same line as the threads that wait, and its turn comes in the same order. Nothing of the
//! runtime runs on its behalf meanwhile, so an executor needs nothing of ours to poll it.
//!
//! # Invariants
//!
//! 1. Arm and ticket stay where they are from the first link on: the future is pinned by then, and
//!    is unlinked before its memory is used for anything else (`choice` invariant 1).
//! 2. A future that is dropped gives up its wait, or finds that it was granted, and gives back what
//!    it was granted. Nothing is lost by a drop, and nobody is woken after it for nothing.
//!
//! # Rejected
//!
//! A green thread that waits on behalf of the future: it costs a stack and two switches, and what
//! it was granted after the future is gone has nobody to go to.

use super::choose::{ArmOutcome, Choice};
use super::handles::JoinHandle;
use super::spawn::{self, Options};
use super::wait_list::Ticket;
use super::waiter::Waiter;
use super::waker_slot::WakerSlot;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

/// An arm that can undo a grant.
pub trait Awaitable: ArmOutcome {
    /// In place of `complete`: gives back what was granted, to whoever is next. Neither waits nor
    /// unwinds.
    fn put_back(&mut self);
}

/// A wait as a future, which any executor may poll: on green threads, on OS threads, on those of
/// another runtime. What it gives is what the blocking call gives.
///
/// It is queued by its first poll that finds nothing to take, among the threads that wait, and is
/// served in its turn. A drop gives up the wait, and loses nothing: what it was handed and has not
/// given yet goes to the next who wants it. A kill or a timeout scope concerns it only as far as it
/// ends the thread that polls it.
///
/// # Panics
///
/// When it is polled after it has given its output. A wait for a time, such as that of a receiver
/// made by [`channel::after`](crate::channel::after), is woken by a green thread that starts then;
/// it panics if none can be spawned.
#[must_use = "futures do nothing unless they are polled"]
pub struct Wait<O: Awaitable> {
    arm: O,
    linked: Option<Linked>,
    is_over: bool,
    _stays_here: PhantomPinned,
}

/// What a wait has while its arm is in a line.
struct Linked {
    ticket: Ticket<Waiter>,
    slot: Arc<WakerSlot>,
    alarm: Option<Alarm>,
}

/// Wakes a future at some time: a green thread that has no stack before.
struct Alarm {
    due: Instant,
    thread: JoinHandle<()>,
}

impl<O: Awaitable> Wait<O> {
    /// A wait for what the arm is for.
    pub(crate) fn new(arm: O) -> Wait<O> {
        Wait { arm, linked: None, is_over: false, _stays_here: PhantomPinned }
    }

    /// Goes on as far as it goes. True if the arm has something to tell.
    fn advance(&mut self, context: &Context<'_>) -> bool {
        if let Some(linked) = &self.linked {
            // In this order: see `waker_slot`.
            linked.slot.register(context.waker());
            if linked.ticket.granted().is_none() && !linked.is_due() {
                return false;
            }
            if self.leave() {
                self.arm.complete();
                return true;
            }
        }
        while !self.arm.try_now() {
            if self.link(context) {
                return false;
            }
        }
        true
    }

    /// Queues the arm. False if it could go on by now.
    fn link(&mut self, context: &Context<'_>) -> bool {
        let slot = Arc::new(WakerSlot::new(context.waker()));
        let ticket = Ticket::new(Waiter::Future(Arc::clone(&slot)));
        // To its place first (invariant 1).
        let linked = self.linked.insert(Linked { ticket, slot, alarm: None });
        if !self.arm.link(&Choice::only(&linked.ticket)) {
            self.linked = None;
            return false;
        }
        if let Some(due) = self.arm.deadline() {
            linked.alarm = Some(Alarm::new(due, Arc::clone(&linked.slot)));
        }
        true
    }

    /// Takes the arm out of its line, unless it was granted: true then.
    fn leave(&mut self) -> bool {
        let Some(linked) = &self.linked else { return false };
        let ticket = &linked.ticket;
        let is_granted = ticket.granted().is_some() || !ticket.cancel();
        if is_granted {
            // The granter is at it, in the middle of a few instructions.
            while ticket.granted().is_none() {
                thread::yield_now();
            }
        } else {
            self.arm.unlink();
        }
        // A waker is dropped here, with no lock held.
        drop(linked.slot.take());
        self.linked = None;
        is_granted
    }
}

impl<O: Awaitable> Future for Wait<O> {
    type Output = O::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O::Output> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.is_over, "a wait was polled after it had given its output");
        if !this.advance(context) {
            return Poll::Pending;
        }
        this.is_over = true;
        Poll::Ready(this.arm.take_output().expect("it went on, so it has something to tell"))
    }
}

impl<O: Awaitable> Drop for Wait<O> {
    fn drop(&mut self) {
        if self.leave() {
            self.arm.put_back();
        }
    }
}

impl<O: Awaitable> fmt::Debug for Wait<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("is_queued", &self.linked.is_some()).finish_non_exhaustive()
    }
}

impl Linked {
    fn is_due(&self) -> bool {
        self.alarm.as_ref().is_some_and(|alarm| alarm.due <= Instant::now())
    }
}

impl Alarm {
    fn new(due: Instant, slot: Arc<WakerSlot>) -> Alarm {
        let options = Options { starts_at: Some(due), ..Options::default() };
        let wake = move || Waiter::Future(slot).unpark();
        let join = spawn::spawn_static(options, Location::caller(), wake);
        let join = join.expect("failed to spawn the green thread that wakes a future at its time");
        Alarm { due, thread: JoinHandle::new(join) }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // If it has not started it never will; one that runs has nothing to lose.
        let _ = self.thread.kill();
    }
}
