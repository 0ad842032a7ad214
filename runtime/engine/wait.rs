//! What a fiber does to wait: it yields, or parks with or without a deadline.
//!
//! # Invariants
//!
//! 1. A fiber has one timer, made at its first deadline and kept: arming it again is a store
//!    (`timers`). That of a free fiber is remade where it waits on another worker than the last
//!    time, and lies under a lock: it is disarmed from wherever the fiber goes on.
//! 2. A pinned fiber that unwinds never switches away: std counts panics per OS thread, so whoever
//!    ran meanwhile would take itself for panicking. It turns the loop on its own stack and lets
//!    nobody run. A free fiber has that count to itself.
//! 3. No function that switches away has a worker for an argument: a free fiber may go on when the
//!    spare worker on which it began to wait has left.

use super::clock;
use super::fiber::{FiberRef, Header, Lane, Suspend};
use super::life::Life;
use super::shared;
use super::timers::Timers;
use super::worker::{BYTES_PER_IO_CALL, IO_BUDGET, Worker};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

impl Worker {
    /// Gives the worker back for a moment; for a fiber without marks. Small, so that it is inlined
    /// into who yields: each call less is a return less that the processor predicts wrongly.
    #[inline]
    pub(crate) fn yield_now(fiber: NonNull<Header>) {
        Self::suspend(fiber, Suspend::Yield);
    }

    /// [`yield_now`](Worker::yield_now), whatever its marks.
    #[cold]
    pub(crate) fn yield_as_marked(fiber: NonNull<Header>) {
        // SAFETY: the calling fiber runs.
        match unsafe { fiber.as_ref() }.marks.is_clear() {
            true => Self::suspend(fiber, Suspend::Yield),
            false => Header::wait_marked(fiber, || Self::suspend(fiber, Suspend::Yield)),
        }
    }

    /// Counts an I/O call. False if there were too many since the fiber was resumed.
    #[inline]
    #[must_use]
    pub(crate) fn spend_io_budget(&self) -> bool {
        let Some(left) = self.io_budget.get().checked_sub(1) else {
            // This slice was long, whatever the last ones have predicted.
            self.pace.look_next(&self.pulse);
            return false;
        };
        self.io_budget.set(left);
        true
    }

    /// Counts so many bytes as I/O calls. Only the next call yields if that was too much.
    pub(crate) fn spend_io_bytes(&self, bytes: usize) {
        let calls = u32::try_from(bytes / BYTES_PER_IO_CALL).unwrap_or(u32::MAX);
        self.io_budget.set(self.io_budget.get().saturating_sub(calls));
    }

    pub(super) fn refill_io_budget(&self) {
        self.io_budget.set(IO_BUDGET);
    }

    #[inline(always)]
    fn suspend(fiber: NonNull<Header>, how: Suspend) {
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        let here = MaybeUninit::<u16>::uninit();
        let is_deep = usize::from(how != Suspend::Yield);
        header.parked_at.set((&raw const here).cast::<u8>().wrapping_add(is_deep));
        // SAFETY: it lies on the fiber's stack, below which nothing has returned yet.
        let yielder = unsafe { &*header.yielder.get() };
        yielder.suspend(how);
    }

    /// Parks the calling fiber until it is unparked, killed (unless `shielded`) or `deadline`
    /// passes. False if it was the deadline; may return for no reason.
    #[inline]
    pub(crate) fn park(fiber: NonNull<Header>, deadline: Option<Instant>, shielded: bool) -> bool {
        // SAFETY: the calling fiber runs.
        match unsafe { fiber.as_ref() }.marks.is_clear() {
            true => Self::park_unmarked(fiber, deadline, shielded),
            false => Header::wait_marked(fiber, || Self::park_unmarked(fiber, deadline, shielded)),
        }
    }

    #[inline]
    fn park_unmarked(fiber: NonNull<Header>, deadline: Option<Instant>, shielded: bool) -> bool {
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        if header.life.take_token() {
            return true;
        }
        if !shielded && header.life.is_killed() {
            return true;
        }
        let how = if shielded { Suspend::ParkShielded } else { Suspend::Park };
        // Invariant 2.
        let switch = || match header.may_switch() {
            true => Self::suspend(fiber, how),
            false => Self::park_in_place(fiber, shielded),
        };
        match deadline {
            None => switch(),
            Some(deadline) => {
                // One that has passed is fired by the loop like any other: whoever polls by waits
                // that are over at once must not starve the rest.
                Self::arm(fiber, header, deadline);
                switch();
                Self::disarm(header);
            }
        }
        // A token if the park was not committed because of it; later ones are for later parks.
        !header.life.take_expiry() | header.life.take_token()
    }

    /// [`park`](Worker::park) without a deadline, for a plain fiber that does not unwind. True if
    /// it was killed; else it may return for no reason.
    #[inline(always)]
    pub(crate) fn park_for_ever(fiber: NonNull<Header>) -> bool {
        // SAFETY: the calling fiber runs.
        let life = unsafe { &fiber.as_ref().life };
        if !life.take_token() && !life.is_killed() {
            Self::suspend(fiber, Suspend::Park);
            // As in `park`. No timer was armed.
            life.take_token();
        }
        life.is_killed()
    }

