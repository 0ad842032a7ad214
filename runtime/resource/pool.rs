//! The handle of a pool.

use super::builder::Builder;
use super::error::GetError;
use super::guard::ResourceGuard;
use super::lease::{Fate, Lease};
use super::manage::Manage;
use super::shared::{Settings, Shared};
use super::state::{State, Turn};
use crate::blocking::BlockingPool;
use crate::park::Mutex;
use crate::park::deadline;
use crate::time;
use std::fmt;
use std::iter;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A bounded number of resources, each of which is lent to one holder at a time.
///
/// Resources are made on demand. Whoever asks for one while all are lent out is blocked until one
/// comes back, or until there is room for a new one: first come, first served. All calls work on
/// green threads, which they park, and on plain OS threads. Calls of a driver that block belong
/// into [`with`](ResourcePool::with) or [`ResourceGuard::run`], so that they block a thread of a
/// [`BlockingPool`] and not the worker.
///
/// A clone is the same pool. When the last one is dropped the pool is
/// [closed](ResourcePool::close).
///
/// The semantics are those of eventlet's `db_pool` and of r2d2.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{resource::ResourcePool, thread};
/// use std::fs::File;
/// use std::os::unix::fs::FileExt;
///
/// let pool = ResourcePool::new(2, || File::open("/proc/self/comm"));
/// let readers: Vec<_> = (0..10)
///     .map(|_| {
///         let pool = pool.clone();
///         thread::spawn(move || pool.with(|file| file.read_at(&mut [0; 16], 0)))
///     })
///     .collect();
/// for reader in readers {
///     assert!(reader.join().expect("it does not panic")?? > 0);
/// }
/// assert!(pool.statistics().created <= 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ResourcePool<M: Manage> {
    owner: Arc<Owner<M>>,
}

/// What a pool had at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Resources that there are, those that are being made or dropped included.
    pub resources: usize,
    /// Of those, the ones that wait to be lent.
    pub idle: usize,
    /// Threads that wait for one.
    pub waiting: usize,
    /// Resources that were made, ever.
    pub created: u64,
}

/// All clones of one handle.
struct Owner<M: Manage>(Arc<Shared<M>>);

impl<M: Manage> Drop for Owner<M> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<M: Manage> ResourcePool<M> {
    /// Makes a pool of at most so many resources; for all else, as [`Builder::new`].
    ///
    /// # Panics
    ///
    /// If `max` is 0.
    #[must_use]
    pub fn new(max: usize, manager: M) -> ResourcePool<M> {
        Builder::new(manager).max(max).build()
    }

    pub(super) fn of(
        manager: M,
        settings: Settings,
        min: usize,
        max: usize,
        threads: Option<BlockingPool>,
    ) -> ResourcePool<M> {
        let shared = Shared {
            manager,
            settings,
            min,
            max,
            threads,
            state: Mutex::new(State::new()),
            waiting: AtomicUsize::new(0),
            created: AtomicU64::new(0),
        };
        ResourcePool { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    fn shared(&self) -> &Arc<Shared<M>> {
        &self.owner.0
    }

    /// Borrows a resource: an idle one, which is checked if it was idle for a while, or a new one.
    /// Blocks the calling thread until it has one.
    ///
    /// A green thread that is killed meanwhile unwinds here, and so does any thread whose timeout
    /// scope expires. What is being made then goes into the pool.
    ///
    /// # Errors
    ///
    /// Why it has none.
    ///
    /// # Panics
    ///
    /// With the panic of the manager, and as [`BlockingPool::run`].
    #[track_caller]
    pub fn get(&self) -> Result<ResourceGuard<M>, GetError<M::Error>> {
        self.get_by(None)
    }

    /// [`get`](ResourcePool::get) for at most `timeout`: the waiting, the check and the making
    /// together.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Panics
    ///
    /// As [`get`](ResourcePool::get).
    #[track_caller]
    pub fn get_timeout(&self, timeout: Duration) -> Result<ResourceGuard<M>, GetError<M::Error>> {
        self.get_by(deadline(timeout))
    }

    /// [`get`](ResourcePool::get) until `deadline`.
    ///
    /// # Errors
    ///
    /// The same.
    ///
    /// # Panics
    ///
    /// As [`get`](ResourcePool::get).
    #[track_caller]
    pub fn get_until(&self, deadline: Instant) -> Result<ResourceGuard<M>, GetError<M::Error>> {
        self.get_by(Some(deadline))
    }

    /// Borrows an idle resource, if there is one that is not too old. Never blocks, so it is not
    /// checked.
    #[must_use]
    pub fn try_get(&self) -> Option<ResourceGuard<M>> {
        let (shared, now) = (self.shared(), time::now());
        let mut state = shared.state.lock();
        let place = state.idle.iter().position(|entry| !shared.settings.is_too_old(entry, now))?;
        let entry = state.idle.remove(place)?;
        drop(state);
        Lease::of(shared, Turn::Idle(entry)).map(ResourceGuard::new)
    }

    /// Borrows a resource, calls `f` with it where that may block, and gives it back. Blocks the
    /// calling thread until `f` has returned.
    ///
    /// If the caller is killed, or its timeout scope expires, it unwinds here. An `f` that runs
    /// goes on to its end, and then the resource goes back to the pool.
    ///
    /// # Errors
    ///
    /// Why there is no resource; `f` is not called then.
    ///
    /// # Panics
    ///
    /// With the panic of `f`, after which the resource is dropped, and as
    /// [`get`](ResourcePool::get).
    #[track_caller]
    pub fn with<F, T>(&self, f: F) -> Result<T, GetError<M::Error>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let lease = self.lease_by(None)?;
        let (lease, value) = lease.run(Fate::Return, f);
        drop(lease);
        Ok(value)
    }

    /// Makes resources until there are [`min`](Builder::min). Blocks the calling thread meanwhile.
    ///
    /// # Errors
    ///
    /// Why one could not be made. Those that were made before stay.
    ///
    /// # Panics
    ///
    /// As [`get`](ResourcePool::get).
    #[track_caller]
    pub fn fill(&self) -> Result<(), GetError<M::Error>> {
        let shared = self.shared();
        let missing = || shared.state.lock().take_for(shared.min);
        iter::from_fn(missing).try_for_each(|turn| {
            let lease = Lease::of(shared, turn).ok_or(GetError::Closed)?;
            ready(shared, lease, None).map(drop)
        })
    }

    /// Lends nothing any more: who waits, or comes later, gets [`GetError::Closed`]. Idle resources
    /// are dropped; those that are lent out, when they come back. Never blocks.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Whether the pool was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared().state.lock().is_closed
    }

