//! The figures of the process: those of all its runtimes, of its pools, of its servers.

use super::{Wait, elsewhere};
use crate::blocking::{self, PoolReport};
use crate::engine;
use crate::runtime::{self, StackMemory};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Accepts that have failed, in servers of any kind.
static ACCEPT_ERRORS: AtomicU64 = AtomicU64::new(0);

/// The figures of the process at one moment: see [`metrics`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// Runtimes that there are.
    pub runtimes: usize,
    /// What they have counted together, with those that have ended; what they have now.
    pub green_threads: runtime::Metrics,
    /// The blocking pools that there are.
    pub pools: Vec<PoolReport>,
    /// Accepts of servers that have failed for another reason than an empty queue, ever.
    pub accept_errors: u64,
}

/// Takes the figures of the process: of all its runtimes together, of its blocking pools and of its
/// servers. Those of a single runtime are in [`Runtime::metrics`](runtime::Runtime::metrics).
///
/// Never blocks, on threads of either kind, and stops nobody. What a runtime counts it counts
/// whether somebody asks or not: see [`runtime::Metrics`] for what that costs.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, thread};
///
/// let (before, handle) = (diag::metrics().green_threads.spawned, thread::spawn(|| ()));
/// handle.join().expect("it does not panic");
/// assert!(diag::metrics().green_threads.spawned > before);
/// ```
#[must_use]
pub fn metrics() -> Metrics {
    let (green_threads, runtimes) = engine::metrics_of_all();
    let accept_errors = ACCEPT_ERRORS.load(Ordering::Relaxed);
    Metrics { runtimes, green_threads, pools: blocking::pools(), accept_errors }
}

/// Counts the green threads of the process that are parked, by what they wait in: `read`, `write`,
/// `sleep`, `select`, `Mutex::lock`, … as [`Wait::call`] says it, and `park` for what has no name.
///
/// It goes through all of them, some tenths of a microsecond for each, and keeps a worker from its
/// list for some 10 µs at a time. Never blocks an OS thread for longer than that takes; a green
/// thread parks while an OS thread goes through them. Each is counted as it was when it was looked
/// at.
///
/// # Panics
///
/// On a green thread, if the system refuses that OS thread a start.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, thread};
/// use std::time::Duration;
///
/// greenstd_runtime::run(|| {
///     let sleeper = thread::spawn(|| thread::sleep(Duration::from_secs(60)));
///     while diag::parked().get("sleep") != Some(&1) {
///         thread::yield_now();
///     }
///     sleeper.kill();
/// });
/// ```
#[must_use]
pub fn parked() -> BTreeMap<&'static str, usize> {
    elsewhere(|| {
        let mut counts = BTreeMap::new();
        engine::for_each_parked(|sighting| {
            *counts.entry(Wait::new(sighting).call()).or_default() += 1;
        });
        counts
    })
}

/// [`Runtime::stack_memory`](runtime::Runtime::stack_memory) of all runtimes together.
///
/// # Errors
///
/// As there.
pub fn stack_memory() -> io::Result<StackMemory> {
    engine::stack_memory_of_all()
}

/// Counts an accept that has failed, in [`Metrics::accept_errors`]. For who writes a server of his
/// own; those of this crate do it by themselves.
pub fn count_accept_error() {
    ACCEPT_ERRORS.fetch_add(1, Ordering::Relaxed);
}
