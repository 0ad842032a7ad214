//! The end of a green thread as one of several things to wait for.
//!
//! The arm lies in the line of those who wait for the end, as whoever waits for nothing else does;
//! so an arm that loses leaves nobody behind who is to be told.

use super::choose::{Arm, Choice, Place};
use super::handle::Thread;
use super::waiter::Waiter;

/// Waits for the end of a green thread, and takes nothing of it.
#[derive(Debug)]
pub(crate) struct EndArm<'t> {
    thread: &'t Thread,
    place: Place<()>,
}

impl<'t> EndArm<'t> {
    pub(crate) fn new(thread: &'t Thread) -> EndArm<'t> {
        let is_green = matches!(thread.waiter, Waiter::Fiber(_));
        assert!(is_green, "nobody is told of the end of an OS thread: it cannot be waited for");
        EndArm { thread, place: Place::new() }
    }

    /// Whether the end has come.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.has_ended()
    }
}

impl Arm for EndArm<'_> {
    fn try_now(&mut self) -> bool {
        self.is_over()
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        let header = self.thread.fiber().header();
        if header.life.is_finished() {
            return false;
        }
        let (mut list, is_in_time) = header.ending.watch.lock(&header.life);
        if is_in_time {
            choice.link(&mut self.place, &mut list.waiting, ());
        }
        is_in_time
    }

    fn unlink(&mut self) {
        let mut list = self.thread.fiber().header().ending.watch.list().lock();
        self.place.unlink(&mut list.waiting);
    }

    fn complete(&mut self) {
        self.place.take();
    }
}
