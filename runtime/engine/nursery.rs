//! Nurseries: scopes in which nobody goes on when one has failed.
//!
//! A scope joins its green threads, so one that fails is noticed when all others have ended, which
//! may be never. A nursery kills the others, and ends the waits of its own body. The name is that
//! of Trio, where the idea comes from; `scope` is std's and means less.
//!
//! # Invariants
//!
//! 1. The nursery's scope is left without tenants (`scope` invariant 2).
//! 2. A child is in `running` while it may wait. Whoever closes the nursery kills all who are
//!    there, and later ones find it closed before they begin.
//! 3. The first failure is kept. Later ones are consequences, as a rule.

use super::atomic::{AtomicBool, Mutex, Ordering};
use super::builder::Builder;
use super::ending;
use super::fiber::Outcome;
use super::handle::Thread;
use super::killed::{self, Killed};
use super::limits;
use super::park::{self, Outcome as ParkOutcome};
use super::report;
use super::scope::{Scope, ScopedJoinHandle};
use super::waiter::Waiter;
use super::worker::Worker;
use slab::Slab;
use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::thread;

/// A nursery to spawn green threads in. See [`nursery`].
pub struct Nursery<'scope, 'env: 'scope, E> {
    scope: Scope<'scope, 'env>,
    state: State<E>,
}

struct State<E> {
    /// Ends the waits of the body.
    is_cancelled: AtomicBool,
    owner: Waiter,
    inside: Mutex<Inside<E>>,
}

struct Inside<E> {
    first: Option<Failed<E>>,
    is_closed: bool,
    running: Slab<Thread>,
}

enum Failed<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// Calls `body` with a nursery, in which it may spawn green threads that borrow what outlives it,
/// and blocks the calling thread, of either kind, until all of them have ended.
///
/// As soon as one of them returns an error or panics, or `body` does, all others are killed, and
/// what `body` waits for ends by unwinding it. So does a kill of the caller, or a timeout around
/// it: nobody is merely joined. A child that was killed has not failed. One that was not started
/// never will be.
///
/// The semantics are those of Trio's nurseries (Python's `TaskGroup`, Go's `errgroup`). With
/// `panic = "abort"` nobody can be killed: the others are joined. On a plain OS thread the waits of
/// `body` end likewise, except one for a descriptor.
///
/// # Errors
///
/// The first error, in time. Later ones are dropped.
///
/// # Panics
///
/// With the first panic, if that came before any error. Later ones of children are reported.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::time::Duration;
///
/// let words = ["1", "two", "3"];
/// let outcome = thread::nursery(|nursery| {
///     for word in &words {
///         nursery.spawn(|| word.parse::<u32>());
///     }
///     nursery.spawn(|| {
///         thread::sleep(Duration::MAX);
///         Ok(0)
///     });
///     Ok(())
/// });
/// assert_eq!(outcome, "two".parse::<u32>().map(|_| ()));
/// ```
pub fn nursery<'env, F, T, E>(body: F) -> Result<T, E>
where
    F: for<'scope> FnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
    E: Send,
{
    let inside = Inside { first: None, is_closed: false, running: Slab::new() };
    let state = State {
        is_cancelled: AtomicBool::new(false),
        owner: Waiter::current(),
        inside: Mutex::new(inside),
    };
    let nursery = Nursery { scope: Scope::open(), state };
    let state = &nursery.state;
    // Caught, so that the wait happens before the unwinding goes on, and not during it.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        limits::cancellable(&state.is_cancelled, || body(&nursery))
    }));
    let (value, unwinding) = state.settle(outcome);
    let was_interrupted = wait_for_all(&nursery.scope, state);
    if let Some(payload) = unwinding {
        panic::resume_unwind(payload);
    }
    if !thread::panicking() {
        if was_interrupted {
            limits::unwind();
        }
        // As in `scope`: the owner's own kill may be on its way yet.
        if Worker::is_ending() {
            killed::unwind();
        }
    }
    let first = state.inside.lock().first.take();
    match first {
        Some(Failed::Error(error)) => Err(error),
        Some(Failed::Panic(payload)) => panic::resume_unwind(payload),
        None => Ok(value.expect("a body that neither fails nor unwinds returns a value")),
    }
}

/// True if a kill of the caller, or a timeout around it, has come meanwhile: the rest was killed.
fn wait_for_all<E>(scope: &Scope<'_, '_>, state: &State<E>) -> bool {
    let mut was_interrupted = false;
    while scope.has_tenants() {
        // Who unwinds anyway waits as on a plain thread.
        if was_interrupted || thread::panicking() {
            let _ = park::park_shielded(None);
        } else if park::park_until(None) == ParkOutcome::Killed {
            was_interrupted = true;
            state.close();
        }
    }
    was_interrupted
}

