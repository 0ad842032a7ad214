//! A pool without its handle: how its resources come, go, and are given back.

use super::builder::Reuse;
use super::error::GetError;
use super::lease::{Lease, Occupant};
use super::manage::{Condition, Manage};
use super::retire::{self, Retires};
use super::state::{Entry, State, Turn};
use crate::blocking::BlockingPool;
use crate::park::Mutex;
use crate::park::{self, Ask, Reason, Waited};
use crate::thread;
use crate::time;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

static GET: Reason = Reason("ResourcePool::get");
static JOIN: Reason = Reason("ResourcePool::join");

/// What does not change about a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_idle: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) create_timeout: Option<Duration>,
    pub(super) check_after: Duration,
    pub(super) reuse: Reuse,
}

/// What all handles, guards and jobs of a pool share.
pub(super) struct Shared<M: Manage> {
    pub(super) manager: M,
    pub(super) settings: Settings,
    pub(super) min: usize,
    pub(super) max: usize,
    /// Where everything is done that may block; none: on the calling thread.
    pub(super) threads: Option<BlockingPool>,
    pub(super) state: Mutex<State<M::Resource>>,
    /// For statistics, as the next: all accesses are relaxed.
    pub(super) waiting: AtomicUsize,
    pub(super) created: AtomicU64,
}

impl Settings {
    /// When an idle resource has been there for long enough.
    pub(super) fn expiry<R>(&self, entry: &Entry<R>) -> Option<Instant> {
        let ends = |since: Instant, time: Option<Duration>| since.checked_add(time?);
        let idle_until = ends(entry.back_since, self.max_idle);
        let lives_until = ends(entry.made_at, self.max_age);
        idle_until.into_iter().chain(lives_until).min()
    }

    pub(super) fn is_too_old<R>(&self, entry: &Entry<R>, now: Instant) -> bool {
        self.max_age.is_some_and(|age| now.duration_since(entry.made_at) >= age)
    }

    pub(super) fn is_to_be_checked<R>(&self, entry: &Entry<R>, now: Instant) -> bool {
        now.duration_since(entry.back_since) >= self.check_after
    }
}

impl<M: Manage> Shared<M> {
    /// Blocks the calling thread until it is its turn. The lease holds a resource, or a place only.
    pub(super) fn lease(
        self: &Arc<Shared<M>>,
        deadline: Option<Instant>,
    ) -> Result<Lease<M>, GetError<M::Error>> {
        let mut state = self.state.lock();
        if let Some(turn) = state.take(self.settings.reuse, self.max) {
            drop(state);
            return Lease::of(self, turn).ok_or(GetError::Closed);
        }
        let _waiting = Counted::new(&self.waiting);
        let ask = Ask::new(&GET, deadline);
        let waited =
            park::wait_in_line(&self.state, state, |state| &mut state.waiting, Turn::None, ask);
        let Waited::Granted(turn) = waited else { return Err(GetError::TimedOut) };
        let lease = Lease::of(self, turn);
        if park::is_to_end() && !std::thread::panicking() {
            // Goes to the next before this one unwinds, who would be taken for a holder else.
            drop(lease);
            let _ = park::unwind_killed();
            return Err(GetError::Closed);
        }
        lease.ok_or(GetError::Closed)
    }

    /// Takes back what was lent.
    pub(super) fn take_back(self: &Arc<Shared<M>>, mut occupant: Occupant<M>) {
        match self.manager.condition(&mut occupant.entry.resource) {
            Condition::Ready => self.put(occupant),
            Condition::Broken => self.dispose(vec![occupant]),
            // To wait for an answer is nothing for a thread that unwinds.
            Condition::Dirty if self.threads.is_none() && std::thread::panicking() => {
                self.dispose(vec![occupant]);
            }
            Condition::Dirty => {
                let shared = self.clone();
                self.errand(move || shared.clean(occupant));
            }
        }
    }

    fn clean(self: &Arc<Shared<M>>, mut occupant: Occupant<M>) {
        if self.manager.clean(&mut occupant.entry.resource).is_ok() {
            self.put(occupant);
        } else {
            self.dispose(vec![occupant]);
        }
    }

