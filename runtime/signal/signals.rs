//! `Signals`: a listener for some signals.

use super::arm::SignalsArm;
use super::handle::Handle;
use super::iter::{Forever, IntoIter, Pending};
use super::shared::Shared;
use crate::park;
use crate::select::{Outcome, Waitable};
use std::borrow::Borrow;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hears of signals, and gives them to whoever waits.
///
/// It hears from when it is made until it is dropped or closed, also while nobody waits. What was
/// heard and not taken is given to the next who asks; signals of one kind that come meanwhile are
/// one. Several signals that wait to be taken come in no particular order, and each in its turn.
///
/// Waits park a green thread and block an OS thread. If a green thread is killed while it waits it
/// unwinds there, and so does any thread whose timeout scope expires: no signal is taken then. All
/// calls may be made by several threads at once; a signal goes to one of them. In a
/// [`select!`](crate::select!) it is an arm of its own: what it gives there is what
/// [`wait`](Signals::wait) gives.
///
/// Dropping it gives each signal back to whatever was done with it before, if nobody else listens;
/// what was heard and not taken is gone. The calls are those of signal-hook's type of that name.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::signal::{SIGHUP, SIGTERM, Signals};
/// use greenstd_runtime::{channel, select};
/// use std::time::Duration;
///
/// let signals = Signals::new([SIGHUP, SIGTERM])?;
/// select! {
///     wait(signals) -> signal => println!("got {signal:?}"),
///     recv(channel::after(Duration::from_millis(1))) => println!("nothing so far"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Signals {
    shared: Arc<Shared>,
}

/// A signal, and what is known of where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalInfo {
    /// The number of the signal.
    pub signal: c_int,
    /// Who has sent it, the last one if several came; for SIGCHLD the child. `None` if that was
    /// the kernel, as for Ctrl-C in a terminal.
    pub process: Option<Process>,
}

/// The sender of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its real user id.
    pub uid: u32,
}

impl Signals {
    /// Begins to listen for `signals`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a number that is no signal, and for those that cannot be listened for:
    /// SIGKILL and SIGSTOP, and the faults SIGSEGV, SIGBUS, SIGILL and SIGFPE. The system's if
    /// there are no descriptors left; it takes two. Then nothing has changed.
    pub fn new<I>(signals: I) -> io::Result<Signals>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        // Made first: if one of the signals is refused it is dropped, and with it the others.
        let all = Signals { shared: Arc::new(Shared::new()?) };
        for signal in signals {
            all.add_signal(*signal.borrow())?;
        }
        Ok(all)
    }

    /// Begins to listen for one more signal. Does nothing if it is listened for already.
    ///
    /// # Errors
    ///
    /// As [`new`](Signals::new), and `BrokenPipe` once it is closed. The others are heard as
    /// before.
    pub fn add_signal(&self, signal: c_int) -> io::Result<()> {
        self.shared.add_signal(signal)
    }

    /// Blocks the calling thread until a signal has come, and takes it. `None` once this was
    /// [closed](Handle::close) and all is taken.
    ///
    /// # Panics
    ///
    /// If the system refuses to watch one more descriptor (`fs.epoll.max_user_watches`). That goes
    /// for all waits here.
    pub fn wait(&self) -> Option<c_int> {
        self.receive(None).map(|info| info.signal)
    }

    /// [`wait`](Signals::wait) for at most `timeout`. `None` if nothing came in time, too.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<c_int> {
        self.receive(park::deadline(timeout)).map(|info| info.signal)
    }

    /// [`wait`](Signals::wait) until `deadline`. `None` if nothing came in time, too.
    pub fn wait_until(&self, deadline: Instant) -> Option<c_int> {
        self.receive(Some(deadline)).map(|info| info.signal)
    }

    /// [`wait`](Signals::wait), for at most `timeout` if one is given, that tells who has sent the
    /// signal, as sigwaitinfo(2) does.
    pub fn wait_info(&self, timeout: impl Into<Option<Duration>>) -> Option<SignalInfo> {
        self.receive(park::deadline(timeout))
    }

    /// The signals that have come, as an iterator that takes them. Never blocks.
    pub fn pending(&self) -> Pending<'_> {
        Pending { signals: self }
    }

    /// All signals as they come, as an iterator that waits for them. It ends once this was closed.
    pub fn forever(&self) -> Forever<'_> {
        Forever { signals: self }
    }

    /// A handle, by which others can close this or add signals to it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone() }
    }

    /// Whether this was closed. What was heard before may still be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn receive(&self, deadline: Option<Instant>) -> Option<SignalInfo> {
        self.shared.wait(deadline)?.ok()
    }

    pub(super) fn take_pending(&self) -> Option<SignalInfo> {
        self.shared.look()?.ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// A wait takes a signal, as [`wait`](Signals::wait) does. `None` once this was closed.
impl Waitable for Signals {
    type Output = Option<c_int>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = Option<c_int>> + 'a> {
        Box::new(SignalsArm::new(&self.shared))
    }
}

impl<'a> IntoIterator for &'a Signals {
    type Item = c_int;
    type IntoIter = Forever<'a>;

    fn into_iter(self) -> Forever<'a> {
        self.forever()
    }
}

impl IntoIterator for Signals {
    type Item = c_int;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { signals: self }
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl UnwindSafe for Signals {}
impl RefUnwindSafe for Signals {}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Signals");
        debug.field("signals", &self.shared.signals()).field("is_closed", &self.is_closed());
        debug.finish_non_exhaustive()
    }
}