    /// Sets the timer of a fiber that runs here, or whose start is put off here.
    pub(super) fn arm(fiber: NonNull<Header>, header: &Header, deadline: Instant) {
        let worker = Worker::current().expect("fibers wait on workers");
        worker.counters().timers_armed.add(1);
        // SAFETY: it runs, or its home's list holds a reference. The timer's reference goes when
        // its place does.
        let reference = || unsafe { FiberRef::share(fiber) };
        if header.lane == Lane::Free {
            return worker.arm_free(header, deadline, reference);
        }
        header.deadline.set(Some(deadline));
        let mut timers = worker.timers.borrow_mut();
        let timer = header.timer.get().unwrap_or_else(|| timers.insert(reference()));
        header.timer.set(Some(timer));
        timers.arm(timer, deadline);
    }

    fn arm_free(&self, header: &Header, deadline: Instant, reference: impl Fn() -> FiberRef) {
        header.deadline.set(Some(deadline));
        let remote = self.remote();
        if !ptr::eq(header.timer_home.get(), remote) {
            header.remove_free_timer();
        }
        let mut timers = remote.free_timers.lock();
        let timer = header.timer.get().unwrap_or_else(|| timers.insert(reference()));
        timers.arm(timer, deadline);
        drop(timers);
        header.timer.set(Some(timer));
        header.timer_home.set(remote);
        self.has_free_timers.set(true);
    }

    /// Takes back what [`arm`](Worker::arm) has set, on whichever worker the fiber goes on.
    fn disarm(header: &Header) {
        header.deadline.set(None);
        let timer = header.timer.get().expect("armed before the wait");
        if header.lane == Lane::Free {
            return header.with_free_timers(|timers| timers.disarm(timer));
        }
        let worker = Worker::current().expect("fibers go on on workers");
        worker.timers.borrow_mut().disarm(timer);
    }

    /// Waits on the fiber's own stack: the loop turns, but runs nobody.
    #[cold]
    fn park_in_place(fiber: NonNull<Header>, shielded: bool) {
        let worker = Worker::current().expect("fibers wait on workers");
        // SAFETY: the calling fiber runs.
        let life: &Life = unsafe { &fiber.as_ref().life };
        // Nobody is to take this stack for one that lies still.
        life.stay_in_place();
        if !life.commit_park(!shielded) {
            return life.leave_place();
        }
        while life.is_parked() {
            worker.turn_without_running();
        }
        life.leave_place();
        // Whoever claimed the wake-up has queued the fiber, or is about to.
        loop {
            worker.drain_inbox();
            if worker.ready.remove(fiber) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Wakes the fibers whose deadlines have passed. True if there are some.
    pub(super) fn fire_timers(&self, now: Instant) -> bool {
        let mut timers = self.timers.borrow_mut();
        let mut fired = 0;
        if !timers.is_idle() {
            timers.fire(now, |_, fiber| {
                if fiber.header().life.expire() {
                    fired += 1;
                    // SAFETY: claimed just now; the timer holds a reference.
                    unsafe { shared::make_runnable(fiber.as_raw()) };
                }
            });
        }
        if self.has_free_timers.get() {
            fired += self.remote().fire_free_timers(now);
        }
        if fired > 0 {
            self.counters().timers_fired.add(fired as u64);
        }
        fired > 0
    }

    /// [`fire_timers`](Worker::fire_timers) that reads the clock only if there are any. True if it
    /// did.
    pub(super) fn fire_due_timers(&self) -> bool {
        let has_timers = !self.timers.borrow().is_idle()
            || self.has_free_timers.get() && !self.remote().free_timers.lock().is_idle();
        if has_timers {
            self.fire_timers(clock::now());
        }
        has_timers
    }

    /// When timers are to be looked at next: not after the next deadline.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let own = self.timers.borrow().next();
        let free = match self.has_free_timers.get() {
            true => self.remote().free_timers.lock().next(),
            false => None,
        };
        own.into_iter().chain(free).min()
    }

    /// How long the reactor may wait: until the next timer.
    pub(super) fn time_to_next_timer(&self) -> Option<Duration> {
        Some(self.next_timer()?.saturating_duration_since(clock::now()))
    }
}

impl Header {
    /// Calls `body` with the timers among which a free fiber has its own.
    fn with_free_timers<R>(&self, body: impl FnOnce(&mut Timers<FiberRef>) -> R) -> R {
        // SAFETY: the timer was made there, and places outlive the fibers of their runtime.
        let home = unsafe { &*self.timer_home.get() };
        body(&mut home.free_timers.lock())
    }

    /// Gives up a free fiber's timer, if it has one.
    pub(super) fn remove_free_timer(&self) {
        if let Some(timer) = self.timer.take() {
            // Not its last reference: the list of those who live holds one.
            let reference = self.with_free_timers(|timers| timers.remove(timer));
            drop(reference);
        }
    }
}
