//! One function over many items: a feeder, a member of the pool for each item, and the results.
//!
//! The feeder is a green thread of its own. For each item it waits for room among the results that
//! nobody has read, then for the item, then for a place in the pool. So the input may block, and an
//! item is taken only when its result has a place to go to. Feeder and members are also in a group
//! of this batch alone, the *crew*, so that they can be killed when nobody wants the results.
//!
//! # Invariants
//!
//! 1. For each item there is one result: its [`Ticket`] gives one when it is dropped, whatever has
//!    happened to the member, even if it never ran.
//! 2. A permit of the window is taken for each item, and given back when its result is read.
//! 3. The results are shut down when the last ticket and the feeder are gone: then there will be no
//!    more.

use super::members::Members;
use crate::queue::{Queue, Shutdown};
use crate::sync::Semaphore;
use crate::thread::{self, Builder, Killed};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

/// How many items may be taken beyond the results that were read, for each place in the pool: one
/// in work, and one result that waits.
const WINDOW_PER_PLACE: usize = 2;

/// The same in a pool without a limit. Enough to keep the workers busy; every green thread costs a
/// stack.
const WINDOW_UNLIMITED: usize = 256;

/// Permits that do not limit, and still can be given back.
const WINDOW_MAX: usize = usize::MAX / 2;

/// Many items, one function, and their results.
pub(super) struct Batch<T> {
    results: Arc<Results<T>>,
    crew: Arc<Members>,
    window: usize,
    /// Taken with the first read.
    start: Option<Start<T>>,
}

type Start<T> = Box<dyn FnOnce(Arc<Results<T>>, Arc<Members>) + Send>;

/// A result, and which item it belongs to.
type Indexed<T> = (u64, thread::Result<T>);

struct Results<T> {
    queue: Queue<Indexed<T>>,
    window: Semaphore,
}

/// Held by all from whom results may come.
struct Outlet<T> {
    results: Arc<Results<T>>,
}

/// The duty to give a result for one item.
struct Ticket<T> {
    index: u64,
    outlet: Arc<Outlet<T>>,
    is_paid: bool,
}

impl<T: Send + 'static> Batch<T> {
    pub(super) fn new<I, F>(pool: Arc<Members>, size: Option<usize>, items: I, f: F) -> Batch<T>
    where
        I: Iterator + Send + 'static,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
    {
        let window = match size {
            Some(size) => size.saturating_mul(WINDOW_PER_PLACE).max(1),
            None => WINDOW_UNLIMITED,
        };
        let start = move |results: Arc<Results<T>>, crew: Arc<Members>| {
            let outlet = Arc::new(Outlet { results });
            let group = crew.clone();
            let feeder = move || feed(items, &Arc::new(f), &pool, &crew, &outlet);
            // Without a feeder the outlet goes, and that was all.
            group.spawn(Builder::new(), feeder).expect("failed to spawn a green thread");
        };
        let results = Results { queue: Queue::new(), window: Semaphore::new(0) };
        Batch {
            results: Arc::new(results),
            crew: Members::new(None),
            window,
            start: Some(Box::new(start)),
        }
    }

    pub(super) fn set_window(&mut self, window: usize) {
        self.window = window;
    }

    /// Waits for the next result in the order in which they come.
    pub(super) fn receive(&mut self) -> Option<Indexed<T>> {
        if let Some(start) = self.start.take() {
            let window = Semaphore::new(self.window.min(WINDOW_MAX));
            self.results = Arc::new(Results { queue: Queue::new(), window });
            start(self.results.clone(), self.crew.clone());
        }
        self.results.queue.get().ok()
    }

    /// Makes room for another result, since one is handed to the reader.
    pub(super) fn count_read(&self) {
        self.results.window.release();
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        if self.start.is_some() {
            return;
        }
        self.crew.kill_for_good();
        self.results.queue.shutdown(Shutdown::Immediate);
        // Where nothing can be killed the feeder is to see that the results are shut down.
        self.results.window.release();
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.results.queue.shutdown(Shutdown::Draining);
    }
}

impl<T> Ticket<T> {
    fn pay(mut self, result: thread::Result<T>) {
        self.is_paid = true;
        // If nobody wants it, it is dropped here.
        drop(self.outlet.results.queue.put((self.index, result)));
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if !self.is_paid {
            let result = Err(Box::new(Killed {}) as Box<_>);
            drop(self.outlet.results.queue.put((self.index, result)));
        }
    }
}

/// The life of the feeder.
fn feed<I, F, T>(
    mut items: I,
    f: &Arc<F>,
    pool: &Arc<Members>,
    crew: &Arc<Members>,
    outlet: &Arc<Outlet<T>>,
) where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    for index in 0.. {
        outlet.results.window.acquire();
        if outlet.results.queue.is_shut_down() {
            return;
        }
        let ticket = Ticket { index, outlet: outlet.clone(), is_paid: false };
        let item = match panic::catch_unwind(AssertUnwindSafe(|| items.next())) {
            Ok(Some(item)) => item,
            Ok(None) => {
                forgo(ticket);
                return;
            }
            // The input is over, and this is its last result.
            Err(payload) => {
                ticket.pay(Err(payload));
                return;
            }
        };
        let has_slot = pool.slot(None);
        debug_assert!(has_slot, "there is no deadline");
        let seat = crew.enter();
        let key = seat.key();
        let f = f.clone();
        let member = pool.spawn(Builder::new(), move || {
            seat.arrive();
            ticket.pay(panic::catch_unwind(AssertUnwindSafe(|| f(item))));
        });
        // If there is no green thread to be had, the closure is dropped, and its ticket pays.
        if let Ok(member) = member {
            crew.introduce(key, member.thread());
        }
    }
}

/// There is no item for this ticket.
fn forgo<T>(mut ticket: Ticket<T>) {
    ticket.is_paid = true;
}
