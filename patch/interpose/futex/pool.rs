//! OS threads for waits that only the kernel can do: on memory that processes share, for the end of
//! an OS thread.
//!
//! Whoever waits is parked meanwhile, and not to be ended: the call may write to what is his.

use crate::symbol::count_blocked;
use greenstd_runtime::blocking::{BlockingPool, Builder};
use greenstd_runtime::hooks::Inside;
use greenstd_runtime::thread;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Waits at a time; more queue up, which is wrong only if they are what the others wait for.
const THREADS_MAX: usize = 1024;

/// Their calls need next to nothing.
const STACK_BYTES: usize = 128 * 1024;

/// How long a thread stays for the next call.
const IDLE: Duration = Duration::from_secs(5);

/// Makes a call that may block for long on another OS thread, where no hook is in effect; in place,
/// counted in `blocked`, if the system has no thread for it, or the process is a forked child.
pub(crate) fn call<T: Send + 'static>(
    blocked: &AtomicU64,
    body: impl Fn() -> T + Copy + Send + 'static,
) -> T {
    static POOL: OnceLock<BlockingPool> = OnceLock::new();
    let _inside = Inside::new();
    let pool = || {
        POOL.get_or_init(|| {
            Builder::new()
                .name("greenstd-wait")
                .max_threads(THREADS_MAX)
                .stack_size(STACK_BYTES)
                .idle_timeout(IDLE)
                .build()
        })
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| thread::shield(|| pool().run(body))));
    outcome.unwrap_or_else(|_| {
        count_blocked(blocked);
        body()
    })
}
