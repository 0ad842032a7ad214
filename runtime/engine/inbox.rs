//! The inbox of a worker: wake-ups from other threads, and the word on which the worker sleeps.
//!
//! An intrusive stack that many threads push to and one worker empties at once; emptying turns it
//! around, so wake-ups run in the order in which they came. The head also says whether the worker
//! is asleep, so that "is there something for me" and "I go to sleep" are one atomic step, and a
//! sender learns from the push itself whether it has to ring.
//!
//! # State
//!
//! | head | meaning |
//! |---|---|
//! | null | awake, nothing waits |
//! | `ASLEEP` | nothing waits; the next sender rings the worker's waker |
//! | `ABSENT` | as `ASLEEP`, but the worker will not run what it is offered before it is back |
//! | a node | awake (or about to be: the pusher of the first node rings), nodes wait |
//!
//! # Invariants
//!
//! 1. A node is in at most one inbox, once (`life` invariant 1); its link belongs to the inbox
//!    from the push to the drain.
//! 2. Only the owner drains, falls asleep and gets up.
//!
//! # Orderings
//!
//! A push is `Release` and the drain's swap `Acquire`, so the worker sees the node's link and all
//! that the sender did before.

use super::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// A node that carries the link of the inbox.
///
/// # Safety
///
/// `link` always returns the same word, which nothing but the inbox uses.
pub(crate) unsafe trait Linked: Sized {
    fn link(&self) -> &AtomicPtr<Self>;
}

/// A worker's inbox.
pub(crate) struct Inbox<T> {
    head: AtomicPtr<T>,
}

impl<T: Linked> Inbox<T> {
    const ASLEEP: *mut T = ptr::without_provenance_mut(1);
    const ABSENT: *mut T = ptr::without_provenance_mut(2);

    /// Whether the next sender has to ring.
    #[inline]
    fn is_asleep(head: *mut T) -> bool {
        head == Self::ASLEEP || head == Self::ABSENT
    }

