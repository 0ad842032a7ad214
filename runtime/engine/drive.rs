//! The loop of a worker whose OS thread is the caller's: it turns when it is told to.
//!
//! It is the loop of every worker (`cycle`), and it falls asleep as every worker does (`hunt`), but
//! between two turns the thread is somebody else's. The worker then *lies*: it has said that it
//! sleeps, so whoever has something for it rings, and the epoll set, in which the bell, the
//! sockets and the alarm for the next deadline are, becomes readable. The next turn takes that
//! back first.
//!
//! # Invariants
//!
//! 1. Between two turns the worker lies, and the alarm is set for its next duty; or its last turn
//!    was broken off, and it has rung its own bell, which nobody but the next turn silences. So the
//!    set is readable whenever there is something to do.
//! 2. A turn that ends by lying down has taken from the kernel all that was there when it looked
//!    last: what comes afterwards is a new edge for who watches the set edge-triggered.
//! 3. The worker is used on the thread that made it only: `Driver` is neither `Send` nor `Sync`.
//!
//! # Rejected
//!
//! A thread that waits in the host's place and posts to its loop (Twisted's threadedselect): two
//! switches of threads for each event. Telling deadlines only by a timeout that the host has to
//! heed (libuv): a host that does not is late, and some loops poll descriptors only.

use super::alarm::Alarm;
use super::fiber::Lane;
use super::handle::Join;
use super::hunt::Rest;
use super::os_thread::AbortOnPanic;
use super::reactor::Reactor;
use super::runtime::Parts;
use super::shared::Shared;
use super::spawn::{self, Options, Target};
use super::worker::Worker;
use std::cell::Cell;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is run of each queue between two looks at the budget: as much as between two looks at the
/// clock (`pace`).
const SLICES: usize = 64;

/// A worker, and what drives it.
pub(super) struct Driver {
    /// Taken by `end`; leaked if that is never called.
    worker: ManuallyDrop<Box<Worker>>,
    alarm: Alarm,
    lies: Cell<bool>,
    next_duty: Cell<Option<Instant>>,
}

/// What a turn has done, and left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) has_run: bool,
    pub(super) is_broken_off: bool,
}

impl Driver {
    /// Makes the calling thread that of the first worker.
    ///
    /// # Errors
    ///
    /// If the system refuses a timerfd.
    pub(super) fn new(shared: Arc<Shared>, parts: Parts) -> io::Result<Driver> {
        let Parts { deque, reactor, stacks } = parts;
        let alarm = Alarm::new(descriptor(&reactor))?;
        let worker = Box::new(Worker::new(shared, 0, deque, reactor, stacks));
        // Says where it is. What is said of a worker while it runs goes when this returns.
        worker.enter(|| ());
        let rest = worker.lie_down(false);
        debug_assert_eq!(rest, Rest::Sound, "nobody has had the time to send it anything");
        Ok(Driver {
            worker: ManuallyDrop::new(worker),
            alarm,
            lies: Cell::new(true),
            next_duty: Cell::new(None),
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.worker.shared()
    }

    /// The epoll set.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        descriptor(self.worker.reactor())
    }

    /// When the alarm is to ring, as of the last turn.
    pub(super) fn next_duty(&self) -> Option<Instant> {
        self.next_duty.get()
    }

    /// Whether the calling code is run by this very worker.
    pub(super) fn is_current(&self) -> bool {
        Worker::current().is_some_and(|worker| ptr::eq(worker, &raw const **self.worker))
    }

    /// Whether nobody has started who has not ended.
    pub(super) fn is_vacant(&self) -> bool {
        let remotes = self.shared().remotes();
        self.worker.with_fibers(|fibers| fibers.is_empty())
            && remotes.iter().all(|remote| remote.free_fibers.lock().is_empty())
    }

    /// Spawns a green thread that shares the calling thread with its spawner.
    ///
    /// # Errors
    ///
    /// As `spawn::spawn`.
    ///
    /// # Safety
    ///
    /// The handle stays on the calling thread if `T` is not `Send`.
    pub(super) unsafe fn spawn_local<F, T>(
        &self,
        options: Options,
        site: &'static Location<'static>,
        closure: F,
    ) -> io::Result<Join<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        // SAFETY: nothing is borrowed, and the worker is that of the calling thread (invariant 3);
        // the rest is promised by the caller.
        let spawn = || unsafe { spawn::spawn(Target::Here, Lane::Local, options, site, closure) };
        if self.is_current() {
            return spawn();
        }
        let join = self.worker.enter_again(spawn);
        // Invariant 1.
        self.worker.remote().rouse();
        join
    }