    /// Blocks the calling thread until there is no resource any more, or `timeout` has passed;
    /// `None` never does. True if there is none. To be called after [`close`](ResourcePool::close),
    /// to see the last one go.
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> bool {
        self.shared().wait_until_empty(deadline(timeout))
    }

    /// How many resources there may be.
    #[must_use]
    pub fn max(&self) -> usize {
        self.shared().max
    }

    /// The manager.
    #[must_use]
    pub fn manager(&self) -> &M {
        &self.shared().manager
    }

    /// What the pool has at the moment.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let shared = self.shared();
        let state = shared.state.lock();
        Statistics {
            resources: state.taken,
            idle: state.idle.len(),
            waiting: shared.waiting.load(Ordering::Relaxed),
            created: shared.created.load(Ordering::Relaxed),
        }
    }

    #[track_caller]
    fn get_by(&self, deadline: Option<Instant>) -> Result<ResourceGuard<M>, GetError<M::Error>> {
        self.lease_by(deadline).map(ResourceGuard::new)
    }

    #[track_caller]
    fn lease_by(&self, deadline: Option<Instant>) -> Result<Lease<M>, GetError<M::Error>> {
        let lease = self.shared().lease(deadline)?;
        if lease.is_ready() { Ok(lease) } else { ready(self.shared(), lease, deadline) }
    }
}

/// Has the resource of a lease checked or made, where that may block.
#[track_caller]
fn ready<M: Manage>(
    shared: &Shared<M>,
    lease: Lease<M>,
    deadline: Option<Instant>,
) -> Result<Lease<M>, GetError<M::Error>> {
    let create_timeout = shared.settings.create_timeout;
    let late_at = create_timeout.and_then(|timeout| time::now().checked_add(timeout));
    let earliest = deadline.into_iter().chain(late_at).min();
    let outcome = match &shared.threads {
        Some(threads) => threads.run_until(earliest, move || lease.into_ready()),
        None => time::deadline(earliest, || lease.into_ready()).ok(),
    };
    match outcome {
        Some(outcome) => outcome.map_err(GetError::Create),
        None if earliest == deadline => Err(GetError::TimedOut),
        None => Err(GetError::CreateTimedOut),
    }
}

impl<M: Manage> Clone for ResourcePool<M> {
    fn clone(&self) -> ResourcePool<M> {
        ResourcePool { owner: self.owner.clone() }
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl<M: Manage> UnwindSafe for ResourcePool<M> {}
impl<M: Manage> RefUnwindSafe for ResourcePool<M> {}

impl<M: Manage> fmt::Debug for ResourcePool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourcePool")
            .field("max", &self.max())
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
