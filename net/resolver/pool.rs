//! Look-ups that can only block, on a few OS threads of their own.
//!
//! A look-up is a shared [`Query`]: whoever asks for a name that is being looked up joins the query
//! instead of adding one. Threads start when a query finds none free, up to a bound, and leave
//! after some idle time. The queue is bounded too: who finds it full waits for room, parked like
//! any other waiter.
//!
//! # Invariants
//!
//! 1. `in_flight` holds exactly the queries that are queued or running, so that a later look-up of
//!    the same name asks anew.
//! 2. While the queue is not empty there is at least one thread, so every query is answered, or
//!    dropped if nobody waits for it any more.
//! 3. Room is offered to one waiter for each query taken off the queue; a waiter that does not
//!    use the offer (killed, out of time, or joined an equal query) passes it on.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenstd_runtime::park::{Outcome, ServiceThread, Unparker, park_until, unwind_killed};
use greenstd_runtime::time;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::query::Query;
use super::{Answer, Builder, Resolve, timed_out};

/// Calls a function that may block, on OS threads of its own, for each host that is looked up.
///
/// The thread that wants to know is parked meanwhile, so a slow look-up delays nobody but those who
/// wait for it. Look-ups of the same host that overlap share one call and its answer; nothing is
/// kept beyond that.
///
/// - Threads start when they are needed, up to a limit, and leave when they have been idle. A call
///   that hangs keeps its thread; once all of them hang, look-ups queue.
/// - The queue has a limit, too. Whoever finds it full waits for room, in no fixed order.
/// - Kills, timeout scopes and deadlines end the wait, in the queue or for the answer. A call that
///   runs goes on, for whoever else waits; one that has not begun is left out if nobody does.
/// - A function that panics is an error of that look-up. The thread goes on.
///
/// [`Builder`] sets the limits. Dropping the resolver lets its threads end.
///
/// # Examples
///
/// ```
/// use greenstd_net::resolver::{PooledResolver, Resolve};
/// use std::net::ToSocketAddrs;
///
/// let resolver = PooledResolver::new(|host| Ok((host, 0).to_socket_addrs()?.collect()));
/// assert!(!resolver.resolve("localhost", None)?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PooledResolver {
    shared: Arc<Shared>,
}

/// What bounds a pool.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) threads: usize,
    pub(super) queued: usize,
    pub(super) idle: Duration,
}

impl Limits {
    /// Four threads keep a crawler busy without being a burden to the name server; glibc's own
    /// asynchronous resolver idles for about as long as five seconds; a thousand waiting names
    /// are a few hundred kilobytes.
    pub(super) const DEFAULT: Limits =
        Limits { threads: 4, queued: 1024, idle: Duration::from_secs(5) };
}

struct Shared {
    ask: Box<dyn Fn(&str) -> Answer + Send + Sync>,
    limits: Limits,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    in_flight: BTreeMap<Box<str>, Arc<Query>>,
    queue: VecDeque<Arc<Query>>,
    /// Who waits for room in the queue, by ticket so that each can find itself again.
    room: VecDeque<(u64, Unparker)>,
    next_ticket: u64,
    threads: usize,
    idle: usize,
    /// The resolver was dropped: threads leave instead of idling.
    is_closed: bool,
}

impl PooledResolver {
    /// With the settings that [`Builder::new`] tells.
    #[must_use]
    pub fn new<F>(ask: F) -> PooledResolver
    where
        F: Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    {
        Builder::new().pooled(ask)
    }

    pub(super) fn with<F>(ask: F, limits: Limits) -> PooledResolver
    where
        F: Fn(&str) -> Answer + Send + Sync + 'static,
    {
        let (state, work) = (Mutex::new(State::default()), Condvar::new());
        PooledResolver { shared: Arc::new(Shared { ask: Box::new(ask), limits, state, work }) }
    }

