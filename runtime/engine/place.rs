//! Where a task starts, which is where it stays.
//!
//! A pinned fiber never moves, so the workers are kept even at the start of each: a worker that has
//! more fibers than another one passes a task on to it, if that one sleeps or looks for work. One
//! that is busy is left alone, for it will look when it has time, unless it has far fewer.
//!
//! A task that somebody may join most often is short, and waited for at once, so it is started at
//! home until the difference is large. One whose handle is gone, such as the handler of a
//! connection, is placed as evenly as can be.
//!
//! Free fibers are not placed: they run wherever they are found, and count in nobody's load.
//!
//! # Invariants
//!
//! 1. What is passed on is in reach of every worker (the injector), or on its way to one that had
//!    declared itself asleep and so runs nothing else; not to one that sleeps inside of a fiber's
//!    wait. A hog delays no task that another could run.
//! 2. What came from the injector is started by whoever took it, or goes straight to a sleeper: no
//!    task goes in circles.

use super::fiber::{Header, Lane};
use super::shared::Runnable;
use super::worker::Worker;
use std::ptr::NonNull;

/// Fibers that a worker may have more than another before it passes a detached task on.
const SLACK_DETACHED: usize = 1;

/// The same for a task that has a handle.
const SLACK_JOINABLE: usize = 16;

/// The same for a worker that is awake and does not look for work, besides a quarter.
const SLACK_BUSY: usize = 64;

impl Worker {
    /// Runs stealable work, here or elsewhere.
    #[inline(always)]
    pub(super) fn run_or_pass_on(&self, work: Runnable, is_injected: bool) {
        if self.is_alone() || !self.pass_on(work.0, is_injected) {
            self.run_one(work.0);
        }
    }

    /// True if the task was passed on to a worker with fewer fibers.
    fn pass_on(&self, task: NonNull<Header>, is_injected: bool) -> bool {
        // SAFETY: taken out of a queue, so it is alive and ours.
        let header = unsafe { task.as_ref() };
        // SAFETY: as above.
        let is_started = unsafe { &*header.coroutine.get() }.is_some();
        if is_started || header.lane != Lane::Pinned {
            return false;
        }
        // A spare worker is to leave some day, and keeps no more than nobody else takes.
        let load = if self.is_spare { usize::MAX / 2 } else { self.remote().load() };
        let others = self.shared.regular().iter().filter(|other| other.index != self.index);
        let Some(other) = others.min_by_key(|other| other.load()) else {
            return false;
        };
        let is_detached = !header.life.has_handle();
        let slack = if is_detached { SLACK_DETACHED } else { SLACK_JOINABLE };
        if load < other.load() + slack {
            return false;
        }
        if other.offer(task) {
            return true;
        }
        if is_injected {
            return false;
        }
        // What waits there already, because whoever was woken for it has not got a core yet, is as
        // good as started there.
        let load_there = other.load() + self.shared.injector.len();
        let is_far_behind = is_detached && load > load_there + load_there / 4 + SLACK_BUSY;
        let is_looking = self.shared.idle.is_somebody_searching() && load >= load_there + slack;
        if is_far_behind || is_looking {
            self.shared.inject(Runnable(task));
        }
        is_far_behind || is_looking
    }
}
