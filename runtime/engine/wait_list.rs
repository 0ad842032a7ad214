//! Who waits for something, in the order in which they came; the list under every primitive.
//!
//! The list lies inside the lock of its primitive, together with the state that is waited for. A
//! waiter that cannot go on links a node of its own stack, unlocks, and parks. Whoever makes room
//! *grants* it to the first waiter: it takes the waiter out and has a look at its payload, in which
//! it leaves an item, or from which it takes one. So what is handed over goes from hand to hand:
//! nobody can take it in between, and a waiter that wakes up has nothing left to do.
//!
//! A wait for one of several things links a node in each list, all of which share one *ticket*. A
//! ticket is granted once. The ticket of a wait for one thing alone is never contended: the lock of
//! its list decides between a grant and a [`withdraw`](List::withdraw).
//!
//! # State
//!
//! | ticket | meaning |
//! |---|---|
//! | `WAITING` | linked, nobody has granted yet |
//! | `CLAIMED` | shared tickets only: the granter has the payload to itself |
//! | `CANCELLED` | shared tickets only: the waiter has given up; nobody may grant |
//! | `GRANTED + arm` | the payload belongs to the waiter again; its wait has ended, by that arm |
//!
//! # Invariants
//!
//! 1. A linked node and its ticket are alive: their owner does not go before it has found itself
//!    granted or has unlinked itself, under the lock of the list. Of a shared ticket all nodes but
//!    the granted one are unlinked by the owner, even after a grant.
//! 2. Either a granter or the waiter itself moves the ticket out of `WAITING`, never both: a grant
//!    is never lost on somebody who gives up in the same moment. He finds the grant instead.
//! 3. The store of `GRANTED` is the granter's last touch of node and ticket. Until then the owner
//!    does not go, so the granter can make a reference to it from one that is not counted.
//! 4. A list is never moved out of the lock that its waiters know, and dropped empty.
//! 5. The node of an unshared ticket is linked for as long as the ticket is `WAITING`.
//! 6. A grant that its owner has not seen may be taken back, by his own thread (`relink_granted`).
//!
//! # Orderings
//!
//! What the waiter put into node and ticket is published to the granter by the lock of the list;
//! for a shared ticket, too, since each of its nodes was linked under the lock under which it is
//! found. The `GRANTED` store releases the payload to the waiter, whose load of it acquires. A
//! claim need order nothing: it decides between granters only, each of whom has his own node.

use super::atomic::{AtomicU32, Cell, Ordering};
use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::{self, NonNull};

const WAITING: u32 = 0;
const CLAIMED: u32 = 1;
const CANCELLED: u32 = 2;
const GRANTED: u32 = 3;

/// How somebody is woken. Every waiter is one that can be parked; loom's is its own.
pub(crate) trait Wake: Clone {
    /// Called by the granter before the waiter can find its grant, under the lock. Wakes the
    /// waiter if it is sure not to run before the granter has gone on; else gives a reference of
    /// its own, by which it is to be woken later.
    fn rouse(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn wake(self);
}

/// The state that all nodes of one wait share.
pub(crate) struct Ticket<W> {
    state: AtomicU32,
    /// Whether it has nodes in several lists, whose locks do not exclude one another.
    is_shared: bool,
    waiter: W,
}

/// One place in one list; `P` is what passes between granter and waiter.
pub(crate) struct Node<P, W> {
    ticket: NonNull<Ticket<W>>,
    arm: u32,
    /// What the granter may want to know before he decides.
    pub(super) tag: usize,
    is_linked: Cell<bool>,
    before: Cell<*const Node<P, W>>,
    after: Cell<*const Node<P, W>>,
    payload: UnsafeCell<P>,
}

/// The list. Dropping it does not touch the nodes.
pub(crate) struct List<P, W> {
    first: *const Node<P, W>,
    last: *const Node<P, W>,
}

// SAFETY: the nodes that it points to are touched under its lock; payloads pass from thread to
// thread, and granters share references to the waiters.
unsafe impl<P: Send, W: Send + Sync> Send for List<P, W> {}

/// The duty to wake somebody whose wait was granted: after the lock was given up, as a rule.
/// Dropped, it wakes all the same.
#[must_use = "whoever was granted something is to be woken"]
pub(crate) struct Wakeup<W: Wake>(Option<W>);

impl<W: Wake> Drop for Wakeup<W> {
    #[inline]
    fn drop(&mut self) {
        if let Some(waiter) = self.0.take() {
            waiter.wake();
        }
    }
}

impl<W> Ticket<W> {
    /// The ticket of a wait in several lists at once.
    pub(crate) fn new(waiter: W) -> Ticket<W> {
        Ticket { state: AtomicU32::new(WAITING), is_shared: true, waiter }
    }

