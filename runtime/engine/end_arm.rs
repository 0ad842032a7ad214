//! The end of a green thread as one of several things to wait for.
//!
//! The arm lies in the line of those who wait for the end, as whoever waits for nothing else does;
//! so an arm that loses leaves nobody behind who is to be told.

use super::choose::{Arm, Choice, Place};
use super::handle::Thread;
use super::waiter::Waiter;

/// Waits for the end of a green thread, and takes nothing of it.
#[derive(Debug)]
pub struct EndArm<'t> {
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
    fn name(&self) -> &'static str {
        "JoinHandle::join"
    }

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

#[cfg(test)]
mod tests {
    use super::super::choose::{Arm, choose};
    use super::super::limits;
    use super::super::line::Reason;
    use super::super::runtime::Builder;
    use super::super::{Thread, park};
    use super::EndArm;
    use std::time::{Duration, Instant};

    static TEST: Reason = Reason("a test");

    fn has_waiters(thread: &Thread) -> bool {
        !thread.fiber().header().ending.watch.list().lock().waiting.is_empty()
    }

    fn wait(thread: &Thread, deadline: Option<Instant>) -> bool {
        let mut arm = EndArm::new(thread);
        let arms: &mut [&mut dyn Arm] = &mut [&mut arm];
        choose(arms, deadline, &TEST).is_some()
    }

    #[test]
    fn a_wait_that_loses_or_unwinds_leaves_nobody_in_the_line() {
        let runtime = Builder::new().workers(1).build().expect("there are threads left");
        let parked = runtime.spawn(|| while park::park_until(None) != park::Outcome::Killed {});
        let thread = parked.thread().clone();
        let in_a_moment = || Instant::now() + Duration::from_millis(2);
        assert!(!wait(&thread, Some(in_a_moment())));
        assert!(!has_waiters(&thread));
        assert!(limits::scope(in_a_moment(), || wait(&thread, None)).is_err());
        assert!(!has_waiters(&thread));
        thread.kill().expect("it is a green thread");
        assert!(wait(&thread, None) && wait(&thread, None));
        assert!(!has_waiters(&thread));
    }
}
