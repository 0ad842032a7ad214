//! Feeding a child and collecting what it writes, with deadlines.

use super::Child;
use super::pipes::End;
use crate::fd::{Fd, Interest, wait_for_any};
use crate::io::Stream;
use crate::park;
use crate::park::deadline;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::mem;
use std::process::{ExitStatus, Output};
use std::time::{Duration, Instant};

/// What is read at once: a pipe's capacity.
const READ_AT_ONCE_BYTES: usize = 64 * 1024;

/// The exchange with a child: writes its input, reads both outputs at once, and waits for its exit.
/// Made by [`Child::communicate`].
///
/// A call that ends early, by its timeout, an error, a kill or a timeout scope, loses nothing: the
/// next one goes on where it has left off. All is done by the calling thread, a green thread or a
/// plain OS thread.
///
/// That the child closes its input early is no error, as in Python's `Popen.communicate`, of which
/// this is the counterpart.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::{Command, Stdio};
/// use std::time::Duration;
///
/// let child = Command::new("sh")
///     .args(["-c", "cat; exec sleep 60"])
///     .stdin(Stdio::piped())
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let mut communication = child.communicate("some text");
/// let early = communication.finish_timeout(Duration::from_millis(300)).unwrap_err();
/// assert_eq!(early.stdout, b"some text");
/// communication.child_mut().kill()?;
/// let output = communication.finish()?;
/// assert!(output.stdout.is_empty() && !output.status.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Communication {
    child: Child,
    input: Vec<u8>,
    sent: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<ExitStatus>,
}

/// Why an exchange with a child has not come to its end in time, and what there was until then.
#[derive(Debug)]
#[non_exhaustive]
pub struct PartialOutput {
    /// `TimedOut`, or the error that came first.
    pub error: io::Error,
    /// What the child has written since the last call.
    pub stdout: Vec<u8>,
    /// The same of its standard error.
    pub stderr: Vec<u8>,
}

impl Communication {
    pub(super) fn new(child: Child, input: Vec<u8>) -> Communication {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Communication { child, input, sent: 0, stdout, stderr, status: None }
    }

    /// Blocks the calling thread until both outputs, as far as they are piped, have come to their
    /// ends and the child has exited. What the former calls have not given is in the output.
    ///
    /// # Errors
    ///
    /// Those of the pipes and of [`Child::wait`]. What was read by then stays for the next call.
    pub fn finish(&mut self) -> io::Result<Output> {
        let status = self.exchange(None)?;
        Ok(self.output(status))
    }

    /// [`finish`](Communication::finish) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// What has come so far, if that is not all. Outputs that are held open by others keep the
    /// exchange from its end, even if the child itself has exited.
    pub fn finish_timeout(&mut self, timeout: Duration) -> Result<Output, PartialOutput> {
        self.finish_until(deadline(timeout))
    }

    /// [`finish_timeout`](Communication::finish_timeout) until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`finish_timeout`](Communication::finish_timeout).
    pub fn finish_deadline(&mut self, deadline: Instant) -> Result<Output, PartialOutput> {
        self.finish_until(Some(deadline))
    }

    /// The child, to be looked at or killed.
    pub fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends the exchange. What was read and not yet given is dropped.
    #[must_use]
    pub fn into_child(self) -> Child {
        self.child
    }

    fn finish_until(&mut self, deadline: Option<Instant>) -> Result<Output, PartialOutput> {
        match self.exchange(deadline) {
            Ok(status) => Ok(self.output(status)),
            Err(error) => Err(PartialOutput {
                error,
                stdout: mem::take(&mut self.stdout),
                stderr: mem::take(&mut self.stderr),
            }),
        }
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        let (stdout, stderr) = (mem::take(&mut self.stdout), mem::take(&mut self.stderr));
        Output { status, stdout, stderr }
    }

    fn exchange(&mut self, deadline: Option<Instant>) -> io::Result<ExitStatus> {
        loop {
            park::spend_budget();
            let has_moved = self.send()? | self.receive()?;
            let Child { stdin, stdout, stderr, .. } = &self.child;
            if stdin.is_none() && stdout.is_none() && stderr.is_none() {
                break;
            }
            if has_moved {
                continue;
            }
            let pipes = [
                stdin.as_ref().map(|end| (end.stream(), Interest::Write)),
                stdout.as_ref().map(|end| (end.stream(), Interest::Read)),
                stderr.as_ref().map(|end| (end.stream(), Interest::Read)),
            ];
            let waits: Vec<(&Fd, Interest)> = pipes
                .into_iter()
                .flatten()
                .map(|(stream, interest)| (stream.waits(), interest))
                .collect();
            if !wait_for_any(&waits, deadline)? {
                // Once more, for what came while the worker was late.
                self.send()?;
                self.receive()?;
                let Child { stdin, stdout, stderr, .. } = &self.child;
                if stdin.is_some() || stdout.is_some() || stderr.is_some() {
                    return Err(timed_out());
                }
            }
        }
        if self.status.is_none() {
            self.status = match deadline {
                None => Some(self.child.wait()?),
                Some(deadline) => self.child.wait_deadline(deadline)?,
            };
        }
        self.status.ok_or_else(timed_out)
    }

    /// Writes what the child takes of its input, and closes that in the end. True if it took some.
    fn send(&mut self) -> io::Result<bool> {
        let Some(stdin) = &self.child.stdin else { return Ok(false) };
        let mut has_moved = false;
        while self.sent < self.input.len() {
            let rest = &self.input[self.sent..];
            match stdin.stream().try_write(rest) {
                Ok(count) => {
                    self.sent += count;
                    has_moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(has_moved),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It does not want to hear more.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error),
            }
        }
        drop(self.child.stdin.take());
        Ok(true)
    }

    /// Reads what there is of both outputs, and closes those that have ended. True if there was
    /// some.
    fn receive(&mut self) -> io::Result<bool> {
        let mut has_moved = false;
        if let Some(stdout) = &self.child.stdout
            && let Some(count) = read_into(stdout.stream(), &mut self.stdout)?
        {
            has_moved = true;
            if count == 0 {
                self.child.stdout = None;
            }
        }
        if let Some(stderr) = &self.child.stderr
            && let Some(count) = read_into(stderr.stream(), &mut self.stderr)?
        {
            has_moved = true;
            if count == 0 {
                self.child.stderr = None;
            }
        }
        Ok(has_moved)
    }
}

/// Adds what can be read without waiting; none if there is nothing, 0 at the end.
fn read_into(stream: &Stream, bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let before = bytes.len();
    bytes.resize(before + READ_AT_ONCE_BYTES, 0);
    let outcome = stream.try_read(&mut bytes[before..]);
    bytes.truncate(before + outcome.as_ref().map_or(0, |count| *count));
    match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        outcome => outcome.map(Some),
    }
}

fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the child did not come to its end in time")
}

impl fmt::Display for PartialOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (self.stdout.len(), self.stderr.len());
        write!(f, "{}, after {stdout} bytes of output and {stderr} of errors", self.error)
    }
}

impl Error for PartialOutput {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<PartialOutput> for io::Error {
    fn from(partial: PartialOutput) -> io::Error {
        partial.error
    }
}
