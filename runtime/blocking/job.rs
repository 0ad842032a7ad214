//! One job: a closure that becomes an outcome, in one allocation.
//!
//! The queue knows it as [`Work`], its handle as [`Yields`] of its result's type; only who makes
//! one knows the type of the closure.

use super::error::NotRun;
use super::progress::{Progress, Stage};
use crate::engine::{Home, report_job};
use crate::park::Mutex;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread;

/// A closure that is to be called once, and what comes of it.
pub(super) struct Job<F, T> {
    progress: Progress,
    /// Locked by nobody for longer than a move; whose it is says the stage.
    slot: Mutex<Slot<F, T>>,
    home: Option<Home>,
    site: &'static Location<'static>,
    pool: Arc<str>,
}

enum Slot<F, T> {
    Closure(F),
    Outcome(thread::Result<T>),
    Empty,
}

/// A job, as the pool knows it. None of these calls panics.
pub(super) trait Work: Send + Sync {
    /// Calls the closure. False if the job was claimed before.
    fn run(&self) -> bool;

    /// Ends the job without calling the closure, which is dropped. False if it was claimed before.
    fn discard(&self, why: NotRun) -> bool;

    fn progress(&self) -> &Progress;

    /// The runtime of the green thread for which it is run.
    fn home(&self) -> Option<&Home>;
}

/// A job, as whoever wants its outcome knows it.
pub(super) trait Yields<T>: Work {
    /// Takes the outcome of a job that is over. The caller is who still wanted it.
    fn take_outcome(&self) -> thread::Result<T>;

    /// Says that nobody will take the outcome any more: it is dropped as soon as there is one, and
    /// a panic is reported. Returns how far the job has come.
    fn forsake(&self) -> Stage;
}

impl<F, T> Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    pub(super) fn new(
        closure: F,
        home: Option<Home>,
        site: &'static Location<'static>,
        pool: Arc<str>,
    ) -> Job<F, T> {
        let slot = Mutex::new(Slot::Closure(closure));
        Job { progress: Progress::new(), slot, home, site, pool }
    }

    /// Takes the closure back of a job that no pool has accepted.
    pub(super) fn reclaim(&self) -> F {
        match self.empty() {
            Slot::Closure(closure) => closure,
            _ => unreachable!("nobody has started what was not accepted"),
        }
    }

    fn empty(&self) -> Slot<F, T> {
        mem::replace(&mut *self.slot.lock(), Slot::Empty)
    }

    /// Drops an outcome that nobody wants. User code, so whatever it does ends here.
    fn drop_outcome(&self) {
        let slot = self.empty();
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| match slot {
            Slot::Outcome(Err(payload)) if !payload.is::<NotRun>() => Some(payload),
            slot => {
                drop(slot);
                None
            }
        }));
        if let Some(payload) = dropped.unwrap_or_else(Some) {
            report_job(payload, &self.pool, self.site);
        }
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(&self) -> bool {
        if !self.progress.start() {
            return false;
        }
        let Slot::Closure(closure) = self.empty() else {
            unreachable!("the slot holds the closure until the job is claimed");
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(closure));
        *self.slot.lock() = Slot::Outcome(outcome);
        if !self.progress.finish() {
            self.drop_outcome();
        }
        true
    }

    fn discard(&self, why: NotRun) -> bool {
        if !self.progress.start() {
            return false;
        }
        let outcome = Slot::Outcome(Err(Box::new(why) as Box<_>));
        let closure = mem::replace(&mut *self.slot.lock(), outcome);
        if !self.progress.finish() {
            self.drop_outcome();
        }
        // Its captures are the user's: they may panic, which is reported as a panic of the job.
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(closure))) {
            report_job(payload, &self.pool, self.site);
        }
        true
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }
}

impl<F, T> Yields<T> for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn take_outcome(&self) -> thread::Result<T> {
        match self.empty() {
            Slot::Outcome(outcome) => outcome,
            _ => unreachable!("a job that is over has an outcome, which one takes"),
        }
    }

    fn forsake(&self) -> Stage {
        let stage = self.progress.forsake();
        if stage == Stage::Over {
            self.drop_outcome();
        }
        stage
    }
}
