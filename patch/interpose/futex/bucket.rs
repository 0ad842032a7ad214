//! Who waits at an address: the lists under every green wait of this crate.
//!
//! A waiter links a node of its own stack into a list behind a lock, and parks. A waker takes nodes
//! out under the lock, and wakes whose they are after it was given up.
//!
//! # State
//!
//! | node | meaning | who leaves it |
//! |---|---|---|
//! | `LINKED` | in the list of its address | a waker, or the owner, under the lock |
//! | `CLAIMED` | a waker's alone | that waker |
//! | `WOKEN` | the owner's alone; its wait has ended | |
//!
//! # Invariants
//!
//! 1. A node outlives its time in `LINKED` and `CLAIMED`: its owner goes only after it has taken it
//!    out itself, or has seen `WOKEN`.
//! 2. The store of `WOKEN` is the waker's last touch of the node: by then it has a reference of its
//!    own to the waiter.
//! 3. Nothing is allocated, and nobody is woken, under a lock.
//!
//! # Orderings
//!
//! The lock orders all but the end: the store of `WOKEN` releases, and the owner's load of it
//! acquires, what the waker has done before.

use super::atomic::{AtomicU32, AtomicUsize, Cell, Ordering};
use std::ptr;

const LINKED: u32 = 0;
const CLAIMED: u32 = 1;
const WOKEN: u32 = 2;

/// Matches every waiter.
pub(crate) const ANY: u32 = u32::MAX;

/// How a waiter is made to run again.
pub(crate) trait Wake: Clone {
    /// Wakes it, or has its next park return at once.
    fn wake(self);
}

/// What is waited for at an address; what is of another kind is not met there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) address: usize,
    pub(crate) kind: u32,
}

/// A waiter's place.
pub(crate) struct Node<W> {
    /// `table` invariant 1.
    pub(super) address: AtomicUsize,
    kind: u32,
    /// A waker names one of these bits.
    mask: u32,
    state: AtomicU32,
    before: Cell<*const Node<W>>,
    after: Cell<*const Node<W>>,
    waiter: W,
}

/// The list of one bucket. Dropping it does not touch the nodes.
pub(crate) struct Bucket<W> {
    first: *const Node<W>,
    last: *const Node<W>,
}

// SAFETY: the nodes that it points to are touched under its lock.
unsafe impl<W: Send + Sync> Send for Bucket<W> {}

/// Nodes that were taken out, whose owners are to be woken: when this is dropped, which is after
/// the lock was given up.
#[must_use = "whoever was taken out is to be woken"]
pub(crate) struct Chain<W: Wake> {
    first: *const Node<W>,
    last: *const Node<W>,
}

impl<W> Node<W> {
    pub(crate) fn new(key: Key, mask: u32, waiter: W) -> Node<W> {
        Node {
            address: AtomicUsize::new(key.address),
            kind: key.kind,
            mask,
            state: AtomicU32::new(LINKED),
            before: Cell::new(ptr::null()),
            after: Cell::new(ptr::null()),
            waiter,
        }
    }

    /// Whether somebody has woken its owner.
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        self.state.load(Ordering::Acquire) == WOKEN
    }

    /// Whether no waker has it. To be asked under the lock of its list.
    pub(super) fn is_linked(&self) -> bool {
        // Relaxed: the lock orders it.
        self.state.load(Ordering::Relaxed) == LINKED
    }

    /// Writes what wakers touch, as its owner may from the end of its wait on.
    #[cfg(loom)]
    pub(crate) fn retire(&self) {
        self.before.set(ptr::null());
        self.after.set(ptr::null());
    }

    #[cfg(loom)]
    pub(crate) fn waiter(&self) -> &W {
        &self.waiter
    }

    fn is_at(&self, key: Key) -> bool {
        self.kind == key.kind && self.address.load(Ordering::Relaxed) == key.address
    }
}

impl<W> Bucket<W> {
    pub(crate) const fn new() -> Bucket<W> {
        Bucket { first: ptr::null(), last: ptr::null() }
    }

    /// Links a node at the end, or, for one that has waited before, at the front.
    ///
    /// # Safety
    ///
    /// The node stays where it is, and alive, until invariant 1 lets it go.
    pub(crate) unsafe fn link(&mut self, node: &Node<W>, at_front: bool) {
        let (before, after) =
            if at_front { (ptr::null(), self.first) } else { (self.last, ptr::null()) };
        node.before.set(before);
        node.after.set(after);
        // SAFETY: invariant 1, for the neighbours.
        match unsafe { before.as_ref() } {
            Some(before) => before.after.set(node),
            None => self.first = node,
        }
        // SAFETY: as above.
        match unsafe { after.as_ref() } {
            Some(after) => after.before.set(node),
            None => self.last = node,
        }
    }

    pub(super) fn unlink(&mut self, node: &Node<W>) {
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

    /// The nodes at a key, in their order. Each may be unlinked while it is looked at.
    pub(super) fn at<'b>(&self, key: Key) -> impl Iterator<Item = &'b Node<W>> + use<'b, W>
    where
        W: 'b,
    {
        let mut next = self.first;
        std::iter::from_fn(move || {
            // SAFETY: invariant 1; the references are used under the same lock.
            let node = unsafe { next.as_ref() }?;
            next = node.after.get();
            Some(node)
        })
        .filter(move |node| node.is_at(key))
    }

    /// How many wait there.
    pub(crate) fn count(&self, key: Key) -> usize {
        self.at(key).count()
    }

    /// The mask of the first who waits there.
    pub(crate) fn first_mask(&self, key: Key) -> Option<u32> {
        self.at(key).next().map(|node| node.mask)
    }
}

impl<W: Wake> Bucket<W> {
    /// Takes up to `at_most` nodes at a key out whose masks meet `mask`, for `chain` to wake.
    pub(crate) fn take(
        &mut self,
        key: Key,
        mask: u32,
        at_most: usize,
        chain: &mut Chain<W>,
    ) -> usize {
        let mut count = 0;
        for node in self.at(key).filter(|node| node.mask & mask != 0).take(at_most) {
            self.unlink(node);
            node.state.store(CLAIMED, Ordering::Relaxed);
            chain.push(node);
            count += 1;
        }
        count
    }
}

impl<W: Wake> Chain<W> {
    pub(crate) const fn new() -> Chain<W> {
        Chain { first: ptr::null(), last: ptr::null() }
    }

    fn push(&mut self, node: &Node<W>) {
        // SAFETY: claimed by this chain, so alive by invariant 1.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.after.set(node),
            None => self.first = node,
        }
        self.last = node;
    }
}

impl<W: Wake> Drop for Chain<W> {
    fn drop(&mut self) {
        // SAFETY: claimed by this chain, so alive by invariant 1.
        while let Some(node) = unsafe { self.first.as_ref() } {
            self.first = node.after.get();
            let waiter = node.waiter.clone();
            node.state.store(WOKEN, Ordering::Release);
            waiter.wake();
        }
    }
}