    /// Joins the query for `host`, or queues one, waiting for room if it must.
    fn enlist(&self, host: &str, deadline: Option<Instant>) -> io::Result<Arc<Query>> {
        let mut was_offered_room = false;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(query) = state.in_flight.get(host) {
                let query = Arc::clone(query);
                if was_offered_room {
                    state.offer_room();
                }
                return Ok(query);
            }
            if state.queue.len() < self.shared.limits.queued {
                let queued = self.queue(&mut state, host);
                if queued.is_err() && was_offered_room {
                    state.offer_room();
                }
                return queued;
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.room.push_back((ticket, Unparker::current()));
            drop(state);
            let outcome = park_until(deadline);
            state = self.shared.state.lock();
            was_offered_room = !state.withdraw(ticket);
            if outcome == Outcome::Woken {
                continue;
            }
            if was_offered_room {
                state.offer_room();
            }
            drop(state);
            return Err(match outcome {
                Outcome::Killed => io::Error::other(unwind_killed()),
                _ => timed_out(),
            });
        }
    }

    fn queue(&self, state: &mut State, host: &str) -> io::Result<Arc<Query>> {
        let queued = state.queue.len() + 1;
        if queued > state.idle && state.threads < self.shared.limits.threads {
            let name = "greenstd-resolver".to_owned();
            let shared = Arc::clone(&self.shared);
            match thread::Builder::new().name(name).spawn(move || shared.serve()) {
                Ok(_) => state.threads += 1,
                // Invariant 2: with no thread at all, nobody would ever answer.
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        let query = Arc::new(Query::new(host));
        state.in_flight.insert(host.into(), Arc::clone(&query));
        state.queue.push_back(Arc::clone(&query));
        self.shared.work.notify_one();
        Ok(query)
    }
}

impl Resolve for PooledResolver {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        self.enlist(host, deadline)?.wait(deadline)
    }
}

impl Drop for PooledResolver {
    fn drop(&mut self) {
        // Whoever waits borrows the resolver, so nobody does.
        self.shared.state.lock().is_closed = true;
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for PooledResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        formatter
            .debug_struct("PooledResolver")
            .field("limits", &self.shared.limits)
            .field("threads", &state.threads)
            .field("in_flight", &state.in_flight.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The life of a resolver thread.
    fn serve(&self) {
        // Each query counts as work while it lasts, so an idle thread keeps no deadlock alive.
        let _service = ServiceThread::new();
        let mut state = self.state.lock();
        loop {
            let Some(query) = state.queue.pop_front() else {
                if self.is_to_leave(&mut state) {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            state.offer_room();
            // The table's and this one: whoever wanted to know has given up, and nobody can join
            // while the lock is held.
            if Arc::strong_count(&query) == 2 {
                state.in_flight.remove(query.host());
                MutexGuard::unlocked(&mut state, || drop(query));
                continue;
            }
            drop(state);
            // A panic must neither end the thread uncounted nor leave the waiters parked.
            let answer = catch_unwind(AssertUnwindSafe(|| (self.ask)(query.host())))
                .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")));
            self.state.lock().in_flight.remove(query.host());
            query.answer(answer);
            drop(query);
            state = self.state.lock();
        }
    }

    /// Waits for work; true once there was none for long enough.
    fn is_to_leave(&self, state: &mut MutexGuard<'_, State>) -> bool {
        state.idle += 1;
        let mut timed_out = state.is_closed;
        if !timed_out {
            timed_out = match time::now().checked_add(self.limits.idle) {
                Some(deadline) => self.work.wait_until(state, deadline).timed_out(),
                None => {
                    self.work.wait(state);
                    false
                }
            };
        }
        state.idle -= 1;
        timed_out && state.queue.is_empty()
    }
}

impl State {
    fn offer_room(&mut self) {
        if let Some((_, waiter)) = self.room.pop_front() {
            waiter.unpark();
        }
    }

    /// Takes a waiter off the list; false if it was offered room before.
    fn withdraw(&mut self, ticket: u64) -> bool {
        let position = self.room.iter().position(|(other, _)| *other == ticket);
        position.is_some_and(|index| self.room.remove(index).is_some())
    }
}

#[cfg(test)]
mod tests;
