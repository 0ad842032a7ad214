//! A child process.

use super::exit::Exit;
use super::{ChildStderr, ChildStdin, ChildStdout, Communication};
use crate::park::deadline;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::{self, ExitStatus, Output};
use std::time::{Duration, Instant};

/// A child process: `std::process::Child`, whose waits park.
///
/// Works on green threads and on plain OS threads. Dropping it neither kills the child nor reaps
/// it, as in std: a child that nobody waits for stays a zombie until its parent exits. A wait that
/// is ended by a timeout, a kill or a timeout scope leaves the child as it is, to be waited for
/// again.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::Command;
/// use std::time::Duration;
///
/// let mut child = Command::new("sleep").arg("60").spawn()?;
/// assert_eq!(child.wait_timeout(Duration::from_millis(5))?, None);
/// child.kill()?;
/// assert!(!child.wait()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Child {
    /// The pipe to its standard input, if that is piped.
    pub stdin: Option<ChildStdin>,
    /// The pipe from its standard output, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// The pipe from its standard error, if that is piped.
    pub stderr: Option<ChildStderr>,
    inner: process::Child,
    exit: Option<Exit>,
}

impl Child {
    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Kills the child by `SIGKILL`. It is to be waited for all the same. `Ok` if it has been
    /// waited for already. Never blocks.
    ///
    /// # Errors
    ///
    /// Those of `kill(2)`.
    pub fn kill(&mut self) -> io::Result<()> {
        self.inner.kill()
    }

    /// Closes its standard input, and blocks the calling thread until it has exited.
    ///
    /// Whoever was told once is told the same again. What the child has started, and what that
    /// does with its pipes, is not waited for.
    ///
    /// # Errors
    ///
    /// `ECHILD` if somebody else has reaped the child; those of `epoll_ctl(2)` and `poll(2)`.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        loop {
            if let Some(status) = self.wait_until(None)? {
                return Ok(status);
            }
        }
    }

    /// [`wait`](Child::wait) for at most `timeout`; `None` if it has not exited by then. Its
    /// standard input stays open, so that the call can be repeated.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.wait_until(deadline(timeout))
    }

    /// [`wait_timeout`](Child::wait_timeout) until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Child::wait).
    pub fn wait_deadline(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        self.wait_until(Some(deadline))
    }

    /// How it has exited, if it has. Never blocks.
    ///
    /// # Errors
    ///
    /// `ECHILD` if somebody else has reaped the child.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Closes its standard input, and blocks the calling thread until its outputs, as far as they
    /// are piped, have come to their ends and it has exited.
    ///
    /// Both outputs are read at once, by the calling thread. They end once everybody has closed
    /// them, whom the child has started included: for a bound there is
    /// [`communicate`](Child::communicate).
    ///
    /// # Errors
    ///
    /// Those of reading and of [`wait`](Child::wait).
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        self.communicate(Vec::new()).finish()
    }

    /// What feeds `input` to the child while it collects the outputs, with deadlines.
    pub fn communicate(self, input: impl Into<Vec<u8>>) -> Communication {
        Communication::new(self, input.into())
    }

    /// std's own type, with the pipes that are there.
    #[must_use]
    pub fn into_std(mut self) -> process::Child {
        self.inner.stdin = self.stdin.map(Into::into);
        self.inner.stdout = self.stdout.map(Into::into);
        self.inner.stderr = self.stderr.map(Into::into);
        self.inner
    }

    fn wait_until(&mut self, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        if let Some(status) = self.inner.try_wait()? {
            return Ok(Some(status));
        }
        let exit = match &mut self.exit {
            Some(exit) => exit,
            none => none.insert(Exit::of(&self.inner)?),
        };
        exit.wait(&mut self.inner, deadline)
    }
}

// A wait that unwinds leaves the child as it is.
impl UnwindSafe for Child {}
impl RefUnwindSafe for Child {}

impl From<process::Child> for Child {
    /// Takes a child over from std, with its pipes.
    fn from(mut inner: process::Child) -> Child {
        Child {
            stdin: inner.stdin.take().map(Into::into),
            stdout: inner.stdout.take().map(Into::into),
            stderr: inner.stderr.take().map(Into::into),
            inner,
            exit: None,
        }
    }
}

impl From<Child> for process::Child {
    fn from(child: Child) -> process::Child {
        child.into_std()
    }
}