    /// The ticket of a wait in one list. It is not cancelled: see [`List::withdraw`].
    #[inline]
    pub(crate) fn unshared(waiter: W) -> Ticket<W> {
        Ticket { state: AtomicU32::new(WAITING), is_shared: false, waiter }
    }

    /// The arm by which the wait was granted. Anything the granter did to the payload is visible.
    #[inline]
    pub(crate) fn granted(&self) -> Option<u32> {
        self.state.load(Ordering::Acquire).checked_sub(GRANTED)
    }

    /// Gives up the wait of a shared ticket. False if a grant has come, or is about to.
    #[must_use]
    pub(crate) fn cancel(&self) -> bool {
        debug_assert!(self.is_shared, "whoever waits in one list withdraws");
        self.settle(CANCELLED)
    }

    #[inline]
    fn is_waiting(&self) -> bool {
        // Invariant 5 saves the look. Relaxed: what counts is the exchange in `settle`.
        !self.is_shared || self.state.load(Ordering::Relaxed) == WAITING
    }

    fn settle(&self, state: u32) -> bool {
        self.state.compare_exchange(WAITING, state, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl<P, W> Node<P, W> {
    /// A node that is not linked yet. `arm` tells the nodes of a ticket apart.
    ///
    /// # Safety
    ///
    /// The ticket outlives the time for which the node is linked.
    pub(crate) unsafe fn new(ticket: &Ticket<W>, arm: u32, tag: usize, payload: P) -> Node<P, W> {
        Node {
            ticket: NonNull::from(ticket),
            arm,
            tag,
            is_linked: Cell::new(false),
            before: Cell::new(ptr::null()),
            after: Cell::new(ptr::null()),
            payload: UnsafeCell::new(payload),
        }
    }

    pub(crate) fn into_payload(self) -> P {
        debug_assert!(!self.is_linked.get());
        self.payload.into_inner()
    }
}

impl<P, W> List<P, W> {
    pub(crate) const fn new() -> List<P, W> {
        List { first: ptr::null(), last: ptr::null() }
    }

    /// Links a node at the end, or, for one that has waited before, at the front.
    ///
    /// # Safety
    ///
    /// The node stays where it is, and alive, until `unlink` or until its ticket is granted by this
    /// very arm. The caller holds the lock in which the list lies, here and in all other calls.
    pub(crate) unsafe fn link(&mut self, node: &Node<P, W>, at_front: bool) {
        node.is_linked.set(true);
        if at_front {
            node.after.set(self.first);
            // SAFETY: invariant 1.
            match unsafe { self.first.as_ref() } {
                Some(first) => first.before.set(node),
                None => self.last = node,
            }
            self.first = node;
        } else {
            node.before.set(self.last);
            // SAFETY: invariant 1.
            match unsafe { self.last.as_ref() } {
                Some(last) => last.after.set(node),
                None => self.first = node,
            }
            self.last = node;
        }
    }

    /// Links the node of an unshared ticket again, at the front, if it was granted: its owner waits
    /// as before. `take` sees what he was granted.
    ///
    /// # Safety
    ///
    /// As for `link`, and the owner is not at the node, nor its granter any more: the caller's
    /// thread is the one that runs the owner.
    pub(crate) unsafe fn relink_granted(&mut self, node: &Node<P, W>, take: impl FnOnce(&P)) {
        // SAFETY: invariant 1.
        let ticket = unsafe { node.ticket.as_ref() };
        debug_assert!(!ticket.is_shared, "other arms may have been dealt with");
        if ticket.granted().is_some() {
            // SAFETY: it is the owner's, who does not run.
            take(unsafe { &*node.payload.get() });
            // Ordered by the list's lock for the next granter, as at the first time.
            ticket.state.store(WAITING, Ordering::Relaxed);
            // SAFETY: passed on.
            unsafe { self.link(node, true) };
        }
    }

    /// Takes the node of an unshared ticket out. False if it was granted: the payload is what the
    /// granter made of it.
    ///
    /// # Safety
    ///
    /// As for `unlink`.
    #[must_use]
    pub(crate) unsafe fn withdraw(&mut self, node: &Node<P, W>) -> bool {
        let is_waiting = node.is_linked.get();
        // SAFETY: passed on.
        unsafe { self.unlink(node) };
        is_waiting
    }

    /// Takes a node out, if no granter has done so.
    ///
    /// # Safety
    ///
    /// If the node is linked, it is in this list.
    pub(crate) unsafe fn unlink(&mut self, node: &Node<P, W>) {
        if !node.is_linked.replace(false) {
            return;
        }
        let (before, after) = (node.before.replace(ptr::null()), node.after.replace(ptr::null()));
        // SAFETY: invariant 1, for the neighbours.
        match unsafe { before.as_ref() } {
            Some(before) => before.after.set(after),
            None => self.first = after,
        }
        // SAFETY: as above.
        match unsafe { after.as_ref() } {
            Some(after) => after.before.set(before),
            None => self.last = before,
        }
    }

    /// Whether nobody waits. Those who have given up, or were granted something else, do not count.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.first_waiting().is_none()
    }

    /// The first whose ticket is not settled; drops from the list whose is.
    fn first_waiting<'a>(&mut self) -> Option<&'a Node<P, W>> {
        loop {
            // SAFETY: invariant 1; the reference is used under the same lock.
            let node = unsafe { self.first.as_ref() }?;
            // SAFETY: invariant 1.
            if unsafe { node.ticket.as_ref() }.is_waiting() {
                return Some(node);
            }
            // SAFETY: it is in this list.
            unsafe { self.unlink(node) };
        }
    }

    /// Whether somebody waits whose ticket is not `mine`: an arm of a wait cannot meet another arm
    /// of the same wait.
    pub(crate) fn has_other(&mut self, mine: &Ticket<W>) -> bool {
        let mut next = self.first;
        // SAFETY: invariant 1.
        while let Some(node) = unsafe { next.as_ref() } {
            // SAFETY: invariant 1.
            if !ptr::eq(node.ticket.as_ptr(), mine) && unsafe { node.ticket.as_ref() }.is_waiting()
            {
                return true;
            }
            next = node.after.get();
        }
        false
    }
}

impl<P, W: Wake> List<P, W> {
    /// Ends the wait of the first who waits. `hand_over` puts something into the payload or takes
    /// it out; it does not panic, runs no code of users, and is not called if nobody waits.
    #[inline]
    pub(crate) fn grant<R>(
        &mut self,
        hand_over: impl FnOnce(&mut P) -> R,
    ) -> Option<(R, Wakeup<W>)> {
        self.grant_if(|_| true, hand_over)
    }

    /// [`grant`](List::grant), unless the first who waits has a tag that `is_wanted` turns down.
    #[inline]
    pub(crate) fn grant_if<R>(
        &mut self,
        is_wanted: impl Fn(usize) -> bool,
        hand_over: impl FnOnce(&mut P) -> R,
    ) -> Option<(R, Wakeup<W>)> {
        loop {
            let node = self.first_waiting().filter(|node| is_wanted(node.tag))?;
            // SAFETY: it is in this list.
            unsafe { self.unlink(node) };
            // SAFETY: invariant 1.
            let ticket = unsafe { node.ticket.as_ref() };
            // Lost to another arm, or to the waiter himself, since the look.
            if ticket.is_shared && !ticket.settle(CLAIMED) {
                continue;
            }
            // SAFETY: claimed, so it is ours until the store below.
            let result = hand_over(unsafe { &mut *node.payload.get() });
            let wakeup = Wakeup(ticket.waiter.rouse());
            ticket.state.store(GRANTED + node.arm, Ordering::Release);
            return Some((result, wakeup));
        }
    }
}

impl<P, W> fmt::Debug for List<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("may_be_empty", &self.first.is_null()).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "wait_list/models.rs"]
pub(super) mod models;
