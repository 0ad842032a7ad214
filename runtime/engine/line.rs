//! Waiting in a [`List`] as a thread of either kind: what every primitive blocks with.
//!
//! A primitive is a `Mutex<State>` whose state holds one or more [`Line`]s. To wait is [`wait`]: it
//! links, unlocks, parks, and comes back with the payload, granted or not. To let somebody go on is
//! [`List::grant`], under the same lock.

use super::atomic::{AtomicPtr, Mutex, Ordering};
use super::limits;
use super::park::{self, Outcome};
use super::wait_list::{self, List, Node, Ticket, Wake};
use super::waiter::Waiter;
use super::worker::Worker;
use parking_lot::MutexGuard;
use std::ptr;
use std::thread;
use std::time::Instant;

/// Those who wait for something of a primitive; `P` is what passes between them and who grants.
pub(crate) type Line<P> = List<P, Waiter>;

/// The duty to wake somebody whose wait was granted, once the lock was given up.
pub(crate) type Wakeup = wait_list::Wakeup<Waiter>;

/// Says what somebody waits for, in a report of a deadlock.
#[derive(Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

/// The reason of a green thread's wait; none while it waits for something that has no name.
#[derive(Debug)]
pub(crate) struct WaitsFor(AtomicPtr<Reason>);

/// How a wait in a line ended, with the payload.
#[derive(Debug)]
#[must_use]
pub(crate) enum Waited<P> {
    /// Somebody granted it, perhaps in the very moment in which the deadline passed.
    Granted(P),
    /// The deadline has passed, and nobody has touched the payload.
    TimedOut(P),
}

/// The particulars of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) what: &'static Reason,
    pub(crate) deadline: Option<Instant>,
    /// For the granter to see: [`List::first_tag`].
    pub(crate) tag: usize,
    /// Before all others: for one who has waited before, and woke up in vain.
    pub(crate) at_front: bool,
}

impl Ask {
    pub(crate) fn new(what: &'static Reason, deadline: Option<Instant>) -> Ask {
        Ask { what, deadline, tag: 0, at_front: false }
    }
}

impl Wake for Waiter {
    #[inline]
    fn wake(self) {
        self.unpark();
    }
}

impl WaitsFor {
    pub(crate) fn new() -> WaitsFor {
        WaitsFor(AtomicPtr::new(ptr::null_mut()))
    }

    /// For reports only: it may have changed meanwhile.
    pub(crate) fn get(&self) -> Option<&'static Reason> {
        // SAFETY: only `'static` reasons are stored.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }

    fn set(&self, reason: Option<&'static Reason>) {
        let reason = reason.map_or(ptr::null(), ptr::from_ref);
        self.0.store(reason.cast_mut(), Ordering::Relaxed);
    }
}

/// Notes for reports what the calling green thread waits for, until this is dropped.
pub(crate) struct WaitingFor(());

impl WaitingFor {
    #[inline]
    pub(crate) fn new(reason: &'static Reason) -> WaitingFor {
        note(Some(reason));
        WaitingFor(())
    }
}

impl Drop for WaitingFor {
    #[inline]
    fn drop(&mut self) {
        note(None);
    }
}

#[inline]
fn note(reason: Option<&'static Reason>) {
    if let Some((_, fiber)) = Worker::on_fiber() {
        // SAFETY: the calling fiber runs.
        unsafe { fiber.as_ref() }.waits_for.set(reason);
    }
}

/// Blocks the calling thread, of either kind, in a line of the primitive behind `lock`, which it
/// has locked by `guard` and found without what it needs.
///
/// `line` names the same line each time that it is called, and neither panics nor locks.
///
/// A kill, and a timeout scope that expires, end the wait by unwinding; the payload is dropped
/// then. They do not if the caller unwinds already: whoever waits in a destructor waits as on a
/// plain thread. A grant wins over both, and over the deadline. A primitive that hands out permits
/// which nobody would give back has to look at [`limits::is_to_end`] after a grant.
pub(crate) fn wait<S, P>(
    lock: &Mutex<S>,
    mut guard: MutexGuard<'_, S>,
    line: impl Fn(&mut S) -> &mut Line<P>,
    payload: P,
    ask: Ask,
) -> Waited<P> {
    let ticket = Ticket::new(Waiter::current());
    // SAFETY: the ticket is declared first, so it outlives the node.
    let node = unsafe { Node::new(&ticket, 0, ask.tag, payload) };
    // SAFETY: this function does not end, nor unwind, before the node was granted or is unlinked.
    unsafe { line(&mut guard).link(&node, ask.at_front) };
    drop(guard);
    let _waiting = WaitingFor::new(ask.what);
    loop {
        let outcome = if thread::panicking() {
            park::park_shielded(ask.deadline)
        } else {
            park::park_until(ask.deadline)
        };
        if ticket.granted().is_some() {
            return Waited::Granted(node.into_payload());
        }
        if outcome == Outcome::Woken {
            continue;
        }
        if !ticket.cancel() {
            // The granter is at it, and wakes us when he is done.
            while ticket.granted().is_none() {
                let _ = park::park_shielded(None);
            }
            return Waited::Granted(node.into_payload());
        }
        // SAFETY: it was linked there, as `line` promises.
        unsafe { line(&mut lock.lock()).unlink(&node) };
        let payload = node.into_payload();
        if outcome == Outcome::TimedOut {
            return Waited::TimedOut(payload);
        }
        drop(payload);
        limits::unwind();
    }
}