impl<'scope, E: Send> Nursery<'scope, '_, E> {
    /// Spawns a green thread in the nursery. If the nursery has failed already, its closure is
    /// dropped without having run.
    ///
    /// A join of one that fails says that it was killed: its error is the nursery's.
    ///
    /// # Panics
    ///
    /// If there is none to be had: see [`Builder::spawn_in`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        Builder::new().spawn_in(self, f).expect("failed to spawn a green thread of a nursery")
    }
}

impl Builder {
    /// Spawns a green thread in a nursery, with the settings of this builder.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Builder::spawn).
    #[track_caller]
    pub fn spawn_in<'scope, F, T, E>(
        self,
        nursery: &'scope Nursery<'scope, '_, E>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send,
    {
        let (state, site) = (&nursery.state, Location::caller());
        self.spawn_scoped(&nursery.scope, move || state.run(f, site))
    }
}

impl<E> State<E> {
    /// Runs a child.
    fn run<T>(&self, f: impl FnOnce() -> Result<T, E>, site: &'static Location<'static>) -> T {
        let Some(running) = Running::enter(self) else { killed::unwind() };
        let outcome = panic::catch_unwind(AssertUnwindSafe(f));
        drop(running);
        let failed = match outcome {
            Ok(Ok(value)) => return value,
            Ok(Err(error)) => Failed::Error(error),
            Err(payload) if payload.is::<Killed>() => panic::resume_unwind(payload),
            Err(payload) => {
                ending::note_own_cause(&*payload);
                Failed::Panic(payload)
            }
        };
        if let Some(Failed::Panic(payload)) = self.fail(failed) {
            report::report_and_drop(payload, "child of a nursery", site);
        }
        killed::unwind()
    }

    /// Takes note of how the body has ended: its value, or what the owner is to go on unwinding
    /// with.
    fn settle<T>(
        &self,
        outcome: Outcome<Result<Result<T, E>, limits::TimedOut>>,
    ) -> (Option<T>, Option<Box<dyn Any + Send>>) {
        match outcome {
            Ok(Ok(Ok(value))) => return (Some(value), None),
            Ok(Ok(Err(error))) => drop(self.fail(Failed::Error(error))),
            // Cancelled, because a child has failed.
            Ok(Err(limits::TimedOut)) => {}
            Err(payload) if payload.is::<Killed>() || limits::is_expiry(&*payload) => {
                self.close();
                return (None, Some(payload));
            }
            Err(payload) => drop(self.fail(Failed::Panic(payload))),
        }
        (None, None)
    }

    /// Closes the nursery because of a failure, which is returned if it is not the first one.
    fn fail(&self, failed: Failed<E>) -> Option<Failed<E>> {
        let late = {
            let mut inside = self.inside.lock();
            match inside.first {
                Some(_) => Some(failed),
                None => {
                    inside.first = Some(failed);
                    None
                }
            }
        };
        self.close();
        late
    }

    /// Kills whoever runs, and keeps others from starting.
    fn close(&self) {
        let running: Vec<Thread> = {
            let mut inside = self.inside.lock();
            inside.is_closed = true;
            inside.running.iter().map(|(_, thread)| thread.clone()).collect()
        };
        // Release pairs with the load in `limits`; the token that follows makes the owner look.
        self.is_cancelled.store(true, Ordering::Release);
        self.owner.unpark();
        for thread in running {
            // Refused with `panic = "abort"` only, as the docs say.
            let _ = thread.kill();
        }
    }
}

/// Keeps a child in the list of those who run.
struct Running<'s, E> {
    state: &'s State<E>,
    place: usize,
}

impl<'s, E> Running<'s, E> {
    /// None if the nursery is closed.
    fn enter(state: &'s State<E>) -> Option<Running<'s, E>> {
        let thread = Thread::current();
        let mut inside = state.inside.lock();
        if inside.is_closed {
            return None;
        }
        let place = inside.running.insert(thread);
        drop(inside);
        Some(Running { state, place })
    }
}

impl<E> Drop for Running<'_, E> {
    fn drop(&mut self) {
        let thread = self.state.inside.lock().running.try_remove(self.place);
        // The reference goes outside of the lock.
        drop(thread);
    }
}

impl<E> fmt::Debug for Nursery<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nursery").field("scope", &self.scope).finish_non_exhaustive()
    }
}
