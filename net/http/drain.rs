//! The end of a server, as its connections hear of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// Whether the server drains, and whom to tell.
#[derive(Default)]
pub(super) struct Drain {
    /// Written under the lock of `told`.
    is_on: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    next: u64,
    wakers: HashMap<u64, Waker>,
}

impl Drain {
    /// From now on each connection ends as soon as it has no request under way.
    pub(super) fn begin(&self) {
        let wakers = {
            let mut told = self.told.lock();
            self.is_on.store(true, Ordering::Release);
            std::mem::take(&mut told.wakers)
        };
        // Outside of the lock: a waker may be anything.
        wakers.into_values().for_each(Waker::wake);
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// Has the connection that is polled with `waker` woken when it begins, until the place is
    /// dropped. Whoever looks after this misses nothing.
    pub(super) fn enter(&self, waker: &Waker) -> Place<'_> {
        let mut told = self.told.lock();
        let id = told.next;
        told.next += 1;
        told.wakers.insert(id, waker.clone());
        Place { drain: self, id }
    }
}

pub(super) struct Place<'d> {
    drain: &'d Drain,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let waker = self.drain.told.lock().wakers.remove(&self.id);
        drop(waker);
    }
}
