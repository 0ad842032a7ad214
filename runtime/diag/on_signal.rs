//! Dumps when a signal comes: what Java and Go do at SIGQUIT, here only if it is asked for.

use super::{Dump, Options};
use crate::park::ServiceThread;
use crate::signal::{Handle, Signals};
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// Dumps at a signal, until this is dropped: see [`dump_on`].
#[derive(Debug)]
#[must_use = "no signal is heard any more when this is dropped"]
pub struct DumpOnSignal {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Has a [`dump`](super::dump) with the stacks of parked green threads be written to the standard
/// error each time that `signal` comes, such as [`SIGQUIT`](crate::signal::SIGQUIT), which Ctrl-\\
/// sends. The process goes on.
///
/// An OS thread waits for the signal and makes the dump, so it comes even if every worker is held.
/// Works on threads of either kind. Others who listen for the signal hear it, too; its default
/// action is off until what is returned is dropped.
///
/// # Errors
///
/// As [`Signals::new`], and those of a thread's start.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, signal};
///
/// let _dumps = diag::dump_on(signal::SIGQUIT)?;
/// // The work of the program.
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn dump_on(signal: i32) -> io::Result<DumpOnSignal> {
    dump_on_with(signal, Options::new().stacks(true), |dump| {
        // At once, so that lines of others do not come in between; nobody could be told of errors.
        let _ = io::stderr().write_all(format!("{dump}\n").as_bytes());
    })
}

/// [`dump_on`] with other [`Options`], whose dumps go to `sink`, which is called on the OS thread
/// that waits for the signal.
///
/// # Errors
///
/// As [`dump_on`].
pub fn dump_on_with(
    signal: i32,
    options: Options,
    mut sink: impl FnMut(&Dump) + Send + 'static,
) -> io::Result<DumpOnSignal> {
    let signals = Signals::new([signal])?;
    let handle = signals.handle();
    let (started, is_started) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("greenstd-dump".into()).spawn(move || {
        // It wakes nobody.
        let _service = ServiceThread::new();
        let _ = started.send(());
        signals.forever().for_each(|_| sink(&options.dump()));
    })?;
    // Sent in any case, unless it has panicked, which is no reason to wait.
    let _ = is_started.recv();
    Ok(DumpOnSignal { handle, thread: Some(thread) })
}

impl Drop for DumpOnSignal {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A sink that has panicked was heard of then.
            let _ = thread.join();
        }
    }
}
