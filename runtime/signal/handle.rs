//! The handle by which others act on a `Signals`.

use super::shared::Shared;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A handle to a [`Signals`](super::Signals). Cheap to clone; it keeps nothing installed.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::signal::{SIGUSR1, Signals};
/// use greenstd_runtime::thread;
///
/// let signals = Signals::new([SIGUSR1])?;
/// let handle = signals.handle();
/// let listener = thread::spawn(move || signals.forever().count());
/// handle.close();
/// assert_eq!(listener.join().expect("it does not panic"), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

impl Handle {
    /// Ends the listening: signals do again what they did before, and all waits end once what was
    /// heard so far is taken. Never blocks.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether it was closed, or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Has the `Signals` listen for one more signal, as
    /// [`Signals::add_signal`](super::Signals::add_signal) does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_signal(&self, signal: c_int) -> io::Result<()> {
        self.shared.add_signal(signal)
    }
}

// As for `Signals`.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}
