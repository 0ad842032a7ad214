//! All addresses at which somebody waits: hashed to buckets, each a list behind a lock.
//!
//! A waiter looks once more under the lock at whether it has to wait at all, and links. A waker
//! that changes a word and then finds [`Table::has_waiters`] false need not look: one load is all
//! that it costs where no green thread waits.
//!
//! # Invariants
//!
//! 1. The address of a linked node changes under the locks of both its buckets. So whoever holds
//!    the lock of the bucket that the address names, and finds it unchanged, has the right one.
//!
//! # Orderings
//!
//! *No wake-up is lost.* A waiter counts itself, then looks at the word; a waker changes the word,
//! then looks at the count. A sequentially consistent fence lies between the two on either side, so
//! one of them sees the other: either the waiter finds the new word, or the waker takes the lock.
//! If the waiter has looked before, it is in the list by then, for it looks under the lock.

use super::atomic::{AtomicUsize, Lock, Ordering, fence};
use super::bucket::{ANY, Bucket, Chain, Key, Node, Wake};

/// All buckets.
pub(crate) struct Table<W, const BUCKETS: usize> {
    waiting: AtomicUsize,
    buckets: [Lock<Bucket<W>>; BUCKETS],
}

/// Counts a waiter until it is dropped.
pub(crate) struct Counted<'t>(&'t AtomicUsize);

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
    /// As for `Bucket::link`.
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
                // Invariant 1. Relaxed: under the lock under which it is changed.
                if node.address.load(Ordering::Relaxed) != address {
                    return None;
                }
                let is_linked = node.is_linked();
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
                // SAFETY: it was linked, so it stays, by `bucket` invariant 1.
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
