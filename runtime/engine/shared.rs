//! What the workers of one runtime share: the injector, the stacks, the limit on green threads,
//! and for each worker the part that others may touch (`remote`).
//!
//! # Invariants
//!
//! 1. Every green thread that was admitted gives its place back exactly once, when it has ended or
//!    was discarded.
//! 2. A task in the injector, in a deque or in `next` carries the scheduler's reference; so does
//!    the list of fibers of a worker. Inbox and run queue borrow from that list.

use super::anchor::Anchored;
use super::atomic::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, fence};
use super::deadlock::Detector;
use super::fiber::{FiberRef, Header, Lane};
use super::idle::Idle;
use super::killed::Killed;
use super::monitor::Watchdog;
use super::own::ThreadLocals;
use super::quiet::Census;
use super::reactor::ReactorHandle;
use super::relief::Relief;
use super::remote::Remote;
use super::runtimes;
use super::stack::{SizeClass, StackPool};
use super::waiter::Waiter;
use super::worker::Worker;
use crossbeam_deque::{Injector, Steal, Stealer};
use std::fmt;
use std::hint;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The largest `Shared::place_batch`.
const PLACE_BATCH: usize = 64;

/// Ids that a worker fetches at once.
pub(crate) const ID_BATCH: u64 = 256;

static IDS: AtomicU64 = AtomicU64::new(1);

/// A number that no other green thread or OS thread of the process has.
pub(crate) fn next_id() -> u64 {
    take_ids(1)
}

/// The first of `count` numbers in a row.
pub(crate) fn take_ids(count: u64) -> u64 {
    IDS.fetch_add(count, Ordering::Relaxed)
}

/// Stealable work: a task, or a free fiber that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runnable(pub(crate) NonNull<Header>);

// SAFETY: what a task holds is `Send`, by the contract of `FiberRef::new`; a free fiber takes its
// thread-locals along.
unsafe impl Send for Runnable {}

impl Runnable {
    /// Whether it is a fiber, and no task. The caller has taken it out of its queue.
    pub(super) fn is_started(self) -> bool {
        // SAFETY: queued, so alive; and who has taken it out has it to himself.
        unsafe { &*self.0.as_ref().coroutine.get() }.is_some()
    }

    /// Which workers may run it.
    pub(super) fn lane(self) -> Lane {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.lane
    }
}

/// What the workers of one runtime share.
pub(crate) struct Shared {
    /// Has debuggers see the places; it goes before they do.
    _anchored: Anchored,
    /// A place for each regular worker, then those for spare ones.
    remotes: Box<[Remote]>,
    /// Places that were opened (`remote` invariant 1): the regular ones, and those for spare
    /// workers in which there was one.
    opened: AtomicUsize,
    regular: usize,
    pub(crate) injector: Injector<Runnable>,
    pub(crate) idle: Idle,
    pub(crate) stacks: StackPool,
    pub(crate) default_class: SizeClass,
    /// Whose thread-locals a green thread uses whose spawner does not say.
    pub(crate) thread_locals: Option<ThreadLocals>,
    pub(crate) is_closing: AtomicBool,
    pub(super) detector: Detector,
    pub(super) watchdog: Option<Watchdog>,
    pub(super) relief: Relief,
    pub(super) census: Census,
    /// Tells runtimes apart.
    pub(super) number: u64,
    live_limit: usize,
    /// Places that a worker fetches or gives back at once, so that spawning takes the lock rarely.
    /// One with a small limit, which is kept exactly: no worker hoards what another one needs.
    pub(crate) place_batch: usize,
    /// Workers that have not ended, and who waits for the last one.
    running: Mutex<(usize, Option<Waiter>)>,
}

