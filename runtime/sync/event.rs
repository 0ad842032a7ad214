//! Events: a flag that threads wait for.
//!
//! # Invariants
//!
//! 1. `epoch` counts the settings. A setting lets those go on who began to wait before it, in their
//!    order, and nobody who came after a clearing in the middle of it.
//! 2. `resuming` counts those who were let go on and do not run yet.

use crate::future::Wait;
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use crate::select::{LineArm, Outcome, Queued, Waitable};
use crate::thread;
use crate::time;
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static WAIT: Reason = Reason("Event::wait");

/// A flag that is set and cleared, and for which green threads and OS threads wait.
///
/// Setting it lets all go on who wait, in the order in which they came, even if it is cleared
/// before they run. [`wait`](Event::wait) parks a green thread and blocks an OS thread.
///
/// The semantics are gevent's and those of Python's `threading.Event`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::Event, thread};
///
/// static READY: Event = Event::new();
///
/// let waiter = thread::spawn(|| READY.wait());
/// READY.set();
/// waiter.join().expect("it does not panic");
/// ```
pub struct Event {
    /// Written under the lock.
    is_set: AtomicBool,
    resuming: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    epoch: usize,
    /// Tagged with the epoch in which each came.
    waiting: Line<()>,
}

impl Event {
    /// Makes an event that is not set.
    #[must_use]
    pub const fn new() -> Event {
        Event {
            is_set: AtomicBool::new(false),
            resuming: AtomicUsize::new(0),
            state: Mutex::new(State { epoch: 0, waiting: Line::new() }),
        }
    }

    /// Whether the event is set. Never blocks.
    #[must_use]
    #[inline]
    pub fn is_set(&self) -> bool {
        // Acquire pairs with `set`: what was done before it is visible to whoever sees it.
        self.is_set.load(Ordering::Acquire)
    }

    /// Sets the event, and lets all go on who wait for it. Never blocks.
    pub fn set(&self) {
        let mut state = self.state.lock();
        if self.is_set() {
            return;
        }
        self.is_set.store(true, Ordering::Release);
        state.epoch += 1;
        let epoch = state.epoch;
        park::grant_each(&self.state, state, |state| {
            // Relaxed, as everywhere: it decides about the order among threads of one worker.
            let count = |(): &mut ()| self.resuming.fetch_add(1, Ordering::Relaxed);
            state.waiting.grant_if(|tag| tag < epoch, count).map(|(_, wakeup)| wakeup)
        });
    }

    /// Clears the event: who begins to wait now waits for the next setting. Never blocks.
    pub fn clear(&self) {
        // Under the lock, so that it does not fall into the middle of a `set`.
        let _state = self.state.lock();
        self.is_set.store(false, Ordering::Release);
    }

    /// Blocks the calling thread until the event is set.
    ///
    /// If it is set already this returns at once; on a green thread, after those of its worker
    /// that were waiting when it was set have run. A green thread that is killed meanwhile unwinds
    /// here, and so does any thread whose timeout scope expires.
    pub fn wait(&self) {
        let is_set = self.wait_for(None);
        debug_assert!(is_set, "there is no deadline");
    }

    /// [`wait`](Event::wait) for at most `timeout`. False if the event was not set in time.
    #[must_use = "it says whether the event was set"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(time::now().checked_add(timeout))
    }

    /// [`wait`](Event::wait) until `deadline`. False if the event was not set in time.
    #[must_use = "it says whether the event was set"]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_for(Some(deadline))
    }

    /// [`wait`](Event::wait) as a future, for tasks of any executor; it never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, sync::Event, thread};
    ///
    /// static READY: Event = Event::new();
    ///
    /// thread::spawn(|| READY.set());
    /// block_on(READY.wait_async());
    /// ```
    pub fn wait_async(&self) -> impl Future<Output = ()> + Send {
        Wait::new(LineArm::new(self))
    }

    fn wait_for(&self, deadline: Option<Instant>) -> bool {
        if self.is_set() {
            self.let_old_ones_run();
            return true;
        }
        let state = self.state.lock();
        // Under the lock, so that no `set` comes between the look and the queueing.
        if self.is_set() {
            drop(state);
            self.let_old_ones_run();
            return true;
        }
        let ask = Ask { tag: state.epoch, ..Ask::new(&WAIT, deadline) };
        match park::wait_in_line(&self.state, state, |state| &mut state.waiting, (), ask) {
            Waited::Granted(()) => {
                self.resuming.fetch_sub(1, Ordering::Relaxed);
                true
            }
            Waited::TimedOut(()) => false,
        }
    }

    #[inline]
    fn let_old_ones_run(&self) {
        if self.resuming.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
    }
}

/// A wait for an event that is set is over at once, each time.
impl Waitable for Event {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(LineArm::new(self))
    }
}

impl Queued for Event {
    type State = State;
    type Payload = ();
    type Output = ();
    const NAME: &'static str = "Event::wait";

    fn lock(&self) -> &Mutex<State> {
        &self.state
    }

    fn line(state: &mut State) -> &mut Line<()> {
        &mut state.waiting
    }

    fn tag(state: &State) -> usize {
        state.epoch
    }

    fn is_ready(&self, _state: &mut State) -> bool {
        self.is_set()
    }

    fn take(_state: &mut State) {}

    fn finish(&self, (): ()) {
        self.resuming.fetch_sub(1, Ordering::Relaxed);
    }

    fn put_back(&self, (): ()) {
        self.finish(());
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl UnwindSafe for Event {}
impl RefUnwindSafe for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Event;
    use crate::select;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    #[test]
    fn nobody_counts_as_about_to_run_for_ever() {
        for _ in 0..200 {
            let event = Arc::new(Event::new());
            let other = event.clone();
            let setter = std::thread::spawn(move || other.set());
            // Granted, ready from the start, or given up: all three happen.
            let _ = select::wait_any_timeout([&*event], Duration::from_micros(50));
            setter.join().expect("it does not panic");
            assert_eq!(event.resuming.load(Ordering::Relaxed), 0);
        }
    }
}
