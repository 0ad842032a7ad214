//! How many green threads live in a runtime, and who waits until none does.
//!
//! Workers fetch and give back places for green threads by the batch, so the count includes those
//! that lie unused at some worker. While somebody waits, a worker that has nothing to run gives its
//! own back before it sleeps; so the count is exact when it matters, and costs nothing otherwise.
//!
//! # Invariants
//!
//! 1. Whoever waits is told of the first moment in which nobody lives but green threads that wait
//!    here themselves.

use super::atomic::Mutex;
use super::limits;
use super::line::{Reason, WaitingFor};
use super::park::{self, Outcome};
use super::runtime::{self, Runtime};
use super::shared::Shared;
use super::stack::SizeClass;
use super::waiter::Waiter;
use super::wish::Wish;
use super::worker::Worker;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

static IDLE: Reason = Reason("wait_idle");

/// The green threads that live.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) state: Mutex<Live>,
    /// Somebody waits: places that are not in use are to be given back.
    wish: Wish,
}

/// How many they are.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) count: usize,
    /// Green threads that were spawned outside of the workers, ever.
    pub(super) spawned_outside: u64,
    /// Green threads of this runtime that wait for the others.
    inside: usize,
    waiting: Vec<Waiter>,
    /// Moments without anybody that those who wait were told of.
    moments: u64,
}

impl Census {
    pub(super) fn new() -> Census {
        Census { state: Mutex::default(), wish: Wish::new() }
    }

    /// Counts some less, and tells those who wait if nobody else is left.
    pub(super) fn leave(&self, count: usize) {
        let mut live = self.state.lock();
        live.count -= count;
        let told = live.told();
        drop(live);
        told.iter().for_each(Waiter::unpark);
    }

    /// Whether a worker that falls asleep is to give back the places that it does not use.
    pub(super) fn wants_places(&self) -> bool {
        self.wish.is_made()
    }
}

impl Live {
    /// Those who wait, if nobody else lives. They stay in the list: each takes itself out.
    fn told(&mut self) -> Vec<Waiter> {
        if self.count != self.inside || self.waiting.is_empty() {
            return Vec::new();
        }
        self.moments += 1;
        self.waiting.clone()
    }
}

impl Shared {
    /// Takes up to `wanted` places for green threads with default stacks, at least one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` at the limit on live green threads, as std's `spawn` reports the system's
    /// limit on threads; the error of `mmap` if there is no address space for a stack.
    pub(crate) fn take_places(&self, wanted: usize, class: SizeClass) -> io::Result<usize> {
        self.take_places_of(&mut self.census.state.lock(), wanted, class)
    }

    /// Takes a place for a green thread that is spawned outside of the workers, and counts it.
    ///
    /// # Errors
    ///
    /// As [`take_places`](Shared::take_places).
    pub(super) fn take_place_outside(&self, class: SizeClass) -> io::Result<()> {
        let mut live = self.census.state.lock();
        self.take_places_of(&mut live, 1, class)?;
        live.spawned_outside += 1;
        Ok(())
    }

    fn take_places_of(
        &self,
        live: &mut Live,
        wanted: usize,
        class: SizeClass,
    ) -> io::Result<usize> {
        let count = wanted.min(self.live_limit - live.count);
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("the limit of {} live green threads is reached", self.live_limit),
            ));
        }
        self.stacks.reserve(class, count)?;
        live.count += count;
        Ok(count)
    }

    pub(crate) fn give_places(&self, count: usize, class: SizeClass) {
        self.stacks.unreserve(class, count);
        self.census.leave(count);
    }
}

/// One who waits; takes itself out of the list, however its wait ends.
struct Place<'s> {
    shared: &'s Shared,
    waiter: Waiter,
    inside: usize,
    /// Moments before it came.
    moments: u64,
}

impl<'s> Place<'s> {
    fn new(shared: &'s Arc<Shared>) -> Place<'s> {
        let is_ours = |worker: &Worker| Arc::ptr_eq(worker.shared(), shared);
        let inside = usize::from(Worker::on_fiber().is_some_and(|(worker, _)| is_ours(worker)));
        let waiter = Waiter::current();
        let mut live = shared.census.state.lock();
        let moments = live.moments;
        live.inside += inside;
        live.waiting.push(waiter.clone());
        // It may be the last one that the others have waited for.
        let told = live.told();
        drop(live);
        told.iter().for_each(Waiter::unpark);
        shared.census.wish.make();
        shared.remotes().iter().for_each(super::remote::Remote::rouse);
        Place { shared, waiter, inside, moments }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut live = self.shared.census.state.lock();
        live.inside -= self.inside;
        let place = live.waiting.iter().position(|waiter| *waiter == self.waiter);
        let waiter = place.map(|place| live.waiting.swap_remove(place));
        drop(live);
        drop(waiter);
        self.shared.census.wish.withdraw();
    }
}

impl Runtime {
    /// Blocks the calling thread until no green thread of this runtime is left, or `timeout` has
    /// passed; true if there was a moment without any. `None` has no end.
    ///
    /// Those that are to start later count, and so do parked ones; tickers and timeout scopes do
    /// not. A green thread of this very runtime waits for all others but those that wait like it.
    /// Works on threads of either kind. As gevent's `wait()` without objects.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{runtime, thread};
    ///
    /// greenstd_runtime::run(|| {
    ///     for _ in 0..10 {
    ///         thread::spawn(thread::yield_now);
    ///     }
    ///     assert!(runtime::wait_idle(None));
    /// });
    /// ```
    pub fn wait_idle(&self, timeout: impl Into<Option<Duration>>) -> bool {
        wait_until_idle(&self.shared, park::deadline(timeout))
    }
}

/// [`Runtime::wait_idle`] of the calling green thread's runtime; on a plain OS thread, of the
/// global one, which is idle as long as nobody has started it.
pub fn wait_idle(timeout: impl Into<Option<Duration>>) -> bool {
    let deadline = park::deadline(timeout);
    match Worker::on_fiber() {
        Some((worker, _)) => wait_until_idle(&worker.shared().clone(), deadline),
        None => runtime::started().is_none_or(|runtime| wait_until_idle(&runtime.shared, deadline)),
    }
}

/// Blocks the calling thread until nobody lives in the runtime but those who wait here. False once
/// `deadline` has passed.
fn wait_until_idle(shared: &Arc<Shared>, deadline: Option<Instant>) -> bool {
    let place = Place::new(shared);
    let _waiting = WaitingFor::new(&IDLE);
    loop {
        if shared.census.state.lock().moments > place.moments {
            return true;
        }
        match park::park_until(deadline) {
            Outcome::Woken => {}
            Outcome::TimedOut => return false,
            Outcome::Killed => {
                drop(place);
                if std::thread::panicking() {
                    return false;
                }
                limits::unwind();
            }
        }
    }
}