/// What a runtime is made with.
pub(crate) struct SharedConfig {
    pub(crate) stacks: StackPool,
    pub(crate) default_class: SizeClass,
    pub(crate) thread_locals: Option<ThreadLocals>,
    pub(crate) live_limit: usize,
    pub(crate) detects_deadlocks: bool,
    pub(super) watchdog: Option<Watchdog>,
    /// What the threads of the runtime are named for.
    pub(crate) name: Box<str>,
    /// Spare workers that there may be at once.
    pub(crate) spare_workers: usize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("workers", &self.regular)
            .field("live_limit", &self.live_limit)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        config: SharedConfig,
        parts: Vec<(Stealer<Runnable>, Arc<ReactorHandle>)>,
    ) -> Arc<Shared> {
        let workers = parts.len();
        let places = workers + config.spare_workers;
        let shared = Arc::new_cyclic(|shared| {
            let new = |index| Remote::new(index, shared.clone());
            let remotes: Box<[Remote]> = (0..places).map(new).collect();
            Shared {
                _anchored: Anchored::new(&remotes),
                remotes,
                opened: AtomicUsize::new(workers),
                regular: workers,
                injector: Injector::new(),
                idle: Idle::new(workers),
                stacks: config.stacks,
                default_class: config.default_class,
                thread_locals: config.thread_locals,
                is_closing: AtomicBool::new(false),
                detector: Detector::new(config.detects_deadlocks),
                watchdog: config.watchdog,
                relief: Relief::new(config.name, config.spare_workers),
                census: Census::new(),
                number: runtimes::next_number(),
                live_limit: config.live_limit,
                place_batch: (config.live_limit / (32 * workers)).clamp(1, PLACE_BATCH),
                running: Mutex::new((workers, None)),
            }
        });
        for (remote, (stealer, reactor)) in shared.remotes.iter().zip(parts) {
            remote.open(stealer, reactor);
        }
        runtimes::enter(&shared);
        shared
    }

    /// The workers' places, as far as they were opened. The regular ones come first.
    #[inline]
    pub(crate) fn remotes(&self) -> &[Remote] {
        // Acquire pairs with `open_place`.
        &self.remotes[..self.opened.load(Ordering::Acquire)]
    }

    /// The places of the regular workers.
    pub(crate) fn regular(&self) -> &[Remote] {
        &self.remotes[..self.regular]
    }

    /// The places for spare workers, opened or not.
    pub(super) fn spare_places(&self) -> &[Remote] {
        &self.remotes[self.regular..]
    }

    /// Lets others see a place that was made ready. Places are opened in their order, by the
    /// sentry alone.
    pub(super) fn open_place(&self, index: usize) {
        self.opened.fetch_max(index + 1, Ordering::AcqRel);
        // Pairs with the fence in `close`: either that one rouses the new worker, or the worker,
        // which is yet to start, sees that the runtime closes.
        fence(Ordering::SeqCst);
    }

    /// Takes up to `wanted` places for green threads with default stacks, at least one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` at the limit on live green threads, as std's `spawn` reports the system's
    /// limit on threads; the error of `mmap` if there is no address space for a stack.
    pub(crate) fn take_places(&self, wanted: usize, class: SizeClass) -> io::Result<usize> {
        let mut live = self.census.state.lock();
        let count = wanted.min(self.live_limit - live.count);
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("the limit of {} live green threads is reached", self.live_limit),
            ));
        }
        self.stacks.reserve(class, count)?;
        live.count += count;
        Ok(count)
    }

    pub(crate) fn give_places(&self, count: usize, class: SizeClass) {
        self.stacks.unreserve(class, count);
        self.census.leave(count);
    }

    /// Hands stealable work to whichever worker is free.
    ///
    /// From outside the workers; on a worker its own deque is the place.
    pub(crate) fn inject(&self, work: Runnable) {
        self.injector.push(work);
        // SeqCst: either the workers, which look here after `is_closing` was set, see the work, or
        // we see that they are about to end.
        if self.is_closing.load(Ordering::SeqCst) {
            self.discard_injected();
        }
        self.notify();
    }

    /// Puts back what somebody has taken out of the queues to look at it.
    pub(super) fn put_back(&self, work: Vec<Runnable>) {
        if work.is_empty() {
            return;
        }
        work.into_iter().for_each(|work| self.injector.push(work));
        // As in `inject`.
        if self.is_closing.load(Ordering::SeqCst) {
            self.discard_injected();
        }
        self.notify();
    }

    /// Ends what has not started. Free fibers that have stay: the workers, which wait for the last
    /// of them, run them to their ends.
    #[cold]
    fn discard_injected(&self) {
        let mut started = Vec::new();
        while let Some(work) = self.take_injected() {
            match work.is_started() {
                true => started.push(work),
                false => self.discard(work),
            }
        }
        started.into_iter().for_each(|work| self.injector.push(work));
    }

    /// Takes a task that came from outside the workers.
    pub(crate) fn take_injected(&self) -> Option<Runnable> {
        loop {
            match self.injector.steal() {
                Steal::Success(work) => return Some(work),
                Steal::Empty => return None,
                Steal::Retry => hint::spin_loop(),
            }
        }
    }

    /// Wakes a worker for stealable work, if one sleeps and none searches.
    #[inline]
    pub(crate) fn notify(&self) {
        // Spare workers come last.
        let load = |worker: usize| (worker >= self.regular, self.remotes[worker].load());
        if let Some(worker) = self.idle.notify(load) {
            self.remotes[worker].rouse();
        }
    }

    /// Tells all workers to discard and unwind what is left, and to end.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        // Pairs with the fence in `open_place`.
        fence(Ordering::SeqCst);
        self.remotes().iter().for_each(Remote::rouse);
    }

    /// Counts a spare worker that is about to start. False if all have ended.
    pub(super) fn worker_starts(&self) -> bool {
        let mut running = self.running.lock();
        let is_alive = running.0 > 0;
        running.0 += usize::from(is_alive);
        is_alive
    }

    /// Counts a worker as ended.
    pub(crate) fn worker_ended(&self) {
        let mut running = self.running.lock();
        running.0 -= 1;
        if running.0 == 0 {
            self.watchdog.iter().for_each(Watchdog::close);
            self.relief.close();
            running.1.take().iter().for_each(Waiter::unpark);
        }
    }

    /// Whether all workers have ended; if not, `waiter` is unparked as soon as they have.
    pub(crate) fn all_ended(&self, waiter: &Waiter) -> bool {
        let mut running = self.running.lock();
        if running.0 > 0 {
            running.1 = Some(waiter.clone());
        }
        running.0 == 0
    }

    /// Whether a queue holds something that is to run, as far as other threads can see.
    pub(super) fn has_queued(&self) -> bool {
        !self.injector.is_empty()
            || self.remotes().iter().any(|remote| {
                let is_there = remote.os_thread() != 0;
                is_there && !remote.inbox.is_asleep_and_empty()
                    || remote.has_stealable()
                    || remote.backlog.len() > 0
            })
    }

    /// Ends a task that will never start.
    pub(crate) fn discard(&self, work: Runnable) {
        // SAFETY: taken out of its queue by the caller, and unstarted, so the stage is ours.
        unsafe { Header::discard(work.0, Box::new(Killed::new())) };
        // SAFETY: invariant 2: the queue's reference.
        let task = unsafe { FiberRef::from_raw(work.0) };
        let class = task.header().stack_class;
        finish(task);
        self.give_places(1, class);
    }
}

