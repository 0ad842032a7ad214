//! Ending green threads from outside, many at once, and holding such ends off.

use crate::engine::{self, Thread};
use std::io;
use std::time::Duration;

/// Kills green threads, each once, and blocks the calling thread, of either kind, until all of them
/// have ended, or until `timeout` has passed; `None` never does. True if all have ended.
///
/// Takes handles of any kind, or [`Thread`]s. Those that have not started never will. What is said
/// at [`Thread::kill`] holds for each of them. The calling green thread may be one of them: it
/// unwinds here.
///
/// As gevent's `killall`, but for the return value, which is the same as that of `kill_and_wait`.
///
/// # Errors
///
/// As [`Thread::kill`]; the others are killed all the same, but not waited for.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::time::Duration;
///
/// let sleepers: Vec<_> =
///     (0..10).map(|_| thread::spawn(|| thread::sleep(Duration::MAX))).collect();
/// assert!(thread::kill_all(&sleepers, Duration::from_secs(60))?);
/// assert!(sleepers.into_iter().all(|sleeper| sleeper.join().is_err()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn kill_all<'a, H>(
    handles: impl IntoIterator<Item = &'a H>,
    timeout: impl Into<Option<Duration>>,
) -> io::Result<bool>
where
    H: AsRef<Thread> + 'a,
{
    let deadline = engine::deadline(timeout);
    let threads: Vec<&Thread> = handles.into_iter().map(AsRef::as_ref).collect();
    let mut outcome = Ok(());
    for thread in &threads {
        outcome = outcome.and(thread.kill());
    }
    outcome?;
    // Each is waited for, even when the time is up: those that have ended by then count.
    Ok(threads.iter().all(|thread| thread.wait_until(deadline)))
}

/// Calls `body`, whose waits neither a kill nor a timeout around it ends. Both take effect at the
/// first blocking call afterwards. Shields nest.
///
/// For what must not be left half done: a farewell to a peer, a transaction, giving back what was
/// borrowed. Whoever kills waits as long as the shield lasts. Timeout scopes opened inside are held
/// off as well; deadlines of single calls hold. Works on threads of either kind.
///
/// As trio's shielded scope.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let (sender, receiver) = mpsc::channel();
/// let handle = thread::spawn(move || {
///     thread::shield(|| {
///         thread::sleep(Duration::from_millis(1));
///         sender.send("done").expect("it is received");
///     });
///     thread::park();
/// });
/// while !handle.kill_and_wait(Duration::from_millis(5))? {}
/// // Killed before its start, or after the shield, but not in between.
/// assert!(matches!(receiver.recv(), Ok("done") | Err(_)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn shield<T>(body: impl FnOnce() -> T) -> T {
    engine::shield(body)
}
