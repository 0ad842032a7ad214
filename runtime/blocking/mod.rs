//! Calls that can only block, on OS threads of their own.
//!
//! A green thread that calls something which blocks its worker (a database driver, a file, a C
//! library) stops all its neighbours. [`blocking`] runs such a call on a thread of a pool, and
//! parks only the caller. A [`BlockingPool`] is a pool of one's own: with a bound that suits what
//! is behind it, a name, jobs that run by themselves, a shutdown. What a job needs of green threads
//! it gets by [`call_from_thread`].
//!
//! Reading order inside: `pool` (what users see), `state` (who goes on, and who is called), `crew`
//! (how that is done), `service` (the life of a thread), `job` and `progress` (one job), `seat` and
//! `call` (a job that calls back).
//!
//! # Rejected
//!
//! Waking a thread for each job: a burst of short jobs wakes all of them, each by a system call of
//! the worker's. A condition variable for the idle: it wakes who has slept longest, so none ever
//! comes to its idle timeout. Handing a job to a thread before it is awake: another one may be free
//! sooner.

mod builder;
mod call;
mod crew;
mod error;
mod handle;
mod job;
mod pile_up;
mod pool;
mod progress;
mod register;
mod seat;
mod service;
mod state;
mod waits;

use crate::engine::{is_limited, is_on_green_thread};
use std::sync::LazyLock;

pub use self::builder::Builder;
pub use self::call::call_from_thread;
pub use self::error::{NotRun, TrySpawnError, Unfinished};
pub use self::handle::JobHandle;
pub use self::pool::{BlockingPool, Statistics};
pub use self::register::{PoolReport, pools};

static DEFAULT: LazyLock<BlockingPool> = LazyLock::new(|| Builder::new().name("blocking").build());

/// The pool on which [`blocking`] runs: 64 threads at most, 1024 queued jobs, 10 seconds of idling.
///
/// Its threads are named `blocking-0` and so on. It starts with the first job, and can be resized.
#[must_use]
pub fn default_pool() -> &'static BlockingPool {
    &DEFAULT
}

/// Whether a call may simply block the calling thread: a plain OS thread, and outside of timeout
/// scopes, which could not end the call.
#[inline]
pub(crate) fn may_block() -> bool {
    !is_on_green_thread() && !is_limited()
}

/// Runs `f` on an OS thread of the [default pool](default_pool), and parks only the calling green
/// thread until it has ended. On a plain OS thread, a thread of a pool included, `f` is simply
/// called: it may block there.
///
/// If the caller is killed, or its timeout scope expires, it unwinds here and abandons the call: a
/// closure that has not started never will, and is dropped by the caller; one that runs goes on to
/// its end, its result is dropped on its thread, and a panic is reported there. `f` sees the
/// thread-locals of its thread, not those of the caller.
///
/// As gevent's `hub.threadpool.apply` and tokio's `spawn_blocking`, awaited.
///
/// # Panics
///
/// With the panic of `f`, and if the system refuses to start the first thread of the pool.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{blocking::blocking, thread};
/// use std::time::Duration;
///
/// greenstd_runtime::run(|| {
///     let neighbour = thread::spawn(|| thread::sleep(Duration::from_millis(1)));
///     // Blocks an OS thread, and not the worker of the neighbour.
///     let slept = blocking(|| std::thread::sleep(Duration::from_millis(5)));
///     assert_eq!(slept, ());
///     neighbour.join().expect("it does not panic");
/// });
/// ```
#[track_caller]
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if is_on_green_thread() { DEFAULT.run(f) } else { f() }
}