/// Puts a parked fiber into its queue.
///
/// # Safety
///
/// The caller has claimed the wake-up (`life` invariant 1) and holds a reference.
pub(crate) unsafe fn make_runnable(fiber: NonNull<Header>) {
    // SAFETY: alive, by the caller's reference.
    let header = unsafe { fiber.as_ref() };
    let home = header.home.load(Ordering::Relaxed);
    // SAFETY: whoever parks has a home, which lives in `Shared`. The worker keeps that alive for
    // as long as it has fibers, and a fiber that is to be resumed is one of them.
    let home = unsafe { &*home };
    if header.lane == Lane::Free {
        match Worker::current() {
            Some(worker) if ptr::eq(&raw const **worker.shared(), home.shared.as_ptr()) => {
                worker.push_woken(fiber);
            }
            _ => {
                // Once it is queued the fiber may run, and end with its whole runtime, before the
                // notifier has looked who sleeps.
                let shared = home.shared.upgrade().expect("a fiber keeps its runtime alive");
                shared.inject(Runnable(fiber));
            }
        }
        return;
    }
    match Worker::current() {
        Some(worker) if ptr::eq(worker.remote(), home) => worker.push_ready(fiber),
        _ => home.deliver(fiber),
    }
}

/// The end of a green thread whose outcome is stored: tells the joiner and all others who
/// want to know, and drops a result that nobody will ask for.
pub(crate) fn finish(fiber: FiberRef) {
    let header = fiber.header();
    let finish = header.life.finish();
    if finish.has_joiner {
        // SAFETY: `finish` said so.
        if let Some(joiner) = unsafe { header.take_joiner() } {
            joiner.unpark();
        }
    } else if !finish.has_handle {
        super::report::drop_unclaimed(&fiber);
    }
    if finish.has_watchers {
        super::ending::tell(&fiber);
    }
}