    /// Runs what there is to run, until there is nothing left or more than `budget` has passed. If
    /// there is nothing at all it waits, until `give_up_at` at most.
    pub(super) fn turn(
        &self,
        give_up_at: impl FnOnce(Instant) -> Option<Instant>,
        budget: Duration,
    ) -> Progress {
        let abort = AbortOnPanic;
        let worker = &**self.worker;
        let progress = worker.enter_again(|| {
            let watched = worker.shared.watchdog.is_some().then(|| worker.come_under_watch());
            let start = Instant::now();
            let progress = self.turn_from(start, give_up_at(start), budget);
            drop(watched);
            progress
        });
        mem::forget(abort);
        progress
    }

    fn turn_from(&self, start: Instant, give_up_at: Option<Instant>, budget: Duration) -> Progress {
        let worker = &**self.worker;
        let mut is_searching = self.begin();
        worker.reactor.wait(Some(Duration::ZERO));
        let mut has_run = false;
        loop {
            if is_searching {
                // One look, which ends the search.
                worker.search(Duration::ZERO);
                is_searching = false;
            }
            // Or by the search.
            if worker.turn(SLICES) | worker.has_run.replace(false) {
                has_run = true;
                // The clock is read by the looks, as often as a millisecond needs it.
                if worker.pace.last_look().saturating_duration_since(start) >= budget {
                    return self.break_off(start, has_run);
                }
                continue;
            }
            // Invariant 2.
            if worker.reactor.is_cut_short() {
                if start.elapsed() >= budget {
                    return self.break_off(start, has_run);
                }
                worker.reactor.wait(Some(Duration::ZERO));
                continue;
            }
            if worker.fire_due_timers() && worker.has_own_work() {
                continue;
            }
            if worker.is_work_elsewhere() {
                is_searching = worker.shared.idle.start_search(true);
                continue;
            }
            match worker.lie_down(false) {
                Rest::Refused => continue,
                Rest::Disturbed => worker.note_sleep(),
                Rest::Sound => {
                    worker.note_sleep();
                    let duty = worker.time_to_next_duty();
                    let left = match (has_run, give_up_at) {
                        (true, _) => Some(Duration::ZERO),
                        (false, None) => None,
                        (false, Some(at)) => Some(at.saturating_duration_since(Instant::now())),
                    };
                    if left.is_some_and(|left| left.is_zero()) {
                        self.lies.set(true);
                        self.next_duty.set(self.alarm.set_in(duty));
                        return Progress { has_run, is_broken_off: false };
                    }
                    worker.reactor.wait([duty, left].into_iter().flatten().min());
                    worker.note_wakeup();
                }
            }
            is_searching = worker.rise();
        }
    }

    /// Goes on where the last turn has ended. True if somebody has rung for work that the worker is
    /// to look for.
    fn begin(&self) -> bool {
        let worker = &**self.worker;
        let is_searching = if self.lies.replace(false) {
            worker.note_wakeup();
            worker.rise()
        } else {
            worker.pace.paused();
            worker.fire_due_timers();
            false
        };
        // Here, because turns that are broken off early, again and again, look rarely.
        for _ in 0..SLICES {
            if worker.shared.injector.is_empty() {
                break;
            }
            worker.take_some_injected();
        }
        is_searching
    }

    /// Leaves the rest to the next turn (invariant 1).
    #[cold]
    fn break_off(&self, start: Instant, has_run: bool) -> Progress {
        self.worker.reactor.handle().ring();
        self.next_duty.set(Some(start));
        Progress { has_run, is_broken_off: true }
    }

    /// Runs the loop, as any worker's, until everything here has ended.
    ///
    /// # Safety
    ///
    /// Nothing of this is used afterwards.
    pub(super) unsafe fn end(&mut self) {
        let abort = AbortOnPanic;
        if self.begin() {
            // The loop looks for itself.
            let _ = self.shared().idle.end_search();
        }
        // SAFETY: promised by the caller.
        let worker = unsafe { ManuallyDrop::take(&mut self.worker) };
        worker.run();
        // Not dropped: the caller may have panicked before.
        mem::forget(abort);
    }
}

/// The epoll set of a reactor.
fn descriptor(reactor: &Reactor) -> BorrowedFd<'_> {
    // SAFETY: the handle keeps it open, and the reactor keeps that.
    unsafe { BorrowedFd::borrow_raw(reactor.handle().epoll()) }
}
