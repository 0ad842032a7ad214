//! What other threads see of a worker: its place in the runtime, which outlives it.
//!
//! The first places belong to the regular workers, for as long as the runtime lives. The others
//! are for spare workers (`relief`), which come and go; a place is opened when its first one comes,
//! and keeps what may be referred to from elsewhere: the list of free fibers that were started
//! there, and their timers.
//!
//! # Invariants
//!
//! 1. A place that nobody has opened is looked at by nobody; one that was opened stays so.
//! 2. A worker leaves its place empty: no pinned fiber has it for a home, nothing lies in its inbox
//!    or its queues, and nobody waits there for a timer or an event. A free fiber may still be in
//!    its lists, which serve as well without a worker.
//! 3. Free fibers are woken outside of the locks of both lists: waking may take the list of
//!    sleepers, which a look for a deadlock holds while it takes these.

use super::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Mutex, Ordering};
use super::backlog::Backlog;
use super::counters::Counters;
use super::fiber::{FiberRef, Header};
use super::inbox::Inbox;
use super::monitor::Post;
use super::muster::Muster;
use super::outside;
use super::owned::Owned;
use super::reactor::ReactorHandle;
use super::roster::Roster;
use super::shared::{self, Runnable, Shared};
use super::timers::Timers;
use super::waiter::Waiter;
use super::worker::Worker;
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use std::hint;
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

/// The part of a worker that other threads touch.
pub(crate) struct Remote {
    pub(crate) index: usize,
    pub(crate) inbox: Inbox<Header>,
    /// The task that was spawned last, or the free fiber that was woken last. Apart from the
    /// deque, because its spawner most often waits for it at once; thieves leave it alone for a
    /// while.
    pub(crate) next: AtomicPtr<Header>,
    /// Free fibers that the worker is to run.
    pub(super) backlog: Backlog<Runnable>,
    /// Of a place that was opened.
    stealer: OnceLock<Stealer<Runnable>>,
    /// A regular worker's.
    reactor: OnceLock<Arc<ReactorHandle>>,
    /// A spare worker's, while it is there.
    spare_reactor: Mutex<Option<Arc<ReactorHandle>>>,
    /// The queue of a place whose spare worker has left.
    deque: Mutex<Option<Deque<Runnable>>>,
    /// Pinned fibers that the worker has, for the placement of new ones.
    load: AtomicUsize,
    pub(super) post: Post,
    pub(super) muster: Muster,
    /// The kernel's number of its OS thread; 0 while there is none.
    os_thread: AtomicU32,
    /// Where the worker lies while it runs.
    worker: AtomicPtr<Worker>,
    /// Pinned fibers that live here.
    pub(super) fibers: Owned<Roster>,
    /// Free fibers that were started here.
    pub(super) free_fibers: Mutex<Roster>,
    /// Timers of free fibers whose last wait with a deadline began here.
    pub(super) free_timers: Mutex<Timers<FiberRef>>,
    pub(super) shared: Weak<Shared>,
    pub(super) counters: Counters,
}

impl Remote {
    pub(super) fn new(index: usize, shared: Weak<Shared>, epoch: Instant) -> Remote {
        Remote {
            index,
            inbox: Inbox::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            backlog: Backlog::new(),
            stealer: OnceLock::new(),
            reactor: OnceLock::new(),
            spare_reactor: Mutex::new(None),
            deque: Mutex::new(None),
            load: AtomicUsize::new(0),
            post: Post::default(),
            muster: Muster::new(),
            os_thread: AtomicU32::new(0),
            worker: AtomicPtr::new(ptr::null_mut()),
            fibers: Owned::new(Roster::new()),
            free_fibers: Mutex::new(Roster::new()),
            free_timers: Mutex::new(Timers::new(epoch)),
            shared,
            counters: Counters::new(),
        }
    }

    /// Opens the place of a regular worker.
    pub(super) fn open(&self, stealer: Stealer<Runnable>, reactor: Arc<ReactorHandle>) {
        let is_first = self.stealer.set(stealer).is_ok() && self.reactor.set(reactor).is_ok();
        assert!(is_first, "a place is opened once");
    }

    /// Readies the place for a spare worker that is about to start.
    pub(super) fn open_to_spare(&self, reactor: Arc<ReactorHandle>) {
        let mut deque = self.deque.lock();
        let deque = deque.get_or_insert_with(Deque::new_fifo);
        self.stealer.get_or_init(|| deque.stealer());
        *self.spare_reactor.lock() = Some(reactor);
    }

    /// The queue of the place, for the spare worker that starts here.
    pub(super) fn take_deque(&self) -> Deque<Runnable> {
        self.deque.lock().take().expect("a place without a worker has its queue")
    }

    /// Takes the queue back from a spare worker that leaves.
    pub(super) fn put_deque_back(&self, deque: Deque<Runnable>) {
        *self.deque.lock() = Some(deque);
    }

    /// Forgets the reactor of a spare worker that has left, or never started.
    pub(super) fn drop_reactor(&self) {
        *self.spare_reactor.lock() = None;
    }

    pub(crate) fn stealer(&self) -> &Stealer<Runnable> {
        self.stealer.get().expect("remote invariant 1: looked at once it is open")
    }

