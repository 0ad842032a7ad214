//! Ending the process at the second of two signals that ask for its end.

use crate::engine::Caught;
use std::borrow::Borrow;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the process at the second signal, until it is dropped: [`exit_on_second`].
#[must_use = "dropping it ends what it is for"]
pub struct ExitOnSecond {
    has_come: Arc<AtomicBool>,
    _caught: Vec<Caught>,
}

/// Has the second of `signals`, whichever they are, end the process at once.
///
/// For a program that ends in an orderly way when it is first asked to: if that takes too long, or
/// hangs, who asks again is obeyed by the signal handler itself, whatever the threads do. The exit
/// status is 128 and the number of the signal, as shells have it; nothing is flushed and no
/// destructor runs. The first signal only counts. To hear of it, make a
/// [`Signals`](super::Signals), too.
///
/// What is counted begins with this call and ends with the drop of what it returns. Never blocks;
/// works on threads of either kind. As signal-hook's `register_conditional_shutdown`.
///
/// # Errors
///
/// As [`Signals::new`](super::Signals::new).
///
/// # Examples
///
/// ```no_run
/// use greenstd_runtime::signal::{self, SIGINT, SIGTERM, Signals};
///
/// let signals = Signals::new([SIGINT, SIGTERM])?;
/// let _impatience = signal::exit_on_second([SIGINT, SIGTERM])?;
/// signals.wait();
/// // Tidies up, which a second signal cuts short.
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn exit_on_second<I>(signals: I) -> io::Result<ExitOnSecond>
where
    I: IntoIterator<Item: Borrow<c_int>>,
{
    let has_come = Arc::new(AtomicBool::new(false));
    let mut numbers: Vec<c_int> = signals.into_iter().map(|signal| *signal.borrow()).collect();
    // A signal that is named twice is to be counted once.
    numbers.sort_unstable();
    numbers.dedup();
    let caught = numbers.into_iter().map(|signal| Caught::exit_on_second(signal, &has_come));
    let _caught = caught.collect::<io::Result<_>>()?;
    Ok(ExitOnSecond { has_come, _caught })
}

impl ExitOnSecond {
    /// Whether the first signal has come: the next one ends the process.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.has_come.load(Ordering::Relaxed)
    }

    /// Forgets a first signal that has come.
    pub fn disarm(&self) {
        self.has_come.store(false, Ordering::Relaxed);
    }
}

impl fmt::Debug for ExitOnSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitOnSecond").field("is_armed", &self.is_armed()).finish_non_exhaustive()
    }
}
