//! A worker: one OS thread, its queues, its timers and its reactor, and what a green thread that
//! runs on it may ask of it.
//!
//! The loop that drives all this is in `cycle`; how a worker finds work elsewhere, or goes to
//! sleep, is in `hunt`.
//!
//! # Invariants
//!
//! 1. A `Worker` is used on its own OS thread only; `WORKER` points to it while its loop runs.
//! 2. No `RefCell` of a worker stays borrowed across a switch or while user code runs.
//! 3. A fiber in `ready` is in no other queue.
//!
//! # Queues
//!
//! | queue | holds | who takes |
//! |---|---|---|
//! | `ready` | pinned fibers that can go on, local tasks | this worker |
//! | `next` | the stealable work that came last | this worker; thieves after a while |
//! | `deque` | stealable work that came before | this worker, thieves |

use super::atomic::Ordering;
use super::fiber::{Birth, FiberRef, Header, Lane, Suspend};
use super::life::Life;
use super::reactor::Reactor;
use super::ready::Ready;
use super::shared::{self, ID_BATCH, Remote, Runnable, Shared};
use super::stack::{LocalCache, SizeClass};
use super::timers::Timers;
use crossbeam_deque::Worker as Deque;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// I/O calls that a fiber may complete without waiting before it makes room for others.
const IO_BUDGET: u32 = 128;

