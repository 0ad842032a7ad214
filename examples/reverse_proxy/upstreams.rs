//! Which upstream it is, and how it fares.
//!
//! An upstream is judged by the requests that it gets, and asked nothing besides: who has failed
//! several times in a row rests, and is tried again after that; one success makes up for all. If
//! all of a route rest, they are tried nevertheless, since a refusal would not be a better answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use greenstd::sync::{Mutex, MutexGuard, PoisonError};

use crate::Rules;
use crate::connection::Connection;

/// More idle connections than that to one upstream are closed.
const IDLE_MAX: usize = 64;

/// Shorter than what most servers wait for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What takes the requests below a prefix.
pub struct Route {
    /// Without a slash at its end.
    prefix: String,
    upstreams: Vec<Arc<Upstream>>,
    /// Whose turn it is.
    next: AtomicUsize,
}

/// A server that answers requests.
pub struct Upstream {
    pub address: String,
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
    /// With the times at which they became idle, the latest last.
    idle: Vec<(Instant, Connection)>,
}

impl Route {
    pub fn new(prefix: String, addresses: Vec<String>, rules: Rules) -> Route {
        let upstream = |address| Arc::new(Upstream { address, rules, state: Mutex::default() });
        let upstreams = addresses.into_iter().map(upstream).collect();
        Route { prefix, upstreams, next: AtomicUsize::new(0) }
    }

    /// How much of a path it stands for, if it does.
    pub fn fits(&self, path: &str) -> Option<usize> {
        let rest = path.strip_prefix(&self.prefix)?;
        (rest.is_empty() || rest.starts_with('/') || self.prefix.is_empty())
            .then_some(self.prefix.len())
    }

    /// All upstreams in the order in which they are to be tried.
    pub fn candidates(&self) -> Vec<Arc<Upstream>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.upstreams.len();
        let (before, from) = self.upstreams.split_at(first);
        let mut candidates: Vec<_> = from.iter().chain(before).cloned().collect();
        candidates.sort_by_cached_key(|upstream| upstream.rests());
        candidates
    }
}

impl Upstream {
    /// A connection that has served before, if there is one.
    pub fn take_idle(&self) -> Option<Connection> {
        let mut state = self.state();
        state.idle.retain(|(since, _)| since.elapsed() < IDLE_TIMEOUT);
        state.idle.pop().map(|(_, connection)| connection)
    }

    /// Keeps a connection that has nothing left to read for the next request.
    pub fn keep(&self, connection: Connection) {
        let mut state = self.state();
        if state.idle.len() < IDLE_MAX {
            state.idle.push((Instant::now(), connection));
        }
    }

    pub fn has_succeeded(&self) {
        let mut state = self.state();
        if state.failures >= self.rules.failures {
            eprintln!("reverse_proxy: {} is back", self.address);
        }
        state.failures = 0;
        state.rests_until = None;
    }

    pub fn has_failed(&self) {
        let mut state = self.state();
        // What is idle is as good as gone.
        state.idle.clear();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.rules.failures {
            if state.failures == self.rules.failures {
                eprintln!("reverse_proxy: {} rests", self.address);
            }
            state.rests_until = Instant::now().checked_add(self.rules.rest);
        }
    }

    fn rests(&self) -> bool {
        self.state().rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// Nothing is left half done behind a poisoned lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
