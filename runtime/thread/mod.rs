//! `std::thread` on green threads: the same names, signatures and semantics.
//!
//! Every call also works on a plain OS thread, which then blocks as it would in std; a green thread
//! that is spawned from there lives in the global runtime. What differs from std is written where
//! it differs; in short:
//!
//! - a green thread that computes without ever waiting keeps its worker from the others, and so
//!   does one that waits in a destructor while it unwinds: what it waits for must not be held by
//!   others across their own waits,
//! - a kill may end a wait in a destructor, and thus the destructor, unless it is in a [`shield`],
//! - [`LocalKey`]s belong to the worker, an OS thread, and are shared by its green threads, unless
//!   they are spawned with [`ThreadLocals::Own`]; a value for each green thread in any case is
//!   declared by [`green_local!`](crate::green_local),
//! - std's own locks block the worker: see the crate's limits.

mod join_all;
mod kill;
mod shared;

use crate::engine::{self, Reason, WaitingFor};
use crate::time;
use std::time::{Duration, Instant};

pub use self::{
    join_all::{JoinAll, Joined, join_all},
    kill::{kill_all, shield},
    shared::{Failure, SharedJoinHandle},
};
pub use crate::engine::{
    Builder, End, Ended, ErrorHook, JoinHandle, Killed, LinkId, LocalJoinHandle, Nursery, Scope,
    ScopedJoinHandle, Thread, ThreadId, ThreadLocals, nursery, scope, set_error_hook, spawn_local,
    take_error_hook,
};
pub use std::thread::{Result, available_parallelism, panicking};

/// A thread-local, and the error of one whose thread has ended: std's own.
///
/// A green thread stays on the worker that started it, so a reference into a thread-local stays
/// valid across a wait. But all green threads of a worker see the same value: a thread-local is a
/// per-worker variable here, not one for each green thread, and another green thread may have
/// changed it whenever a call has waited. Those that have their own ([`ThreadLocals::Own`]) share
/// none with anybody.
pub use std::thread::{AccessError, LocalKey};

static PARK: Reason = Reason("thread::park");
static SLEEP: Reason = Reason("thread::sleep");

/// Spawns a green thread.
///
/// As [`std::thread::spawn`]; for its settings see [`Builder`].
///
/// # Panics
///
/// If there is none to be had, as std's does: see [`Builder::spawn`].
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("failed to spawn a green thread")
}

/// Spawns a green thread that starts once `delay` has passed; until then it has no stack, and a
/// kill keeps it from ever starting.
///
/// As gevent's `spawn_later`. For its settings, and for what it costs, see
/// [`Builder::spawn_later`].
///
/// # Panics
///
/// If there is none to be had: see [`Builder::spawn`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let later = thread::spawn_later(Duration::from_millis(2), move || start.elapsed());
/// assert!(later.join().is_ok_and(|elapsed| elapsed >= Duration::from_millis(2)));
/// ```
#[track_caller]
pub fn spawn_later<F, T>(delay: Duration, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn_later(delay, f).expect("failed to spawn a green thread")
}

/// The calling thread: the green thread, or the OS thread where there is none.
#[must_use]
pub fn current() -> Thread {
    Thread::current()
}

/// Lets other green threads of this worker run, and timers fire. On a plain OS thread this is
/// [`std::thread::yield_now`].
///
/// A green thread that was killed unwinds here.
#[inline]
pub fn yield_now() {
    engine::yield_now();
}

/// Gives memory back to the system that the calling green thread's stack has needed and does not
/// need now.
///
/// A stack keeps the pages that were once touched for as long as its green thread lives. One that
/// is to wait for long, after calls that went deep, keeps less for thousands of its kind this way.
/// It costs a system call, and a page fault for each page that is needed again: not for what waits
/// for milliseconds. Never blocks; on a plain OS thread it does nothing.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// thread::spawn(|| {
///     let settings = format!("{:?}", std::env::vars().collect::<Vec<_>>());
///     thread::trim_stack();
///     thread::park();
///     settings.len()
/// })
/// .thread()
/// .unpark();
/// ```
pub fn trim_stack() {
    engine::trim_own_stack();
}

/// Calls `body` on a stack that the green threads of a worker use in turn.
///
/// For what goes deep each time that a green thread runs, while the rest of it is shallow: polling
/// a future of layers, parsing, encryption. Among thousands of green threads each finds its own
/// stack cold, and keeps the pages that it has touched; the lent one is warm, for its neighbour has
/// just used it. It costs some nanoseconds, where a call of [`trim_stack`] costs a system call.
///
/// `body` may wait: it keeps the lent stack then, which is as large as the default of the runtime,
/// and others are lent another one. A panic passes through, and so does a kill. Where nothing can
/// be lent `body` is simply called: on plain OS threads, inside of another such call, and on green
/// threads with a stack size or thread-locals of their own.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// let sum = thread::spawn(|| {
///     thread::on_lent_stack(|| {
///         let block = std::hint::black_box([1_u8; 32 << 10]);
///         block.iter().map(|&byte| u32::from(byte)).sum::<u32>()
///     })
/// });
/// assert_eq!(sum.join().unwrap(), 32 << 10);
/// ```
#[inline]
pub fn on_lent_stack<T>(body: impl FnOnce() -> T) -> T {
    engine::on_lent_stack(body)
}

/// Blocks the calling thread for at least `duration`.
///
/// As [`std::thread::sleep`]. Precise below a millisecond.
pub fn sleep(duration: Duration) {
    match time::now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        None => {
            let _waiting = WaitingFor::new(&SLEEP);
            while !wait_until(None) {}
        }
    }
}

/// Blocks the calling thread until `deadline` has passed. Returns at once if it has.
pub fn sleep_until(deadline: Instant) {
    if !engine::is_on_green_thread() && !engine::is_limited() {
        return std::thread::sleep(deadline.saturating_duration_since(time::now()));
    }
    let _waiting = WaitingFor::new(&SLEEP);
    while !wait_until(Some(deadline)) {}
}

/// As [`std::thread::sleep_ms`].
#[deprecated(note = "replaced by `sleep`")]
pub fn sleep_ms(milliseconds: u32) {
    sleep(Duration::from_millis(u64::from(milliseconds)));
}

/// Blocks the calling thread until its permit is given by [`Thread::unpark`], or consumes one that
/// was given before.
///
/// As [`std::thread::park`]; may return for no reason.
pub fn park() {
    let current = current();
    let _waiting = WaitingFor::new(&PARK);
    while !current.take_permit() && !wait_until(None) {}
}

/// [`park`] for at most `duration`.
///
/// As [`std::thread::park_timeout`].
pub fn park_timeout(duration: Duration) {
    let deadline = time::now().checked_add(duration);
    let current = current();
    let _waiting = WaitingFor::new(&PARK);
    while !current.take_permit() && !wait_until(deadline) {}
}

/// As [`std::thread::park_timeout_ms`].
#[deprecated(note = "replaced by `park_timeout`")]
pub fn park_timeout_ms(milliseconds: u32) {
    park_timeout(Duration::from_millis(u64::from(milliseconds)));
}

/// True once `deadline` has passed; false whenever the thread was unparked before. A kill that
/// comes while the thread unwinds anyway ends every wait at once.
fn wait_until(deadline: Option<Instant>) -> bool {
    match engine::park_until(deadline) {
        engine::Outcome::Woken => false,
        engine::Outcome::TimedOut => true,
        engine::Outcome::Killed if panicking() => true,
        engine::Outcome::Killed => engine::unwind(),
    }
}
