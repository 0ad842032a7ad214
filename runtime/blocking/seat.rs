//! What an OS thread is that runs the jobs of a pool: whose thread, and for whom it works.

use super::crew::Crew;
use super::job::Work;
use crate::engine::Home;
use crate::park::ExternalWork;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    static SEAT: RefCell<Option<Rc<Seat>>> = const { RefCell::new(None) };
}

/// The place of a thread in its pool.
pub(super) struct Seat {
    pub(super) crew: Arc<Crew>,
    /// The runtime for one of whose green threads the thread works.
    home: RefCell<Option<Home>>,
    /// Counts the thread as one that may wake green threads.
    work: Cell<Option<ExternalWork>>,
}

impl Seat {
    /// Makes the calling thread one of the pool's, until it leaves.
    pub(super) fn take(crew: &Arc<Crew>) -> Rc<Seat> {
        let seat =
            Rc::new(Seat { crew: crew.clone(), home: RefCell::new(None), work: Cell::new(None) });
        SEAT.set(Some(seat.clone()));
        seat
    }

    /// The calling thread is none of the pool's any more; its thread-locals may still be dropped.
    pub(super) fn leave(&self) {
        SEAT.set(None);
        self.end_work();
    }

    /// That of the calling thread, if it is one of a pool.
    pub(super) fn current() -> Option<Rc<Seat>> {
        SEAT.try_with(|seat| seat.borrow().clone()).ok().flatten()
    }

    /// Whether the calling thread is one of this pool.
    pub(super) fn is_of(crew: &Crew) -> bool {
        let is_its = |seat: &RefCell<Option<Rc<Seat>>>| {
            seat.borrow().as_ref().is_some_and(|seat| ptr::eq(&raw const *seat.crew, crew))
        };
        SEAT.try_with(is_its).unwrap_or(false)
    }

    /// The runtime for which the calling thread acts: its own if it is green, else that of the
    /// green thread whose job it runs.
    pub(super) fn home_of_caller() -> Option<Home> {
        Home::current().or_else(|| Seat::current()?.home())
    }

    pub(super) fn home(&self) -> Option<Home> {
        self.home.borrow().clone()
    }

    /// Runs a job on the calling thread, which is one of a pool, for whoever has submitted it.
    /// False if it was claimed before.
    pub(super) fn perform(job: &dyn Work) -> bool {
        let Some(seat) = Seat::current() else { return job.run() };
        let outer = seat.home.replace(job.home().cloned());
        let has_run = job.run();
        seat.home.replace(outer);
        has_run
    }

    pub(super) fn begin_work(&self, work: Option<ExternalWork>) {
        debug_assert!(work.is_some(), "whoever has called the thread has counted it");
        self.work.set(work);
    }

    /// From here on the thread wakes nobody.
    pub(super) fn end_work(&self) {
        drop(self.work.take());
    }
}
