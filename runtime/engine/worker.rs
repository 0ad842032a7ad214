//! A worker: one OS thread, its queues, its timers and its reactor, and what a green thread that
//! runs on it may ask of it.
//!
//! The loop that drives all this is in `cycle`; how a fiber waits is in `wait`; how a worker finds
//! work elsewhere, or goes to sleep, is in `hunt`.
//!
//! # Invariants
//!
//! 1. A `Worker` is used on its own OS thread only; `WORKER` points to it while its loop turns, in
//!    the thread-locals of that OS thread, and in those of the free fiber that it runs (`own`).
//! 2. No `RefCell` of a worker stays borrowed across a switch or while user code runs.
//! 3. A fiber in `ready` is in no other queue.
//!
//! # Queues
//!
//! | queue | holds | who takes |
//! |---|---|---|
//! | `ready` | pinned fibers that can go on, tasks that are to start here | this worker |
//! | `backlog` | free fibers that can go on | this worker; the sentry if it is stuck |
//! | `next` | the stealable work that came last | this worker; thieves after a while |
//! | `deque` | stealable work that came before | this worker, thieves |
//!
//! Stealable are tasks, and free fibers that can go on. Who queues something from inside of a
//! fiber, which may run on for long, sends for another worker if one sleeps. What the loop itself
//! queues it runs next, so it keeps that to itself while nobody else is idle: an event for a free
//! fiber wakes nobody else, and neither does a yield. If somebody is, that one gets half of what
//! has piled up (`spread`), at the next look at the latest.

use super::atomic::Ordering;
use super::choose::Lot;
use super::fiber::{FiberRef, Header, Lane};
use super::meter::Meter;
use super::own::{LocalBlocks, WorkerWord};
use super::pace::{Pace, Pulse};
use super::reactor::Reactor;
use super::ready::{self, Ready};
use super::remote::Remote;
use super::roster::Roster;
use super::shared::{self, ID_BATCH, Runnable, Shared};
use super::stack::{LocalCache, Stack};
use super::timers::Timers;
use crossbeam_deque::Worker as Deque;
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// I/O calls that a fiber may complete without waiting before it makes room for others.
pub(super) const IO_BUDGET: u32 = 128;

/// Bytes whose copying takes the kernel about as long as a call that moves few: some microseconds.
/// Without such a weight a slice of large transfers lasts tens of milliseconds.
pub(crate) const BYTES_PER_IO_CALL: usize = 16 * 1024;

thread_local! {
    static WORKER: WorkerWord = const { Cell::new(ptr::null()) };
}

