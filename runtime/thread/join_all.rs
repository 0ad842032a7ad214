//! Joining many green threads, in the order in which they end.
//!
//! Each green thread gets an observer, which puts its number into one queue as it ends; the caller
//! waits for that queue. So the costs grow with the number of ends, not with their square.

use crate::engine::{JoinHandle, LinkId, OnEnd};
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread::Result;
use std::time::{Duration, Instant};

static JOIN_ALL: Reason = Reason("join_all");

/// Joins green threads in the order in which they end: see [`join_all`].
///
/// As an iterator it gives their results with their numbers, and blocks the calling thread, of
/// either kind, for each. It ends when all were joined, or as many as were asked for, or the time
/// is up. Dropping it detaches those that were not joined.
#[must_use = "nobody is joined before `wait`, or before it is iterated over"]
pub struct JoinAll<T> {
    handles: Vec<Option<JoinHandle<T>>>,
    observed: Vec<Option<LinkId>>,
    arrivals: Arc<Arrivals>,
    deadline: Option<Instant>,
    /// How many are to be joined yet.
    left: usize,
    stops_at_failure: bool,
}

/// What [`JoinAll::wait`] returns.
#[derive(Debug)]
#[non_exhaustive]
pub struct Joined<T> {
    /// The results of those that were joined, in the order in which they ended, each with its
    /// number among all.
    pub ended: Vec<(usize, Result<T>)>,
    /// Those that were not, in the order of their numbers.
    pub rest: Vec<JoinHandle<T>>,
}

/// The numbers of those that have ended, in that order.
#[derive(Debug)]
struct Arrivals {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ended: VecDeque<usize>,
    waiting: Line<()>,
}

impl OnEnd for Arrivals {
    fn on_end(&self, token: usize) {
        let mut state = self.state.lock();
        state.ended.push_back(token);
        let granted = state.waiting.grant(|()| ());
        drop(state);
        // Whoever waits is woken here, outside of the lock.
        drop(granted);
    }
}

/// Joins many green threads, in the order in which they end: all of them, or the first few, or
/// those that end in time, or until one fails.
///
/// Those that have ended before are taken in the order in which they stand here. As gevent's
/// `joinall`, and, iterated over, as its `iwait`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::time::Duration;
///
/// let slow_and_quick = [60_000, 1].map(|time_ms| {
///     thread::spawn(move || thread::sleep(Duration::from_millis(time_ms)))
/// });
/// let joined = thread::join_all(slow_and_quick).count(1).wait();
/// assert_eq!(joined.ended[0].0, 1);
/// assert_eq!(joined.rest.len(), 1);
/// ```
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> JoinAll<T> {
    let handles: Vec<_> = handles.into_iter().map(Some).collect();
    let state = State { ended: VecDeque::new(), waiting: Line::new() };
    let arrivals = Arc::new(Arrivals { state: Mutex::new(state) });
    let left = handles.len();
    let mut all = JoinAll {
        handles,
        observed: Vec::new(),
        arrivals,
        deadline: None,
        left,
        stops_at_failure: false,
    };
    all.observe();
    all
}

impl<T> JoinAll<T> {
    /// Ends the joins when `timeout` has passed from now on; `None` never ends them.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> JoinAll<T> {
        self.deadline = park::deadline(timeout);
        self
    }

    /// Joins the first `count` to end, and no more.
    pub fn count(mut self, count: usize) -> JoinAll<T> {
        self.left = self.left.min(count);
        self
    }

    /// Ends the joins after the first to end with an error, which is the last one joined then.
    /// gevent's `raise_error`.
    pub fn until_failure(mut self) -> JoinAll<T> {
        self.stops_at_failure = true;
        self
    }

    /// Blocks the calling thread, of either kind, until everything that was asked for has
    /// happened. If the caller is killed meanwhile the rest are detached.
    #[must_use]
    pub fn wait(mut self) -> Joined<T> {
        let ended = self.by_ref().collect();
        let rest = self.handles.iter_mut().filter_map(Option::take).collect();
        Joined { ended, rest }
    }

    fn observe(&mut self) {
        let target: Arc<dyn OnEnd> = self.arrivals.clone();
        for (number, handle) in self.handles.iter().enumerate() {
            let handle = handle.as_ref().expect("no handle was taken yet");
            let observed = handle.thread().observe(&target, number);
            if observed.is_none() {
                self.arrivals.on_end(number);
            }
            self.observed.push(observed);
        }
    }

    /// The number of the next one that ends in time.
    fn next_end(&self) -> Option<usize> {
        loop {
            let mut state = self.arrivals.state.lock();
            if let Some(number) = state.ended.pop_front() {
                return Some(number);
            }
            let ask = Ask::new(&JOIN_ALL, self.deadline);
            let lock = &self.arrivals.state;
            let waited = park::wait_in_line(lock, state, |state| &mut state.waiting, (), ask);
            // A grant says that there is something to take, which nobody else takes.
            if let Waited::TimedOut(()) = waited {
                return self.arrivals.state.lock().ended.pop_front();
            }
        }
    }
}

impl<T> Iterator for JoinAll<T> {
    type Item = (usize, Result<T>);

    fn next(&mut self) -> Option<(usize, Result<T>)> {
        if self.left == 0 {
            return None;
        }
        let number = self.next_end()?;
        let handle = self.handles[number].take().expect("each green thread ends once");
        let outcome = handle.join();
        let stops = self.stops_at_failure && outcome.is_err();
        self.left = if stops { 0 } else { self.left - 1 };
        Some((number, outcome))
    }
}

impl<T> Drop for JoinAll<T> {
    fn drop(&mut self) {
        for (handle, observed) in self.handles.iter().zip(&self.observed) {
            if let (Some(handle), Some(observed)) = (handle, observed) {
                handle.thread().unobserve(*observed);
            }
        }
    }
}

impl<T> Joined<T> {
    /// The values of those that were joined, in the order in which they ended. The rest are
    /// detached.
    ///
    /// # Errors
    ///
    /// The first to end with an error, whatever its number.
    pub fn values(self) -> Result<Vec<T>> {
        self.ended.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

impl<T> fmt::Debug for JoinAll<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinAll")
            .field("left", &self.left)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
