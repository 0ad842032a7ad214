//! Scoped threads: green threads that borrow from the function that spawns them.
//!
//! The semantics and the signatures are those of [`std::thread::scope`]. The lifetime of what a
//! green thread borrows is erased on the way into the engine; in exchange the scope does not end
//! before the green thread is done with it.
//!
//! # Invariants
//!
//! 1. The borrowing closure is dropped before its `Tenant` is, whether it has run, panicked or
//!    was discarded: `Scoped` holds both, in that order. So is a result that nobody takes.
//! 2. `scope`, and `nursery` likewise, returns, or unwinds, only when no tenant is left. No kill
//!    ends it early.

use super::atomic::Mutex;
use super::atomic::{AtomicUsize, Ordering};
use super::builder::Builder;
use super::ending;
use super::fiber::{Lane, Outcome};
use super::handle::{Join, Thread};
use super::handles::handle_methods;
use super::killed::{self, Killed};
use super::limits;
use super::line::{Reason, WaitingFor};
use super::park;
use super::spawn::{self, Target};
use super::waiter::Waiter;
use super::worker::Worker;
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location, RefUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

static SCOPE: Reason = Reason("thread::scope");

/// A scope to spawn scoped green threads in. See [`scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    state: Arc<State>,
    /// Invariant in `'scope`, so that it can be neither shrunk nor stretched.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// The right to join a scoped green thread. Dropping it leaves the join to the scope.
///
/// As [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    join: Join<()>,
    packet: Arc<Packet<T>>,
    state: &'scope State,
    scope: PhantomData<&'scope mut &'scope ()>,
}

/// Where the outcome waits for the handle.
struct Packet<T> {
    outcome: Mutex<Option<Outcome<T>>>,
}

#[derive(Debug)]
struct State {
    tenants: AtomicUsize,
    /// Green threads that have panicked and were not joined by their handle. A handle that is
    /// forgotten does not hide its panic.
    unseen_panics: AtomicUsize,
    owner: Waiter,
}

/// Keeps the scope from ending.
struct Tenant(Arc<State>);

impl State {
    fn enter(self: &Arc<Self>) -> Tenant {
        // Relaxed: the owner and the tenants, who count up, see their own count.
        let before = self.tenants.fetch_add(1, Ordering::Relaxed);
        assert!(before < usize::MAX / 2, "too many running threads in a scope");
        Tenant(self.clone())
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        // Release pairs with the load in `has_tenants`.
        if self.0.tenants.fetch_sub(1, Ordering::Release) == 1 {
            self.0.owner.unpark();
        }
    }
}

/// A closure that borrows, and what keeps its scope open. The order of the fields is invariant 1.
struct Scoped<F, T> {
    closure: F,
    packet: Arc<Packet<T>>,
    tenant: Tenant,
}

impl<F: FnOnce() -> T, T> Scoped<F, T> {
    fn run(self) {
        let Scoped { closure, packet, tenant } = self;
        let outcome = panic::catch_unwind(AssertUnwindSafe(closure));
        if let Err(payload) = &outcome {
            ending::note_own_cause(&**payload);
        }
        if is_panic(&outcome) {
            // Relaxed, here and in `join`: the tenants' count makes it visible to the owner.
            tenant.0.unseen_panics.fetch_add(1, Ordering::Relaxed);
        }
        *packet.outcome.lock() = Some(outcome);
        drop(packet);
        drop(tenant);
    }
}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        let outcome = self.outcome.get_mut().take();
        // The destructor of a result is user code, and a worker must survive it.
        let dropped = panic::catch_unwind(AssertUnwindSafe(move || drop(outcome)));
        mem::forget(dropped);
    }
}

fn is_panic<T>(outcome: &Outcome<T>) -> bool {
    outcome.as_ref().is_err_and(|payload| !payload.is::<Killed>())
}

