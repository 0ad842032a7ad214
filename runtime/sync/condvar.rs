//! `std::sync::Condvar` for threads of either kind.

use super::mutex::MutexGuard;
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited, Wakeups};
use crate::time;
use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError};
use std::time::{Duration, Instant};

static WAIT: Reason = Reason("Condvar::wait");

/// A condition that threads wait for, green threads or OS threads, together with a
/// [`Mutex`](super::Mutex).
///
/// As [`std::sync::Condvar`]. Waiters are notified in the order in which they came, and one
/// notification lets exactly one of them go on; still a wait is to be put into a loop, or into
/// [`wait_while`](Condvar::wait_while), for another thread may have come in between.
///
/// A kill, and a [timeout scope](crate::time::timeout) that expires, unwind out of a wait. The
/// mutex is not held then and is not poisoned: the wait has given it up. A notification that meets
/// a waiter in that moment goes to the next one.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::{Condvar, Mutex}, thread};
///
/// static READY: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
///
/// thread::spawn(|| {
///     *READY.0.lock().unwrap() = true;
///     READY.1.notify_one();
/// });
/// let ready = READY.1.wait_while(READY.0.lock().unwrap(), |ready| !*ready).unwrap();
/// assert!(*ready);
/// ```
pub struct Condvar {
    line: Mutex<Line<Notice>>,
}

/// Whether a wait with a timeout ended because of that.
///
/// As [`std::sync::WaitTimeoutResult`], which nobody else can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

/// For whom a notification was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    One,
    All,
}

impl WaitTimeoutResult {
    /// Whether the timeout has passed, and no notification came.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Condvar {
    /// Makes a condition for which nobody waits.
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar { line: Mutex::new(Line::new()) }
    }

    /// Gives the mutex up and blocks the calling thread until it is notified; then locks the mutex
    /// again.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the mutex is poisoned by then.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, None).0
    }

    /// [`wait`](Condvar::wait) for as long as `condition` is true; not at all if it is not.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// [`wait`](Condvar::wait) for at most `dur`, not counting the wait for the mutex.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (locked, timed_out) = self.wait_until(guard, time::now().checked_add(dur));
        let result = WaitTimeoutResult(timed_out);
        match locked {
            Ok(guard) => Ok((guard, result)),
            Err(error) => Err(PoisonError::new((error.into_inner(), result))),
        }
    }

    /// As [`std::sync::Condvar::wait_timeout_ms`]. The value is false if it timed out.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    #[deprecated(note = "replaced by `wait_timeout`")]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_timeout_ms<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        match self.wait_timeout(guard, Duration::from_millis(u64::from(ms))) {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(error) => {
                let (guard, result) = error.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
            }
        }
    }

    /// [`wait_while`](Condvar::wait_while) for at most `dur`. It has timed out only if `condition`
    /// is still true then.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_timeout_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        dur: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = time::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let left = dur.saturating_sub(time::now() - start);
            // A virtual clock stands still where another one would go past the deadline.
            if left.is_zero() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// Lets the one who has waited longest go on, if anybody waits. Never blocks.
    pub fn notify_one(&self) {
        let mut line = self.line.lock();
        let granted = line.grant(|notice| *notice = Notice::One);
        drop(line);
        // Whom it was granted is woken here, outside of the lock.
        drop(granted);
    }

    /// Lets all go on who wait now. Never blocks.
    pub fn notify_all(&self) {
        let mut line = self.line.lock();
        let mut wakeups = Wakeups::new();
        // All at once: whoever waits again is not notified again.
        while let Some(((), wakeup)) = line.grant(|notice| *notice = Notice::All) {
            wakeups.push(wakeup);
        }
        drop(line);
        drop(wakeups);
    }

    /// True if it was the deadline that ended the wait.
    #[cfg_attr(debug_assertions, track_caller)]
    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (LockResult<MutexGuard<'a, T>>, bool) {
        let (suspended, held) = guard.suspend();
        let line = self.line.lock();
        // Under the lock of the line: who locks the mutex next and notifies finds the caller there.
        drop(held);
        let ask = Ask::new(&WAIT, deadline);
        let waited = park::wait_in_line(&self.line, line, |line| line, Notice::All, ask);
        let Waited::Granted(notice) = waited else { return (suspended.resume(), true) };
        /// Has the next one notified in place of a waiter that ends before it goes on.
        struct PassOn<'c>(&'c Condvar);
        impl Drop for PassOn<'_> {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let duty = (notice == Notice::One).then(|| PassOn(self));
        if park::is_to_end() && !std::thread::panicking() {
            let _ = park::unwind_killed();
        }
        let guard = suspended.resume();
        mem::forget(duty);
        (guard, false)
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
