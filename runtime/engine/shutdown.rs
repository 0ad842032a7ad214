//! How the owner of a runtime ends it.

use super::clock;
use super::fork;
use super::park;
use super::runtime::Runtime;
use super::waiter::Waiter;
use super::worker::Worker;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Runtime {
    /// Ends the runtime: discards what has not started, and unwinds every other green thread at
    /// the call in which it waits, or at its next one. Blocks the calling thread until all have
    /// ended; a green thread of this very runtime does not wait.
    ///
    /// A `join` of a green thread that ended so returns an error of type
    /// [`Killed`](crate::thread::Killed).
    pub fn shutdown(self) {
        drop(self);
    }

    /// [`shutdown`](Runtime::shutdown) that gives up after `timeout`. False if a green thread was
    /// left that neither ended nor waited; it goes on, and ends at its next wait.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> bool {
        let has_ended = self.end(park::deadline(timeout));
        self.threads.clear();
        has_ended
    }

    fn end(&mut self, deadline: Option<Instant>) -> bool {
        self.shared.close();
        if Worker::current().is_some_and(|worker| Arc::ptr_eq(worker.shared(), &self.shared)) {
            self.threads.clear();
            return false;
        }
        let waiter = Waiter::current();
        while !self.shared.all_ended(&waiter) {
            match deadline {
                // Not even a kill may leave workers behind that use what the caller owns.
                Some(deadline) if deadline <= clock::now() => return false,
                deadline => {
                    let _ = park::park_shielded(deadline);
                }
            }
        }
        for thread in self.threads.drain(..).chain(self.shared.relief.take_threads()) {
            // It has said that it ends: this waits for the last instructions. A panic aborts.
            let _ = thread.join();
        }
        if self.reports_leaks {
            self.shared.leaks.report();
        }
        true
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if fork::is_child() {
            mem::forget(mem::take(&mut self.threads));
        }
        if !self.threads.is_empty() {
            self.end(None);
        }
    }
}
