//! Host name look-ups on a few OS threads of their own.
//!
//! `getaddrinfo(3)` can only block, for seconds when a name server is silent, so it never runs on
//! a worker. A look-up is a shared [`Query`]: whoever asks for a name that is being looked up
//! joins the query instead of adding one. Threads start when a query finds none free, up to a
//! bound, and leave after some idle time. The queue is bounded too: who finds it full waits for
//! room, parked like any other waiter.
//!
//! # Invariants
//!
//! 1. `in_flight` holds exactly the queries that are queued or running, so that a later look-up of
//!    the same name asks anew.
//! 2. While the queue is not empty there is at least one thread, so every query is answered.
//! 3. Room is offered to one waiter for each query taken off the queue; a waiter that does not
//!    use the offer (killed, or joined an equal query) passes it on.

mod query;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use greenstd_runtime::park::{Outcome, ServiceThread, Unparker, park, unwind_killed};
use parking_lot::{Condvar, Mutex};

use self::query::Query;

/// Looks `host` up, parking the caller, and gives each address found the port `port`.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = RESOLVER.look_up(host)?;
    for address in &mut addresses {
        address.set_port(port);
    }
    Ok(addresses)
}

/// What a look-up finds: addresses with port zero.
type Answer = io::Result<Vec<SocketAddr>>;

static RESOLVER: Resolver<fn(&str) -> Answer> = Resolver::new(getaddrinfo, Limits::DEFAULT);

/// std's own look-up, for its hints, its order and its errors.
fn getaddrinfo(host: &str) -> Answer {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}

struct Limits {
    threads: usize,
    queued: usize,
    idle: Duration,
}

impl Limits {
    /// Four threads keep a crawler busy without being a burden to the name server; glibc's own
    /// asynchronous resolver idles for about as long as five seconds; a thousand waiting names
    /// are a few hundred kilobytes.
    const DEFAULT: Limits = Limits { threads: 4, queued: 1024, idle: Duration::from_secs(5) };
}

struct Resolver<F> {
    ask: F,
    limits: Limits,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    in_flight: BTreeMap<Box<str>, Arc<Query>>,
    queue: VecDeque<Arc<Query>>,
    /// Who waits for room in the queue, by ticket so that each can find itself again.
    room: VecDeque<(u64, Unparker)>,
    next_ticket: u64,
    threads: usize,
    idle: usize,
}

impl<F> Resolver<F>
where
    F: Fn(&str) -> Answer + Send + Sync + 'static,
{
    const fn new(ask: F, limits: Limits) -> Resolver<F> {
        let state = State {
            in_flight: BTreeMap::new(),
            queue: VecDeque::new(),
            room: VecDeque::new(),
            next_ticket: 0,
            threads: 0,
            idle: 0,
        };
        Resolver { ask, limits, state: Mutex::new(state), work: Condvar::new() }
    }

    fn look_up(&'static self, host: &str) -> Answer {
        self.enlist(host)?.wait()
    }

    /// Joins the query for `host`, or queues one, waiting for room if it must.
    fn enlist(&'static self, host: &str) -> io::Result<Arc<Query>> {
        let mut was_offered_room = false;
        let mut state = self.state.lock();
        loop {
            if let Some(query) = state.in_flight.get(host) {
                let query = Arc::clone(query);
                if was_offered_room {
                    state.offer_room();
                }
                return Ok(query);
            }
            if state.queue.len() < self.limits.queued {
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
            let outcome = park();
            state = self.state.lock();
            was_offered_room = !state.withdraw(ticket);
            if outcome == Outcome::Killed {
                if was_offered_room {
                    state.offer_room();
                }
                drop(state);
                return Err(io::Error::other(unwind_killed()));
            }
        }
    }

    fn queue(&'static self, state: &mut State, host: &str) -> io::Result<Arc<Query>> {
        let queued = state.queue.len() + 1;
        if queued > state.idle && state.threads < self.limits.threads {
            let name = "greenstd-resolver".to_owned();
            match thread::Builder::new().name(name).spawn(move || self.serve()) {
                Ok(_) => state.threads += 1,
                // Invariant 2: with no thread at all, nobody would ever answer.
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        let query = Arc::new(Query::new(host));
        state.in_flight.insert(host.into(), Arc::clone(&query));
        state.queue.push_back(Arc::clone(&query));
        self.work.notify_one();
        Ok(query)
    }

    /// The life of a resolver thread.
    fn serve(&self) {
        // Each query counts as work while it lasts, so an idle thread keeps no deadlock alive.
        let _service = ServiceThread::new();
        let mut state = self.state.lock();
        loop {
            let Some(query) = state.queue.pop_front() else {
                state.idle += 1;
                let deadline = Instant::now() + self.limits.idle;
                let timed_out = self.work.wait_until(&mut state, deadline).timed_out();
                state.idle -= 1;
                if timed_out && state.queue.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            state.offer_room();
            drop(state);
            // A panic must neither end the thread uncounted nor leave the waiters parked.
            let answer = catch_unwind(AssertUnwindSafe(|| (self.ask)(query.host())))
                .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")));
            state = self.state.lock();
            state.in_flight.remove(query.host());
            drop(state);
            query.answer(answer);
            state = self.state.lock();
        }
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