    /// Hands a resource that needs no cleaning to the next, or keeps it.
    fn put(self: &Arc<Shared<M>>, mut occupant: Occupant<M>) {
        let now = time::now();
        occupant.entry.back_since = now;
        let expiry = self.settings.expiry(&occupant.entry);
        let is_too_old = self.settings.is_too_old(&occupant.entry, now);
        let mut state = self.state.lock();
        if state.is_closed || is_too_old {
            drop(state);
            self.dispose(vec![occupant]);
            return;
        }
        let wakeup = state.put(occupant.into_entry());
        let is_surplus = wakeup.is_none() && state.surplus(self.min) > 0;
        let look = expiry.filter(|&expiry| {
            is_surplus && state.looked_at.is_none_or(|looked_at| expiry < looked_at)
        });
        state.looked_at = look.or(state.looked_at);
        drop(state);
        drop(wakeup);
        if let Some(look) = look {
            let pool: Arc<dyn Retires> = self.clone();
            if !retire::arrange(look, &pool) {
                self.state.lock().looked_at = None;
            }
        }
    }

    /// Drops resources where that may block, and gives up their places afterwards.
    pub(super) fn dispose(self: &Arc<Shared<M>>, mut doomed: Vec<Occupant<M>>) {
        let news = doomed.iter_mut().map(Occupant::doom).filter(|&is_news| is_news).count();
        self.state.lock().doomed += news;
        self.drop_all(doomed);
    }

    /// [`dispose`](Shared::dispose) of what counts as doomed already.
    fn drop_all(self: &Arc<Shared<M>>, doomed: Vec<Occupant<M>>) {
        if doomed.is_empty() {
            return;
        }
        match &self.threads {
            Some(_) => self.errand(move || drop(doomed)),
            None => drop(doomed),
        }
    }

    /// Has something done where it may block. The calling thread does not wait for it, unless there
    /// is no such place, or no room there: then it is done in place.
    fn errand(&self, f: impl FnOnce() + Send + 'static) {
        match &self.threads {
            Some(threads) if !threads.is_running_here() => match threads.try_spawn(f) {
                Ok(detached) => drop(detached),
                Err(refused) => (refused.into_inner())(),
            },
            Some(_) => f(),
            // A kill must not cut it short: it may be done in a destructor. What panics here has
            // told so by the panic hook, and what it had in hand has been dropped.
            None => drop(thread::shield(|| panic::catch_unwind(AssertUnwindSafe(f)))),
        }
    }

    /// The place of a resource that is no more, or never was.
    pub(super) fn vacate(&self, was_doomed: bool) {
        let mut state = self.state.lock();
        let wakeup = state.vacate(was_doomed);
        if state.taken == 0 {
            park::grant_each(&self.state, state, State::leave);
        } else {
            drop(state);
        }
        drop(wakeup);
    }

    pub(super) fn close(self: &Arc<Shared<M>>) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let idle = mem::take(&mut state.idle);
        let is_looked_at = state.looked_at.take().is_some();
        park::grant_each(&self.state, state, State::refuse);
        if is_looked_at {
            let weak: Weak<Shared<M>> = Arc::downgrade(self);
            let weak: Weak<dyn Retires> = weak;
            retire::cancel(&weak);
        }
        self.dispose(idle.into_iter().map(|entry| Occupant::new(self, entry)).collect());
    }

    /// Blocks the calling thread until there is no resource, or `deadline` passes. True if there is
    /// none.
    pub(super) fn wait_until_empty(&self, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.taken == 0 {
            return true;
        }
        let ask = Ask::new(&JOIN, deadline);
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.leaving, (), ask);
        matches!(waited, Waited::Granted(()))
    }
}

impl<M: Manage> Retires for Shared<M> {
    fn retire(self: Arc<Self>, now: Instant) -> Option<Instant> {
        let mut state = self.state.lock();
        if state.is_closed {
            return None;
        }
        let (retired, next) = state.retire(&self.settings, self.min, now);
        state.looked_at = next;
        drop(state);
        let doomed = retired.into_iter().map(|entry| {
            let mut occupant = Occupant::new(&self, entry);
            occupant.doom();
            occupant
        });
        self.drop_all(doomed.collect());
        next
    }

    fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }
}

/// Counts somebody while he waits.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Counted<'c> {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