/// A worker; lives on the stack of its OS thread.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    /// This worker's entry in `shared.remotes`.
    remote: NonNull<Remote>,
    pub(super) index: usize,
    /// The only worker of its runtime. Ends with the first free fiber: a spare worker may come.
    is_alone: Cell<bool>,
    /// Comes when others are stuck, and leaves (`spare`).
    pub(super) is_spare: bool,
    /// The sentry knows that there are free fibers (`relief`).
    pub(super) has_sentry: Cell<bool>,
    /// There may be timers of free fibers here.
    pub(super) has_free_timers: Cell<bool>,
    /// Something has just come from other threads, so more may be about to come.
    pub(super) expects_more: Cell<bool>,
    /// Somebody has run since this worker last slept.
    pub(super) has_run: Cell<bool>,
    pub(super) pulse: Pulse,
    pub(super) io_budget: Cell<u32>,
    pub(super) ready: Ready,
    pub(super) deque: Deque<Runnable>,
    pub(super) timers: RefCell<Timers<FiberRef>>,
    pub(super) reactor: Reactor,
    pub(super) stacks: RefCell<LocalCache>,
    /// The stack that is lent next (`lend`).
    pub(super) spare_stack: Cell<Option<Stack>>,
    /// Thread-locals for those who are to have their own.
    pub(super) blocks: RefCell<LocalBlocks>,
    /// Places for green threads that were fetched and not used.
    pub(super) places: Cell<usize>,
    /// Ids that were fetched and not used: the next one, and how many.
    ids: Cell<(u64, u64)>,
    pub(super) pace: Pace,
    pub(super) meter: Meter,
    /// Of the numbers that are drawn here.
    pub(super) lot: Lot,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        index: usize,
        deque: Deque<Runnable>,
        reactor: Reactor,
        stacks: LocalCache,
    ) -> Worker {
        Worker {
            remote: NonNull::from(&shared.remotes()[index]),
            is_alone: Cell::new(shared.remotes().len() == 1),
            is_spare: index >= shared.regular().len(),
            has_sentry: Cell::new(false),
            has_free_timers: Cell::new(false),
            expects_more: Cell::new(false),
            index,
            has_run: Cell::new(false),
            pulse: Pulse::new(),
            io_budget: Cell::new(IO_BUDGET),
            ready: Ready::with_capacity(256),
            deque,
            timers: RefCell::new(Timers::new(shared.now())),
            reactor,
            stacks: RefCell::new(stacks),
            spare_stack: Cell::new(None),
            blocks: RefCell::new(LocalBlocks::new()),
            places: Cell::new(0),
            ids: Cell::new((0, 0)),
            pace: Pace::new(),
            meter: Meter::new(shared.measures),
            lot: shared.simulation().map_or_else(Lot::new, |it| Lot::new_at(it.draw(usize::MAX))),
            shared,
        }
    }

    /// Makes this the worker of the calling OS thread while `body` runs.
    pub(super) fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        super::hooks::begin_worker();
        self.remote().set_worker(self);
        let watched = self.come_under_watch();
        let result = self.enter_again(body);
        drop(watched);
        result
    }

    /// [`enter`](Worker::enter) of a worker that was introduced there, and is not to be watched.
    pub(super) fn enter_again<R>(&self, body: impl FnOnce() -> R) -> R {
        // That of another driven runtime, one of whose green threads ends this one.
        let outer = WORKER.replace(self);
        let result = body();
        WORKER.set(outer);
        result
    }

    /// Makes `worker` that of the calling fiber's own thread-locals, and says where there that is
    /// kept, for the next worker that resumes it.
    pub(super) fn adopt(worker: *const Worker) -> NonNull<WorkerWord> {
        WORKER.set(worker);
        WORKER.with(|word| NonNull::from(word))
    }

    /// The worker of the calling OS thread, or the one that runs the calling fiber.
    ///
    /// A caller must not keep it across a wait, which a free fiber may leave on another worker.
    #[inline]
    pub(crate) fn current<'a>() -> Option<&'a Worker> {
        let worker = WORKER.get();
        // SAFETY: invariant 1: it lives while its loop runs, and all code that runs on this OS
        // thread meanwhile returns before the loop does.
        unsafe { worker.as_ref() }
    }

    /// The worker and the fiber that call.
    #[inline]
    pub(crate) fn on_fiber<'a>() -> Option<(&'a Worker, NonNull<Header>)> {
        let worker = Worker::current()?;
        Some((worker, worker.pulse.fiber()?))
    }

    pub(crate) fn current_fiber() -> Option<FiberRef> {
        let (_, fiber) = Worker::on_fiber()?;
        // SAFETY: it runs, so its home's list holds a reference.
        Some(unsafe { FiberRef::share(fiber) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    #[inline]
    pub(crate) fn remote(&self) -> &Remote {
        // SAFETY: it lies in `shared`, which this worker keeps alive and which never moves it.
        unsafe { self.remote.as_ref() }
    }

    /// Calls `body` with the list of the pinned fibers that live here. It does not come back here.
    #[inline]
    pub(super) fn with_fibers<R>(&self, body: impl FnOnce(&mut Roster) -> R) -> R {
        // SAFETY: this worker is the owner (invariant 1), and the rest is asked of the caller.
        unsafe { self.remote().fibers.own(body) }
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Whether this is the only worker of its runtime.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone.get()
    }

    /// Says that there may be other workers from now on. To be called before any can come.
    pub(super) fn expect_company(&self) {
        self.is_alone.set(false);
    }

    /// Queues a pinned fiber whose wake-up was claimed, or a task that is to start here.
    #[inline]
    pub(crate) fn push_ready(&self, fiber: NonNull<Header>) {
        self.ready.push_back(fiber);
    }

    /// Queues stealable work, and sees to it that somebody looks for it if this worker is busy.
    pub(crate) fn push_stealable(&self, work: Runnable) {
        if let Some(before) = self.exchange_next(work.0.as_ptr()) {
            self.deque.push(before);
        }
        if !self.is_alone() {
            self.shared.notify();
        }
    }

    /// Queues a free fiber whose wake-up was claimed.
    pub(super) fn push_woken(&self, fiber: NonNull<Header>) {
        match self.pulse.fiber() {
            Some(_) => self.push_stealable(Runnable(fiber)),
            None => self.push_yielded(fiber),
        }
    }

    /// Queues a free fiber that can go on, behind everything else.
    #[inline]
    pub(super) fn push_yielded(&self, fiber: NonNull<Header>) {
        // SAFETY: this is the owner.
        unsafe { self.remote().backlog.push(Runnable(fiber)) };
    }

    /// Takes the first free fiber of those that this worker is to run.
    #[inline]
    pub(super) fn pop_backlog(&self) -> Option<Runnable> {
        // SAFETY: this is the owner, and the cache is another matter.
        unsafe { self.remote().backlog.pop(ready::fetch_ahead) }
    }

    /// Has others take half of the free fibers that wait here, if somebody has nothing to run.
    #[inline]
    pub(super) fn spread(&self) {
        let count = self.remote().backlog.len();
        if count > 1 && self.shared.idle.is_somebody_idle() {
            self.offer(count / 2);
        }
    }

    #[cold]
    fn offer(&self, count: usize) {
        for work in std::iter::from_fn(|| self.pop_backlog()).take(count) {
            self.deque.push(work);
        }
        self.shared.notify();
    }

    /// How much there is to run besides pinned fibers.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        self.queued_stealable() + self.remote().backlog.len()
    }

    /// How much stealable work lies here.
    #[inline]
    pub(super) fn queued_stealable(&self) -> usize {
        let has_next = !self.remote().next.load(Ordering::Relaxed).is_null();
        self.deque.len() + usize::from(has_next)
    }

    /// Puts something into `next` and takes out what was there.
    #[inline]
    pub(super) fn exchange_next(&self, work: *mut Header) -> Option<Runnable> {
        let next = &self.remote().next;
        let before = if self.is_alone() {
            // No thieves, so no read-modify-write either.
            let before = next.load(Ordering::Relaxed);
            next.store(work, Ordering::Relaxed);
            before
        } else {
            // Release: a thief that takes it sees what it holds. Acquire pairs with that where
            // the work has come from another worker's batch.
            next.swap(work, Ordering::AcqRel)
        };
        NonNull::new(before).map(Runnable)
    }

    /// Makes the calling fiber's fast paths slow, and the loop look once it has switched away: in a
    /// forked child, both find out then (`fork`). Async-signal-safe.
    pub(super) fn distrust(&self) {
        if let Some(fiber) = self.pulse.fiber() {
            // SAFETY: it runs, so its home's list holds a reference.
            let open = unsafe { &fiber.as_ref().limits.open };
            open.set(open.get() + 1);
        }
        self.pace.look_next(&self.pulse);
    }

    pub(super) fn drain_inbox(&self) {
        self.remote().inbox.drain(|fiber| {
            self.expects_more.set(true);
            self.push_ready(fiber);
        });
    }

    #[inline]
    pub(crate) fn next_id(&self) -> u64 {
        let (next, left) = match self.ids.get() {
            (_, 0) => (shared::take_ids(ID_BATCH), ID_BATCH),
            ids => ids,
        };
        self.ids.set((next + 1, left - 1));
        next
    }

    /// Queues a green thread that was spawned here.
    #[inline]
    pub(super) fn take_in(&self, task: NonNull<Header>, lane: Lane) {
        self.counters().spawned.add(1);
        match lane {
            Lane::Local => self.push_ready(task),
            Lane::Pinned | Lane::Free => self.push_stealable(Runnable(task)),
        }
    }
}
