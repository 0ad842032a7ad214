//! The end of what lives on a worker, when its runtime closes.
//!
//! What has not started is discarded, everybody else is killed: once, for a kill is for good.
//! Whoever is alive at that moment was left behind, and is reported where that is asked for
//! (`leaks`).

use super::waiter::Waiter;
use super::worker::Worker;

impl Worker {
    /// While the runtime closes: discards what has not started and unwinds what has. True once
    /// nothing is left.
    pub(super) fn wind_up(&self) -> bool {
        // A task may have been offered while this worker slept.
        self.drain_inbox();
        // First, so that a free fiber is not resumed once more either.
        self.kill_fibers();
        // Those that are there now: a free fiber that yields is back at once.
        for _ in 0..self.queued() {
            let Some(work) = self.pop_stealable().or_else(|| self.pop_backlog()) else { break };
            self.run_one(work.0);
        }
        while let Some(work) = self.take_injected() {
            self.run_one(work.0);
        }
        self.ready.is_empty()
            && self.with_fibers(|fibers| fibers.is_empty())
            && self.shared.remotes().iter().all(|remote| remote.free_fibers.lock().is_empty())
    }

    /// [`wind_up`](Worker::wind_up) as far as it goes without running anybody: ends what the
    /// waiting fiber may wait for, and its wait.
    pub(super) fn wind_up_in_place(&self) {
        let mut started = Vec::new();
        while let Some(work) = self.pop_stealable().or_else(|| self.pop_backlog()) {
            match work.is_started() {
                // Somebody else may run it; or this worker, later.
                true => started.push(work),
                false => self.shared.discard(work),
            }
        }
        started.into_iter().for_each(|work| self.deque.push(work));
        self.kill_fibers();
    }

    fn kill_fibers(&self) {
        // Once is enough: a kill is for good.
        let mut fibers = self.with_fibers(|fibers| fibers.not_killed());
        // One whose start is put off lives here, too.
        fibers.iter().for_each(|it| self.shared.leaks.note(it, it.header().has_begun()));
        let own = fibers.len();
        for remote in self.shared.remotes() {
            fibers.extend(remote.free_fibers.lock().not_killed());
        }
        fibers[own..].iter().for_each(|it| self.shared.leaks.note(it, true));
        for fiber in fibers {
            Waiter::Fiber(fiber).kill();
        }
    }
}