thread_local! {
    static WORKER: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// A worker; lives on the stack of its OS thread.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    /// This worker's entry in `shared.remotes`.
    remote: NonNull<Remote>,
    pub(super) index: usize,
    /// The only worker of its runtime.
    is_alone: bool,
    /// It has just run something that came from outside, so more may be about to come.
    pub(super) expects_more: Cell<bool>,
    pub(super) current: Cell<Option<NonNull<Header>>>,
    io_budget: Cell<u32>,
    pub(super) ready: Ready,
    pub(super) deque: Deque<Runnable>,
    pub(super) timers: RefCell<Timers<FiberRef>>,
    pub(super) reactor: Reactor,
    pub(super) stacks: RefCell<LocalCache>,
    /// The fibers that live here.
    pub(super) fibers: RefCell<Slab<FiberRef>>,
    /// Places for green threads that were fetched and not used.
    places: Cell<usize>,
    /// Ids that were fetched and not used: the next one, and how many.
    ids: Cell<(u64, u64)>,
    pub(super) pace: super::cycle::Pace,
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
            remote: NonNull::from(&shared.remotes[index]),
            is_alone: shared.remotes.len() == 1,
            expects_more: Cell::new(false),
            index,
            current: Cell::new(None),
            io_budget: Cell::new(IO_BUDGET),
            ready: Ready::with_capacity(256),
            deque,
            timers: RefCell::new(Timers::new()),
            reactor,
            stacks: RefCell::new(stacks),
            fibers: RefCell::new(Slab::new()),
            places: Cell::new(0),
            ids: Cell::new((0, 0)),
            pace: super::cycle::Pace::new(),
            shared,
        }
    }

    /// Makes this the worker of the calling OS thread while `body` runs.
    pub(super) fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        WORKER.set(self);
        let result = body();
        WORKER.set(ptr::null());
        result
    }

    /// The worker of the calling OS thread.
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
        Some((worker, worker.current.get()?))
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

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Queues a pinned fiber whose wake-up was claimed, or a local task.
    #[inline]
    pub(crate) fn push_ready(&self, fiber: NonNull<Header>) {
        self.ready.push_back(fiber);
    }

    /// Queues stealable work, and sees to it that somebody looks for it if this worker is busy.
    pub(crate) fn push_stealable(&self, work: Runnable) {
        if let Some(before) = self.exchange_next(work.0.as_ptr()) {
            self.deque.push(before);
        }
        if !self.is_alone {
            self.shared.notify();
        }
    }

    /// Puts something into `next` and takes out what was there.
    #[inline]
    pub(super) fn exchange_next(&self, work: *mut Header) -> Option<Runnable> {
        let next = &self.remote().next;
        let before = if self.is_alone {
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

    /// Gives the worker back for a moment.
    #[inline]
    pub(crate) fn yield_now(&self, fiber: NonNull<Header>) {
        Self::suspend(fiber, Suspend::Yield);
    }

    /// Counts a call that completed without waiting, and gives the worker back if there were too
    /// many in a row.
    #[inline]
    pub(crate) fn spend_io_budget(&self, fiber: NonNull<Header>) {
        match self.io_budget.get() {
            0 => self.yield_now(fiber),
            left => self.io_budget.set(left - 1),
        }
    }

    pub(super) fn refill_io_budget(&self) {
        self.io_budget.set(IO_BUDGET);
    }

    #[inline]
    fn suspend(fiber: NonNull<Header>, how: Suspend) {
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        let here = 0_u8;
        header.parked_at.set(&raw const here);
        // SAFETY: it lies on the fiber's stack, below which nothing has returned yet.
        let yielder = unsafe { &*header.yielder.get() };
        yielder.suspend(how);
    }

    /// Parks the calling fiber until it is unparked, killed (unless `shielded`) or `deadline`
    /// passes. False if it was the deadline; may return for no reason.
    pub(crate) fn park(
        &self,
        fiber: NonNull<Header>,
        deadline: Option<Instant>,
        shielded: bool,
    ) -> bool {
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        if header.life.take_token() {
            return true;
        }
        if !shielded && header.life.is_killed() {
            return true;
        }
        let how = if shielded { Suspend::ParkShielded } else { Suspend::Park };
        // A fiber that unwinds must not let others run: they would take themselves for panicking,
        // for std counts panics per OS thread.
        let switch = || match std::thread::panicking() {
            false => Self::suspend(fiber, how),
            true => self.park_in_place(fiber, shielded),
        };
        match deadline {
            None => switch(),
            Some(deadline) => {
                if deadline <= Instant::now() {
                    // Whoever polls by waits that are over at once must not starve the others.
                    if !std::thread::panicking() {
                        self.yield_now(fiber);
                    }
                    return header.life.take_token();
                }
                let timer = self.arm(fiber, header, deadline);
                switch();
                if let Some(timer) = timer {
                    self.timers.borrow_mut().disarm(timer);
                }
            }
        }
        // A token if the park was not committed because of it; later ones are for later parks.
        !header.life.take_expiry() | header.life.take_token()
    }

    /// Sets the fiber's timer. Returns it if it is to be disarmed after the wait.
    fn arm(
        &self,
        fiber: NonNull<Header>,
        header: &Header,
        deadline: Instant,
    ) -> Option<super::timers::TimerKey> {
        let mut timers = self.timers.borrow_mut();
        // SAFETY: the calling fiber runs. The timer's reference goes when its place does.
        let reference = || unsafe { FiberRef::share(fiber) };
        if header.lane == Lane::Free {
            // It may wake up on another worker, which cannot disarm it: each wait has a timer of
            // its own, which at worst wakes the fiber for no reason and gives its place up then.
            let timer = timers.insert(reference());
            timers.arm(timer, deadline);
            return None;
        }
        let timer = header.timer.get().unwrap_or_else(|| timers.insert(reference()));
        header.timer.set(Some(timer));
        timers.arm(timer, deadline);
        Some(timer)
    }

    /// Waits on the fiber's own stack: the loop turns, but runs nobody.
    fn park_in_place(&self, fiber: NonNull<Header>, shielded: bool) {
        // SAFETY: the calling fiber runs.
        let life: &Life = unsafe { &fiber.as_ref().life };
        if !life.commit_park(!shielded) {
            return;
        }
        while life.is_parked() {
            self.turn_without_running();
        }
        // Whoever claimed the wake-up has queued the fiber, or is about to.
        loop {
            self.drain_inbox();
            if self.ready.remove(fiber) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    pub(super) fn drain_inbox(&self) {
        self.remote().inbox.drain(|fiber| self.push_ready(fiber));
    }

    /// Wakes the fibers whose deadlines have passed.
    pub(super) fn fire_timers(&self, now: Instant) {
        let mut timers = self.timers.borrow_mut();
        let mut one_shots = Vec::new();
        timers.fire(now, |key, fiber| {
            let header = fiber.header();
            if header.lane == Lane::Free {
                one_shots.push(key);
            }
            if header.life.expire() {
                // SAFETY: claimed just now; the timer holds a reference.
                unsafe { shared::make_runnable(fiber.as_raw()) };
            }
        });
        for key in one_shots {
            timers.remove(key);
        }
    }

    /// How long the reactor may wait: until the next timer.
    pub(super) fn time_to_next_timer(&self) -> Option<Duration> {
        let next = self.timers.borrow().next()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Takes a place for a green thread.
    ///
    /// # Errors
    ///
    /// As `Shared::take_places`.
    #[inline]
    pub(crate) fn take_place(&self, class: SizeClass) -> io::Result<()> {
        match self.places.get().checked_sub(1) {
            Some(left) if class == self.shared.default_class => {
                self.places.set(left);
                Ok(())
            }
            _ => self.fetch_places(class),
        }
    }

    #[cold]
    fn fetch_places(&self, class: SizeClass) -> io::Result<()> {
        if class != self.shared.default_class {
            return self.shared.take_places(1, class).map(|_| ());
        }
        self.places.set(self.shared.take_places(self.shared.place_batch, class)? - 1);
        Ok(())
    }

    pub(super) fn give_place(&self, class: SizeClass) {
        if class != self.shared.default_class {
            return self.shared.give_places(1, class);
        }
        let batch = self.shared.place_batch;
        self.places.set(self.places.get() + 1);
        if batch == 1 || self.places.get() > 2 * batch {
            self.give_places_back(batch);
        }
    }

    /// Gives places back that this worker does not need now.
    pub(super) fn give_places_back(&self, count: usize) {
        self.places.set(self.places.get() - count);
        self.shared.give_places(count, self.shared.default_class);
    }

    pub(super) fn spare_places(&self) -> usize {
        self.places.get()
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

    /// Makes a green thread and queues it.
    ///
    /// # Errors
    ///
    /// As [`take_place`](Worker::take_place).
    ///
    /// # Safety
    ///
    /// As `FiberRef::new`.
    pub(crate) unsafe fn spawn<F, T>(&self, birth: Birth, closure: F) -> io::Result<FiberRef>
    where
        F: FnOnce() -> T,
    {
        self.take_place(birth.stack_class)?;
        let lane = birth.lane;
        // SAFETY: passed on.
        let (task, handle) = unsafe { FiberRef::new(birth, closure) };
        match lane {
            Lane::Local => self.push_ready(task),
            Lane::Pinned | Lane::Free => self.push_stealable(Runnable(task)),
        }
        Ok(handle)
    }
}