    pub(crate) fn new() -> Inbox<T> {
        Inbox { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts a node in. If the caller has to ring the worker's waker, returns what `waker` gave just
    /// before: once the node is in, the worker may be gone.
    ///
    /// # Safety
    ///
    /// The node lives until the owner has drained it, and is in no inbox (invariant 1).
    #[must_use]
    pub(crate) unsafe fn push<R>(&self, node: NonNull<T>, waker: impl Fn() -> R) -> Option<R> {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let was_asleep = Self::is_asleep(head);
            let next = if was_asleep { ptr::null_mut() } else { head };
            let ring = was_asleep.then(&waker);
            // SAFETY: the node is alive, and its link is ours (invariant 1).
            unsafe { node.as_ref() }.link().store(next, Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                node.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return ring,
                Err(now) => head = now,
            }
        }
    }

    /// Puts a node in if the worker sleeps, and returns what `waker` gave; the caller rings. `None`
    /// if it is awake, and may be about to end, or absent.
    ///
    /// # Safety
    ///
    /// As `push`.
    #[must_use]
    pub(crate) unsafe fn offer<R>(&self, node: NonNull<T>, waker: impl Fn() -> R) -> Option<R> {
        if self.head.load(Ordering::Relaxed) != Self::ASLEEP {
            return None;
        }
        let ring = waker();
        // SAFETY: the node is alive, and its link is ours (invariant 1).
        unsafe { node.as_ref() }.link().store(ptr::null_mut(), Ordering::Relaxed);
        self.head
            .compare_exchange(Self::ASLEEP, node.as_ptr(), Ordering::Release, Ordering::Relaxed)
            .is_ok()
            .then_some(ring)
    }

    /// Wakes a sleeping worker without giving it anything. True if the caller has to ring.
    #[must_use]
    pub(crate) fn rouse(&self) -> bool {
        [Self::ASLEEP, Self::ABSENT].into_iter().any(|asleep| {
            self.head
                .compare_exchange(asleep, ptr::null_mut(), Ordering::Release, Ordering::Relaxed)
                .is_ok()
        })
    }

    /// Whether something waits. Owner only, while it is awake.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        // Relaxed: `drain` acquires.
        !self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes everything out, oldest first. Owner only.
    #[inline]
    pub(crate) fn drain(&self, mut each: impl FnMut(NonNull<T>)) {
        let head = self.head.load(Ordering::Relaxed);
        if head.is_null() || Self::is_asleep(head) {
            return;
        }
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest: *mut T = ptr::null_mut();
        while let Some(node) = NonNull::new(newest) {
            // SAFETY: pushed nodes live until they are drained, which is here.
            let link = unsafe { node.as_ref() }.link();
            newest = link.load(Ordering::Relaxed);
            link.store(oldest, Ordering::Relaxed);
            oldest = node.as_ptr();
        }
        while let Some(node) = NonNull::new(oldest) {
            // SAFETY: as above; the link is read before `each` may free the node.
            oldest = unsafe { node.as_ref() }.link().load(Ordering::Relaxed);
            each(node);
        }
    }

    /// Declares the worker asleep. False if something waits. Owner only.
    #[must_use]
    pub(crate) fn fall_asleep(&self) -> bool {
        self.leave(Self::ASLEEP)
    }

    /// [`fall_asleep`](Inbox::fall_asleep) of a worker that runs nobody when it wakes up, because a
    /// fiber waits on its stack. Owner only.
    #[must_use]
    pub(crate) fn fall_asleep_absent(&self) -> bool {
        self.leave(Self::ABSENT)
    }

    fn leave(&self, asleep: *mut T) -> bool {
        self.head
            .compare_exchange(ptr::null_mut(), asleep, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether the worker sleeps, or is about to, and nothing waits for it.
    pub(crate) fn is_asleep_and_empty(&self) -> bool {
        // Acquire pairs with the push that is not there: who finds nothing has seen all before.
        self.head.load(Ordering::Acquire) == Self::ASLEEP
    }

    /// Whether the worker sleeps, or waits on behalf of a fiber, and nobody has roused it.
    pub(crate) fn is_away(&self) -> bool {
        // Relaxed: an estimate, but for `Vigil::rest`, which fences.
        Self::is_asleep(self.head.load(Ordering::Relaxed))
    }

    /// Declares the worker awake again. Owner only.
    pub(crate) fn get_up(&self) {
        if Self::is_asleep(self.head.load(Ordering::Relaxed)) {
            let _ = self.rouse();
        }
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::{AtomicPtr, Inbox, Linked};
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;
    use std::ptr::{self, NonNull};

    struct Node {
        link: AtomicPtr<Node>,
        number: usize,
    }

    // SAFETY: the link is used by the inbox only.
    unsafe impl Linked for Node {
        fn link(&self) -> &AtomicPtr<Node> {
            &self.link
        }
    }

    fn node(number: usize) -> NonNull<Node> {
        NonNull::from(Box::leak(Box::new(Node { link: AtomicPtr::new(ptr::null_mut()), number })))
    }

    fn drain(inbox: &Inbox<Node>, got: &mut Vec<usize>) {
        inbox.drain(|node| {
            // SAFETY: a drained node is ours, and came from `Box::leak`.
            got.push(unsafe { Box::from_raw(node.as_ptr()) }.number);
        });
    }

    /// The owner sleeps on `rung` whenever the inbox lets it; it must end up with both nodes.
    #[test]
    fn loom_no_push_is_lost_by_a_worker_that_falls_asleep() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let inbox = Arc::new(Inbox::new());
            let rung = Arc::new(AtomicUsize::new(0));
            let senders: Vec<_> = (0..2)
                .map(|number| {
                    let (inbox, rung) = (inbox.clone(), rung.clone());
                    thread::spawn(move || {
                        // SAFETY: a new node, leaked until it is drained.
                        if unsafe { inbox.push(node(number), || ()) }.is_some() {
                            rung.fetch_add(1, Ordering::Release);
                        }
                    })
                })
                .collect();
            let mut got = Vec::new();
            while got.len() < 2 {
                drain(&inbox, &mut got);
                if got.len() < 2 && inbox.fall_asleep() {
                    while rung.load(Ordering::Acquire) == 0 {
                        thread::yield_now();
                    }
                    rung.fetch_sub(1, Ordering::Relaxed);
                    inbox.get_up();
                }
            }
            for sender in senders {
                sender.join().expect("a sender does not panic");
            }
            got.sort_unstable();
            assert_eq!(got, [0, 1]);
        });
    }

    #[test]
    fn loom_nodes_of_one_sender_arrive_in_order() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let other = inbox.clone();
            let sender = thread::spawn(move || {
                for number in 0..2 {
                    // SAFETY: a new node, leaked until it is drained.
                    let _ = unsafe { other.push(node(number), || ()) };
                }
            });
            let mut got = Vec::new();
            while got.len() < 2 {
                drain(&inbox, &mut got);
                thread::yield_now();
            }
            assert_eq!(got, [0, 1]);
            sender.join().expect("the sender does not panic");
        });
    }

    #[test]
    fn loom_an_offer_is_refused_or_drained_by_a_worker_that_ends() {
        loom::model(|| {
            let inbox: Arc<Inbox<Node>> = Arc::new(Inbox::new());
            assert!(inbox.fall_asleep());
            let other = inbox.clone();
            let giver = thread::spawn(move || {
                let node = node(0);
                // SAFETY: a new node, leaked until it is drained, or refused and freed.
                let is_taken = unsafe { other.offer(node, || ()) }.is_some();
                if !is_taken {
                    // SAFETY: refused, so it is still ours, from `Box::leak`.
                    drop(unsafe { Box::from_raw(node.as_ptr()) });
                }
                usize::from(is_taken)
            });
            // It gets up, takes what is there, and ends: nothing may come after that.
            inbox.get_up();
            let mut got = Vec::new();
            drain(&inbox, &mut got);
            assert_eq!(giver.join().expect("the giver does not panic"), got.len());
        });
    }

    #[test]
    fn loom_a_worker_that_is_absent_is_rung_and_offered_nothing() {
        loom::model(|| {
            let inbox: Arc<Inbox<Node>> = Arc::new(Inbox::new());
            assert!(inbox.fall_asleep());
            let other = inbox.clone();
            let giver = thread::spawn(move || {
                let offered = node(0);
                // SAFETY: a new node, leaked until it is drained, or refused and freed.
                let is_taken = unsafe { other.offer(offered, || ()) }.is_some();
                if !is_taken {
                    // SAFETY: refused, so it is still ours, from `Box::leak`.
                    drop(unsafe { Box::from_raw(offered.as_ptr()) });
                }
                // SAFETY: a new node, leaked until it is drained.
                let is_rung = unsafe { other.push(node(1), || ()) }.is_some();
                (is_taken, is_rung)
            });
            let mut got = Vec::new();
            inbox.get_up();
            drain(&inbox, &mut got);
            let is_absent = inbox.fall_asleep_absent();
            let (is_taken, is_rung) = giver.join().expect("the giver does not panic");
            if is_absent {
                // What was taken had come before, and what came later has rung.
                assert_eq!(is_taken, got.contains(&0));
                assert!(is_rung || got.contains(&1));
            }
            drain(&inbox, &mut got);
            assert_eq!(got.len(), 1 + usize::from(is_taken));
        });
    }

    #[test]
    fn loom_a_sleeper_is_rung_by_exactly_one() {
        loom::model(|| {
            let inbox: Arc<Inbox<Node>> = Arc::new(Inbox::new());
            assert!(inbox.fall_asleep());
            let other = inbox.clone();
            let rouser = thread::spawn(move || usize::from(other.rouse()));
            // SAFETY: a new node, leaked until it is drained.
            let rung = usize::from(unsafe { inbox.push(node(0), || ()) }.is_some());
            assert_eq!(rung + rouser.join().expect("ends"), 1);
            let mut got = Vec::new();
            drain(&inbox, &mut got);
            assert_eq!(got, [0]);
        });
    }
}
