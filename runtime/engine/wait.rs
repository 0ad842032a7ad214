//! What a fiber does to wait: it yields, or parks with or without a deadline.
//!
//! # Invariants
//!
//! 1. A pinned fiber has one timer, made at its first deadline and kept: arming it again is a store
//!    (`timers`).
//! 2. A pinned fiber that unwinds never switches away: std counts panics in a thread-local, so
//!    whoever ran meanwhile would take itself for panicking. It turns the loop on its own stack and
//!    lets nobody run. A free fiber has a count of its own, and waits as ever.

use super::fiber::{FiberRef, Header, Lane, Suspend};
use super::life::Life;
use super::shared;
use super::timers::TimerKey;
use super::worker::{BYTES_PER_IO_CALL, IO_BUDGET, Worker};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

impl Worker {
    /// Gives the worker back for a moment.
    #[inline]
    pub(crate) fn yield_now(&self, fiber: NonNull<Header>) {
        Self::suspend(fiber, Suspend::Yield);
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
        let here = 0_u8;
        header.parked_at.set((&raw const here, how != Suspend::Yield));
        // SAFETY: it lies on the fiber's stack, below which nothing has returned yet.
        let yielder = unsafe { &*header.yielder.get() };
        yielder.suspend(how);
    }

    /// Parks the calling fiber until it is unparked, killed (unless `shielded`) or `deadline`
    /// passes. False if it was the deadline; may return for no reason.
    #[inline]
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
        // Invariant 2.
        let switch = || match header.may_switch() {
            true => Self::suspend(fiber, how),
            false => self.park_in_place(fiber, shielded),
        };
        match deadline {
            None => switch(),
            Some(deadline) => {
                // One that has passed is fired by the loop like any other: whoever polls by waits
                // that are over at once must not starve the rest.
                let timer = self.arm(fiber, header, deadline);
                switch();
                if let Some(timer) = timer {
                    self.timers.borrow_mut().disarm(timer);
                }
            }
        }
        // A token if the park was not committed because of it; later ones are for later parks.
        let is_woken = !header.life.take_expiry() | header.life.take_token();
        // The timer of an earlier wait may have woken a free fiber (`arm`).
        is_woken || header.lane == Lane::Free && deadline.is_some_and(|at| Instant::now() < at)
    }

    /// [`park`](Worker::park) without a deadline, for a fiber that is neither shielded nor unwinds.
    /// True if it was killed; else it may return for no reason.
    #[inline(always)]
    pub(crate) fn park_for_ever(fiber: NonNull<Header>) -> bool {
        // SAFETY: the calling fiber runs.
        let life = unsafe { &fiber.as_ref().life };
        if !life.take_token() && !life.is_killed() {
            Self::suspend(fiber, Suspend::Park);
            // As in `park`. No timer was armed, but one of an earlier wait may have woken a free
            // fiber.
            life.take_expiry();
            life.take_token();
        }
        life.is_killed()
    }

    /// Sets the fiber's timer. Returns it if it is to be disarmed after the wait.
    pub(super) fn arm(
        &self,
        fiber: NonNull<Header>,
        header: &Header,
        deadline: Instant,
    ) -> Option<TimerKey> {
        let mut timers = self.timers.borrow_mut();
        // SAFETY: it runs, or its home's list holds a reference. The timer's reference goes when
        // its place does.
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
    #[cold]
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
}