/// Creates a scope, in which green threads may borrow what outlives it, and blocks the calling
/// thread, of either kind, until all of them have ended.
///
/// As [`std::thread::scope`]. A kill of the caller takes effect when the scope has ended.
///
/// # Panics
///
/// If a green thread has panicked that was not joined by its handle.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// let mut counts = [1, 2, 3];
/// thread::scope(|scope| {
///     for count in &mut counts {
///         scope.spawn(|| *count *= 10);
///     }
/// });
/// assert_eq!(counts, [10, 20, 30]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope::open();
    // Caught, so that the wait happens before the unwinding goes on, and not during it.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let waiting = WaitingFor::new(&SCOPE);
    while scope.has_tenants() {
        let _ = park::park_shielded(None);
    }
    drop(waiting);
    match outcome {
        Err(payload) => panic::resume_unwind(payload),
        Ok(_) if scope.state.unseen_panics.load(Ordering::Relaxed) > 0 => {
            panic!("a scoped thread panicked")
        }
        Ok(_) if limits::is_to_end() && !thread::panicking() => limits::unwind(),
        // What follows the scope relies on threads that were killed; the owner's own kill may be
        // on its way yet.
        Ok(_) if Worker::is_ending() && !thread::panicking() => killed::unwind(),
        Ok(value) => value,
    }
}

impl RefUnwindSafe for Scope<'_, '_> {}

impl<'scope> Scope<'scope, '_> {
    /// A scope without tenants. Whoever opens one waits until it has none again, before it goes
    /// (invariant 2).
    pub(super) fn open() -> Self {
        let (tenants, unseen_panics) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let state = State { tenants, unseen_panics, owner: Waiter::current() };
        Scope { state: Arc::new(state), scope: PhantomData, env: PhantomData }
    }

    /// Whether green threads of this scope are left; the last one unparks who has opened it.
    pub(super) fn has_tenants(&self) -> bool {
        // Acquire pairs with the `Release` in `Tenant::drop`: all that the tenants did is visible.
        self.state.tenants.load(Ordering::Acquire) > 0
    }

    /// Spawns a green thread in the scope.
    ///
    /// # Panics
    ///
    /// If there is none to be had: see [`Builder::spawn_scoped`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Builder::new().spawn_scoped(self, f).expect("failed to spawn a scoped green thread")
    }
}

impl Builder {
    /// Spawns a green thread in a scope, with the settings of this builder.
    ///
    /// As [`std::thread::Builder::spawn_scoped`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Builder::spawn).
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let packet = Arc::new(Packet { outcome: Mutex::new(None) });
        let scoped = Scoped { closure: f, packet: packet.clone(), tenant: scope.state.enter() };
        let (lane, site) = (Lane::Pinned, Location::caller());
        let body = move || scoped.run();
        // SAFETY: `F` and `T` are `Send`. What they borrow outlives `'scope`, which does not end
        // before `scope` has seen the tenant go (invariant 2), and they are gone before that
        // (invariant 1).
        let join = unsafe { spawn::spawn(Target::Here, lane, self.options, site, body)? };
        Ok(ScopedJoinHandle { join, packet, state: &scope.state, scope: PhantomData })
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// The handle to the green thread.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.join.thread()
    }

    /// Blocks the calling thread until the green thread has ended.
    ///
    /// # Errors
    ///
    /// The payload of its panic, or [`Killed`](crate::thread::Killed).
    pub fn join(self) -> std::thread::Result<T> {
        let ScopedJoinHandle { join, packet, state, .. } = self;
        join.join()?;
        take(&packet, state)
    }

    handle_methods!();
}

/// Takes the outcome of a green thread that has ended.
fn take<T>(packet: &Packet<T>, state: &State) -> std::thread::Result<T> {
    let outcome = packet.outcome.lock().take();
    let outcome = outcome.expect("a green thread that has ended has stored its outcome");
    if is_panic(&outcome) {
        state.unseen_panics.fetch_sub(1, Ordering::Relaxed);
    }
    killed::share_fate(outcome)
}

/// What a join gives, as for [`JoinHandle`](super::handles::JoinHandle).
impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = std::thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(self.join.poll(context.waker()));
        Poll::Ready(ended.and_then(|()| take(&self.packet, self.state)))
    }
}

impl<T> AsRef<Thread> for ScopedJoinHandle<'_, T> {
    fn as_ref(&self) -> &Thread {
        self.thread()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}
