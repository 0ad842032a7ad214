//! Who waits at an address: the lists under every green wait of this crate.
//!
//! Addresses are hashed to buckets, each a list behind a lock. A waiter links a node of its own
//! stack, after one more look under the lock at whether it has to wait at all, and parks. A waker
//! takes nodes out under the lock, and wakes whose they are after it was given up.
//!
//! A waker that changes a word and then finds [`Table::has_waiters`] false need not look: one load
//! is all that it costs where no green thread waits.
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
//! 3. The address of a linked node changes under the locks of both its buckets. So whoever holds the
//!    lock of the bucket that the address names, and finds it unchanged, has the right one.
//! 4. Nothing is allocated, and nobody is woken, under a lock.
//!
//! # Orderings
//!
//! *No wake-up is lost.* A waiter counts itself, then looks at the word; a waker changes the word,
//! then looks at the count. A sequentially consistent fence lies between the two on either side, so
//! one of them sees the other: either the waiter finds the new word, or the waker takes the lock.
//! If the waiter has looked before, it is in the list by then, for it looks under the lock.
//!
//! The lock orders all else but the end: the store of `WOKEN` releases, and the owner's load of it
//! acquires, what the waker has done before.

use super::atomic::{AtomicU32, AtomicUsize, Cell, Lock, Ordering, fence};
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
    address: AtomicUsize,
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

/// All buckets.
pub(crate) struct Table<W, const BUCKETS: usize> {
    waiting: AtomicUsize,
    buckets: [Lock<Bucket<W>>; BUCKETS],
}

/// Counts a waiter until it is dropped.
pub(crate) struct Counted<'t>(&'t AtomicUsize);

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

    fn unlink(&mut self, node: &Node<W>) {
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
    fn at<'b>(&self, key: Key) -> impl Iterator<Item = &'b Node<W>> + use<'b, W>
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

impl<W: Wake, const BUCKETS: usize> Table<W, BUCKETS> {
    /// A table around buckets that are given, since loom's cannot be made in a constant.
    pub(crate) const fn new(
        waiting: AtomicUsize,
        buckets: [Lock<Bucket<W>>; BUCKETS],
    ) -> Table<W, BUCKETS> {
        Table { waiting, buckets }
    }

    /// Counts the caller as one who waits, or is about to: before it looks at what it waits for.
    pub(crate) fn enter(&self) -> Counted<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `has_waiters`.
        fence(Ordering::SeqCst);
        Counted(&self.waiting)
    }

    /// Whether anybody waits anywhere. To be asked after what is waited for was changed.
    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        // Pairs with the fence in `enter`.
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::Relaxed) != 0
    }

    fn with<R>(&self, address: usize, body: impl FnOnce(&mut Bucket<W>) -> R) -> R {
        body(&mut self.bucket(address).lock())
    }

    /// Links a node unless `is_needed` says, under the lock, that there is nothing to wait for.
    /// The caller has entered.
    ///
    /// # Safety
    ///
    /// As for [`Bucket::link`].
    pub(crate) unsafe fn link_if(
        &self,
        node: &Node<W>,
        at_front: bool,
        is_needed: impl FnOnce(&mut Bucket<W>) -> bool,
    ) -> bool {
        self.with(node.address.load(Ordering::Relaxed), |bucket| {
            let is_needed = is_needed(bucket);
            if is_needed {
                // SAFETY: passed on.
                unsafe { bucket.link(node, at_front) };
            }
            is_needed
        })
    }

    /// Takes a node out that was linked. False if a waker has it: then `is_woken` is going to hold.
    #[must_use]
    pub(crate) fn withdraw(&self, node: &Node<W>) -> bool {
        loop {
            let address = node.address.load(Ordering::Relaxed);
            let withdrawn = self.with(address, |bucket| {
                // Invariant 3. Relaxed, both: under the lock that orders the claim.
                if node.address.load(Ordering::Relaxed) != address {
                    return None;
                }
                let is_linked = node.state.load(Ordering::Relaxed) == LINKED;
                if is_linked {
                    bucket.unlink(node);
                }
                Some(is_linked)
            });
            if let Some(withdrawn) = withdrawn {
                return withdrawn;
            }
        }
    }

    /// Wakes those whom `take` takes out, under the lock of an address, and says how many they are.
    pub(crate) fn wake(
        &self,
        address: usize,
        take: impl FnOnce(&mut Bucket<W>, &mut Chain<W>) -> usize,
    ) -> usize {
        let mut chain = Chain::new();
        self.with(address, |bucket| take(bucket, &mut chain))
    }

    /// Wakes up to `wakes` who wait at `from`, and has up to `moves` more wait at `to`, of the
    /// same kind. None if `is_wanted`, asked under the locks, says so; else how many of each.
    pub(crate) fn requeue(
        &self,
        from: Key,
        to: usize,
        [wakes, moves]: [usize; 2],
        is_wanted: impl FnOnce() -> bool,
    ) -> Option<[usize; 2]> {
        let mut chain = Chain::new();
        let (source, target) = (self.index(from.address), self.index(to));
        if source == target {
            let mut bucket = self.buckets[source].lock();
            if !is_wanted() {
                return None;
            }
            let woken = bucket.take(from, ANY, wakes, &mut chain);
            if from.address == to {
                return Some([woken, bucket.count(from).min(moves)]);
            }
            let mut moved = 0;
            for node in bucket.at(from).take(moves) {
                bucket.unlink(node);
                node.address.store(to, Ordering::Relaxed);
                // SAFETY: it was linked, so it stays by invariant 1.
                unsafe { bucket.link(node, false) };
                moved += 1;
            }
            return Some([woken, moved]);
        }
        // In the order of their places, so that two who requeue do not wait for each other.
        let mut low = self.buckets[source.min(target)].lock();
        let mut high = self.buckets[source.max(target)].lock();
        let (from_bucket, to_bucket) =
            if source < target { (&mut low, &mut high) } else { (&mut high, &mut low) };
        if !is_wanted() {
            return None;
        }
        let woken = from_bucket.take(from, ANY, wakes, &mut chain);
        let mut moved = 0;
        for node in from_bucket.at(from).take(moves) {
            from_bucket.unlink(node);
            node.address.store(to, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { to_bucket.link(node, false) };
            moved += 1;
        }
        Some([woken, moved])
    }

    fn bucket(&self, address: usize) -> &Lock<Bucket<W>> {
        &self.buckets[self.index(address)]
    }

    fn index(&self, address: usize) -> usize {
        // Fibonacci hashing: the upper half of the product depends on all bits.
        let mixed = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        mixed as usize % BUCKETS
    }

    /// Empties it, whoever is in it.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    #[cfg(not(loom))]
    pub(crate) unsafe fn reset(&self) {
        self.waiting.store(0, Ordering::Relaxed);
        for bucket in &self.buckets {
            // SAFETY: passed on.
            unsafe { bucket.reset(Bucket::new()) };
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
