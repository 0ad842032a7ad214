//! Calls that can only block, made by OS threads, on which no hook takes effect.
//!
//! Two pools: one for calls that end by themselves soon, and one for those that wait for somebody
//! else, which may last for ever. In the second nothing is queued: whoever finds no thread free
//! tries again later, so that nobody's wait stands in the way of the one that would end it.
//!
//! A call is either handed over with copies of all that it touches, so that a caller who is killed
//! may leave it alone; or it is *lent* what belongs to the caller, who then stays until it is over.

use crate::gate;
use crate::raw::Answer;
use crate::symbol::count_blocked;
use greenstd_runtime::blocking::{BlockingPool, Builder, JobHandle};
use greenstd_runtime::thread;
use libc::c_int;
use std::panic;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Calls at once that end by themselves: as many as the runtime's own pool has, for its reasons.
const CALLS_AT_ONCE: usize = 64;

/// Waits at once. Each costs a thread that sleeps, some 20 KiB; beyond them callers look again
/// now and then.
const WAITS_AT_ONCE: usize = 256;

/// The first pause of whoever finds nothing new, and the longest, which is short for a human.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

static CALLS: LazyLock<BlockingPool> =
    LazyLock::new(|| Builder::new().name("hooked-calls").max_threads(CALLS_AT_ONCE).build());

static WAITS: LazyLock<BlockingPool> = LazyLock::new(|| {
    Builder::new().name("hooked-waits").max_threads(WAITS_AT_ONCE).queue_limit(0).build()
});

/// Has an OS thread make a call that owns all that it touches, and parks the calling green thread
/// meanwhile. Where the system gives no thread it is made here, and counted as `blocked`.
///
/// # Errors
///
/// `ECANCELED` if the caller was killed, or its scope has expired. The call is made all the same,
/// and its result dropped.
pub(crate) fn hand_over<T: Send + 'static>(
    blocked: &AtomicU64,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, c_int> {
    gate::blocking(|| match CALLS.spawn_timeout(Duration::MAX, call) {
        Ok(job) => join(job),
        Err(refused) => {
            count_blocked(blocked);
            refused.into_inner()()
        }
    })
}

/// [`hand_over`] of a call that waits for somebody else. None if no thread is free for it.
///
/// # Errors
///
/// As [`hand_over`].
pub(crate) fn hand_over_wait<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, c_int> {
    gate::blocking(|| Some(join(WAITS.try_spawn(call).ok()?)))
}

/// Has an OS thread make a call that touches what is the caller's, whom nothing ends until that is
/// over. Where the system gives no thread it is made here, and counted as `blocked`.
pub(crate) fn lend<T>(blocked: &AtomicU64, call: impl FnOnce() -> T) -> T {
    lend_to(call, |lent| CALLS.spawn_timeout(Duration::MAX, lent).ok()).unwrap_or_else(|call| {
        count_blocked(blocked);
        call()
    })
}

/// [`lend`] of a call that waits for somebody else. The call itself if no thread is free for it.
pub(crate) fn lend_wait<T, C: FnOnce() -> T>(call: C) -> Result<T, C> {
    lend_to(call, |lent| WAITS.try_spawn(lent).ok())
}

/// Tries; then has an OS thread wait, or tries again now and then if there is none.
pub(crate) fn wait_patiently(
    mut attempt: impl FnMut() -> Answer,
    is_held: impl Fn(&Answer) -> bool,
    mut wait: impl FnMut() -> Answer,
) -> Answer {
    let mut pauses = Pauses::new();
    loop {
        let answer = attempt();
        if !is_held(&answer) {
            return answer;
        }
        match lend_wait(&mut wait) {
            // A signal that only the thread has had.
            Ok(Err(libc::EINTR)) => {}
            Ok(answer) => return answer,
            Err(_) => pauses.pause(None)?,
        }
    }
}

/// What a call is while an OS thread makes it.
type Lent = Box<dyn FnOnce() + Send>;

/// A pointer to what its owner leaves alone meanwhile.
struct Borrowed<T>(*mut T);

// SAFETY: whoever made it waits until the thread that has it is through.
unsafe impl<T> Send for Borrowed<T> {}

impl<T> Borrowed<T> {
    /// Takes the whole of it along, where a closure would take the pointer alone.
    fn pointer(&self) -> *mut T {
        self.0
    }
}

fn lend_to<T, C: FnOnce() -> T>(
    call: C,
    spawn: impl FnOnce(Lent) -> Option<JobHandle<()>>,
) -> Result<T, C> {
    let mut call = Some(call);
    let mut result = None;
    let (work, place) = (Borrowed(&raw mut call), Borrowed(&raw mut result));
    let made: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
        // SAFETY: both are alive, and nobody else's, until the job is over: see below.
        let (call, result) = unsafe { (&mut *work.pointer(), &mut *place.pointer()) };
        *result = call.take().map(|call| call());
    });
    // SAFETY: it lives no longer than this call of `lend_to`, for that waits for it, and nothing
    // unwinds it: a shield holds kills and scopes off, and whatever else may come ends the process.
    let made: Lent = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Lent>(made) };
    let stay = AbortOnUnwind;
    let outcome = gate::blocking(|| thread::shield(|| spawn(made).map(join)));
    if outcome.is_err() {
        process::abort();
    }
    std::mem::forget(stay);
    match call {
        Some(call) => Err(call),
        None => Ok(result.expect("a call that was taken has been made")),
    }
}

/// Ends the process if what is lent would be gone before its time.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        process::abort();
    }
}

fn join<T>(job: JobHandle<T>) -> T {
    job.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Ever longer pauses, for those who can but look again.
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) fn new() -> Pauses {
        Pauses(FIRST_PAUSE)
    }

    /// Parks the calling green thread for a while, at most `limit`.
    ///
    /// # Errors
    ///
    /// `ECANCELED` as in [`gate::blocking`].
    pub(crate) fn pause(&mut self, limit: Option<Duration>) -> Result<(), c_int> {
        let pause = limit.map_or(self.0, |limit| limit.min(self.0));
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        gate::blocking(|| thread::sleep(pause))
    }
}
