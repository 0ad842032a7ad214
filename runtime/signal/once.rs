//! Waits for one signal, once.

use super::SIGINT;
use super::signals::Signals;
use std::ffi::c_int;
use std::io;

/// Blocks the calling thread until `signal` has come.
///
/// Only a signal counts that comes during the call; before and after it the process does with it
/// what it did before. For more than one signal, for a wait with a limit or in a
/// [`select!`](crate::select!), and wherever a signal between two waits must not be lost, make a
/// [`Signals`].
///
/// A green thread is parked, and an OS thread blocked. If a green thread is killed meanwhile it
/// unwinds here, and so does any thread whose timeout scope expires.
///
/// # Errors
///
/// As [`Signals::new`].
///
/// # Examples
///
/// ```no_run
/// use greenstd_runtime::signal::{self, SIGUSR1};
///
/// signal::wait(SIGUSR1)?;
/// println!("told to go on");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait(signal: c_int) -> io::Result<()> {
    let signals = Signals::new([signal])?;
    // There is nothing but the signal: nobody else can close what is not known to anybody.
    signals.wait();
    Ok(())
}

/// [`wait`] for SIGINT, which Ctrl-C in a terminal sends.
///
/// As tokio's function of that name, but for the default action, which is back when this returns:
/// the next Ctrl-C ends the process.
///
/// # Errors
///
/// As [`Signals::new`].
///
/// # Examples
///
/// ```no_run
/// use greenstd_runtime::signal;
///
/// println!("working until Ctrl-C");
/// signal::ctrl_c()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    wait(SIGINT)
}
