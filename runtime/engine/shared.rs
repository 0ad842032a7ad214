//! What the workers of one runtime share: the injector, the stacks, the limit on green threads,
//! and for each worker the part that others may touch.
//!
//! # Invariants
//!
//! 1. Every green thread that was admitted gives its place back exactly once, when it has ended or
//!    was discarded.
//! 2. A task in the injector, in a deque or in `next` carries the scheduler's reference; so does
//!    the list of fibers of a worker. Inbox and run queue borrow from that list.

use super::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering};
use super::deadlock::Detector;
use super::fiber::{FiberRef, Header, Lane};
use super::idle::Idle;
use super::inbox::Inbox;
use super::killed::Killed;
use super::monitor::{Post, Watchdog};
use super::outside;
use super::own::ThreadLocals;
use super::quiet::Census;
use super::reactor::ReactorHandle;
use super::stack::{SizeClass, StackPool};
use super::timers::Timers;
use super::waiter::Waiter;
use super::worker::Worker;
use crossbeam_deque::{Injector, Steal, Stealer};
use slab::Slab;
use std::fmt;
use std::hint;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Weak};

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

/// The part of a worker that other threads touch.
pub(crate) struct Remote {
    pub(crate) index: usize,
    pub(crate) inbox: Inbox<Header>,
    /// The task that was spawned last. Apart from the deque, because its spawner most often waits
    /// for it at once; thieves leave it alone for a while.
    pub(crate) next: AtomicPtr<Header>,
    pub(crate) stealer: Stealer<Runnable>,
    pub(crate) reactor: Arc<ReactorHandle>,
    /// Fibers that the worker has, for the placement of new ones.
    load: AtomicUsize,
    pub(super) post: Post,
    /// The kernel's number of its OS thread; 0 until that runs.
    os_thread: AtomicU32,
    /// Where the worker lies while it runs.
    worker: AtomicPtr<Worker>,
    shared: Weak<Shared>,
}

/// What the workers of one runtime share.
pub(crate) struct Shared {
    pub(crate) remotes: Box<[Remote]>,
    pub(crate) injector: Injector<Runnable>,
    pub(crate) idle: Idle,
    pub(crate) stacks: StackPool,
    pub(crate) default_class: SizeClass,
    /// Whose thread-locals a green thread uses whose spawner does not say.
    pub(crate) thread_locals: ThreadLocals,
    pub(crate) is_closing: AtomicBool,
    pub(super) detector: Detector,
    pub(super) watchdog: Option<Watchdog>,
    /// Free fibers: they belong to no worker.
    pub(crate) free_fibers: Mutex<Slab<FiberRef>>,
    pub(super) census: Census,
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
    pub(crate) thread_locals: ThreadLocals,
    pub(crate) live_limit: usize,
    pub(crate) detects_deadlocks: bool,
    pub(super) watchdog: Option<Watchdog>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("workers", &self.remotes.len())
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
        Arc::new_cyclic(|shared| Shared {
            remotes: parts
                .into_iter()
                .enumerate()
                .map(|(index, (stealer, reactor))| Remote {
                    index,
                    inbox: Inbox::new(),
                    next: AtomicPtr::new(ptr::null_mut()),
                    stealer,
                    reactor,
                    load: AtomicUsize::new(0),
                    post: Post::default(),
                    os_thread: AtomicU32::new(0),
                    worker: AtomicPtr::new(ptr::null_mut()),
                    shared: shared.clone(),
                })
                .collect(),
            injector: Injector::new(),
            idle: Idle::new(workers),
            stacks: config.stacks,
            default_class: config.default_class,
            thread_locals: config.thread_locals,
            is_closing: AtomicBool::new(false),
            detector: Detector::new(config.detects_deadlocks),
            watchdog: config.watchdog,
            free_fibers: Mutex::new(Slab::new()),
            census: Census::new(),
            live_limit: config.live_limit,
            place_batch: (config.live_limit / (32 * workers)).clamp(1, PLACE_BATCH),
            running: Mutex::new((workers, None)),
        })
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
            while let Some(work) = self.take_injected() {
                self.discard(work);
            }
        } else {
            self.notify();
        }
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
        if let Some(worker) = self.idle.notify(|worker| self.remotes[worker].load()) {
            self.remotes[worker].rouse();
        }
    }

    /// Tells all workers to discard and unwind what is left, and to end.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        for remote in &self.remotes {
            remote.rouse();
        }
    }

    /// Counts a worker as ended.
    pub(crate) fn worker_ended(&self) {
        let mut running = self.running.lock();
        running.0 -= 1;
        if running.0 == 0 {
            self.watchdog.iter().for_each(Watchdog::close);
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
            || self.remotes.iter().any(|remote| {
                !remote.inbox.is_asleep_and_empty()
                    || !remote.stealer.is_empty()
                    || !remote.next.load(Ordering::Relaxed).is_null()
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

impl Remote {
    /// Wakes the worker if it sleeps.
    pub(crate) fn rouse(&self) {
        if self.inbox.rouse() {
            self.reactor.ring();
        }
    }

    /// Fibers that the worker has; an estimate.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn set_load(&self, fibers: usize) {
        self.load.store(fibers, Ordering::Relaxed);
    }

    /// Gives a task to the worker if it sleeps. False if it does not.
    pub(crate) fn offer(&self, task: NonNull<Header>) -> bool {
        // SAFETY: a task that its holder has taken out of its queue, with the queue's reference.
        let sleeper = unsafe { self.inbox.offer(task, || self.reactor.clone()) };
        if let Some(reactor) = &sleeper {
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

    pub(super) fn os_thread(&self) -> u32 {
        self.os_thread.load(Ordering::Relaxed)
    }

    /// The timers of the worker.
    ///
    /// # Safety
    ///
    /// The worker is in the list of sleepers, and stays there for as long as this is used: it
    /// changes neither its timers nor its list of fibers then (`deadlock` invariant 1).
    pub(super) unsafe fn timers(&self) -> &Timers<FiberRef> {
        // SAFETY: a worker that sleeps is alive. The borrow flag, which is the owner's, is left
        // alone; by the caller's promise he only reads as well.
        unsafe { &*(*self.worker.load(Ordering::Relaxed)).timers.as_ptr() }
    }

    /// The fibers that live on the worker.
    ///
    /// # Safety
    ///
    /// As [`timers`](Remote::timers).
    pub(super) unsafe fn fibers(&self) -> &Slab<FiberRef> {
        // SAFETY: as in `timers`.
        unsafe { &*(*self.worker.load(Ordering::Relaxed)).fibers.as_ptr() }
    }

    fn deliver(&self, fiber: NonNull<Header>) {
        // SAFETY: a fiber whose wake-up was claimed is in no queue, and its home keeps it alive
        // until it has run.
        let sleeper = unsafe { self.inbox.push(fiber, || self.reactor.clone()) };
        // From here on `self` may be gone: a worker that wakes up by itself, for a timer say, may
        // have run the fiber, which was the last one, and ended with its whole runtime.
        if let Some(reactor) = sleeper {
            reactor.ring();
        }
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
                worker.push_stealable(Runnable(fiber));
            }
            _ => {
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