    /// Calls `body` with the reactor, if a worker is there.
    pub(crate) fn with_reactor<R>(&self, body: impl FnOnce(&Arc<ReactorHandle>) -> R) -> Option<R> {
        match self.reactor.get() {
            Some(reactor) => Some(body(reactor)),
            None => self.spare_reactor.lock().as_ref().map(body),
        }
    }

    pub(crate) fn reactor(&self) -> Option<Arc<ReactorHandle>> {
        self.with_reactor(Arc::clone)
    }

    /// Wakes the worker if it sleeps.
    pub(crate) fn rouse(&self) {
        if self.inbox.rouse() {
            self.with_reactor(|reactor| reactor.ring());
        }
    }

    /// Pinned fibers that the worker has; an estimate.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn set_load(&self, fibers: usize) {
        self.load.store(fibers, Ordering::Relaxed);
    }

    /// Gives a task to the worker if it sleeps. False if it does not.
    pub(crate) fn offer(&self, task: NonNull<Header>) -> bool {
        // SAFETY: a task that its holder has taken out of its queue, with the queue's reference.
        let sleeper = unsafe { self.inbox.offer(task, || self.reactor()) };
        if let Some(Some(reactor)) = &sleeper {
            reactor.ring();
        }
        sleeper.is_some()
    }

    /// Says where the worker is that begins to run, on its own OS thread.
    pub(super) fn set_worker(&self, worker: &Worker) {
        // Relaxed: read by who holds the list of sleepers, into which the worker comes later.
        self.os_thread.store(outside::current_thread(), Ordering::Relaxed);
        self.worker.store(ptr::from_ref(worker).cast_mut(), Ordering::Relaxed);
    }

    /// Says that there is no worker here any more, before it stops to count (`Idle::leave`).
    pub(super) fn unset_worker(&self) {
        self.worker.store(ptr::null_mut(), Ordering::Relaxed);
        self.os_thread.store(0, Ordering::Relaxed);
    }

    pub(super) fn os_thread(&self) -> u32 {
        self.os_thread.load(Ordering::Relaxed)
    }

    /// Whether somebody sleeps towards a deadline here.
    ///
    /// # Safety
    ///
    /// The worker, if there is one, is in the list of sleepers, and stays there for as long as
    /// this is used: it does not change its timers then (`deadlock` invariant 1).
    pub(super) unsafe fn has_armed(&self) -> bool {
        // SAFETY: a worker that sleeps is alive. The borrow flag, which is the owner's, is left
        // alone; by the caller's promise he only reads as well.
        let own = unsafe { self.worker.load(Ordering::Relaxed).as_ref() }
            .is_some_and(|worker| unsafe { &*worker.timers.as_ptr() }.has_armed());
        own || self.free_timers.lock().has_armed()
    }

    /// Calls `each` with the fibers that live here. False, and not with all, if the worker is at
    /// its list.
    pub(super) fn for_each_fiber(&self, mut each: impl FnMut(&FiberRef)) -> bool {
        let is_seen = self.fibers.visit(|fibers| fibers.iter().for_each(|it| each(&it))).is_some();
        self.free_fibers.lock().iter().for_each(|it| each(&it));
        is_seen
    }

    /// Wakes the free fibers whose deadlines have passed, and returns how many there were. From any
    /// thread.
    pub(super) fn fire_free_timers(&self, now: Instant) -> usize {
        let mut due: Vec<FiberRef> = Vec::new();
        self.free_timers.lock().fire(now, |_, fiber| {
            if fiber.header().life.expire_from_afar() {
                due.push(fiber.clone());
            }
        });
        let count = due.len();
        for fiber in due {
            // SAFETY: claimed above, and this is a reference.
            unsafe { shared::make_runnable(fiber.as_raw()) };
        }
        count
    }

    /// Wakes those who wait for a timer here, for no reason: each arms it anew where it goes on.
    pub(super) fn wake_timed(&self) {
        let mut waiting: Vec<Waiter> = Vec::new();
        self.free_timers.lock().for_each_armed(|fiber| waiting.push(Waiter::Fiber(fiber.clone())));
        waiting.iter().for_each(Waiter::unpark);
    }

    /// Whether something lies here that another worker could take.
    pub(super) fn has_stealable(&self) -> bool {
        !self.stealer().is_empty() || !self.next.load(Ordering::Relaxed).is_null()
    }

    /// Takes something that another worker could run. From any thread.
    pub(super) fn take_stealable(&self) -> Option<Runnable> {
        loop {
            match self.stealer().steal() {
                Steal::Success(work) => return Some(work),
                Steal::Retry => hint::spin_loop(),
                Steal::Empty => break,
            }
        }
        // Acquire pairs with the release of the worker that put it there.
        let next = self.next.swap(ptr::null_mut(), Ordering::Acquire);
        NonNull::new(next).map(Runnable)
    }

    /// Puts a pinned fiber that was woken into the worker's inbox.
    pub(super) fn deliver(&self, fiber: NonNull<Header>) {
        // SAFETY: a fiber whose wake-up was claimed is in no queue, and its home keeps it alive
        // until it has run.
        let sleeper = unsafe { self.inbox.push(fiber, || self.reactor()) };
        // From here on `self` may be gone: a worker that wakes up by itself, for a timer say, may
        // have run the fiber, which was the last one, and ended with its whole runtime.
        if let Some(Some(reactor)) = sleeper {
            reactor.ring();
        }
    }
}
