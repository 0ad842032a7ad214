//! The readiness of a descriptor as something to wait for together with other things.
//!
//! The descriptor is registered with the reactor of the calling worker for the time of the wait;
//! for a plain OS thread with one of the global runtime. Its event grants nothing: it wakes the
//! waiter, who asks `poll(2)`.

use super::{Outcome, Waitable};
use crate::engine::{self, Interest, Source, Waiter};
use crate::park::{Arm, Choice};
use crate::readiness::Watch;
use crate::time;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// A direction of a descriptor, to be waited for: [`readable`], [`writable`].
#[derive(Clone, Copy, Debug)]
pub struct Readiness<'fd> {
    fd: BorrowedFd<'fd>,
    interest: Interest,
}

/// A wait until `fd` is readable, at its end, or in error; it reads nothing.
///
/// For descriptors of any kind that `poll(2)` takes. What it gives is `Ok(())`, or the error of
/// `poll(2)` or `epoll_ctl(2)`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{channel, select};
/// use std::io::Write;
/// use std::time::Duration;
///
/// let (reader, mut writer) = std::io::pipe().unwrap();
/// writer.write_all(b"x").unwrap();
/// select! {
///     wait(select::readable(&reader)) -> outcome => outcome.unwrap(),
///     recv(channel::after(Duration::from_secs(60))) => panic!("a minute without a byte"),
/// }
/// ```
pub fn readable<F: AsFd>(fd: &F) -> Readiness<'_> {
    Readiness { fd: fd.as_fd(), interest: Interest::Read }
}

/// A wait until `fd` is writable or in error. As [`readable`].
pub fn writable<F: AsFd>(fd: &F) -> Readiness<'_> {
    Readiness { fd: fd.as_fd(), interest: Interest::Write }
}

impl Waitable for Readiness<'_> {
    type Output = io::Result<()>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = io::Result<()>> + 'a> {
        Box::new(self.into_arm())
    }
}

impl<'fd> Readiness<'fd> {
    /// The arm itself, for arms that are built on it.
    pub(crate) fn into_arm(self) -> ReadinessArm<'fd> {
        ReadinessArm { of: self, watch: None, output: None }
    }

    /// The arm itself, for arms of other crates that are built on it.
    #[doc(hidden)]
    #[must_use]
    pub fn boxed_arm(self) -> Box<dyn Outcome<Output = io::Result<()>> + 'fd> {
        Box::new(self.into_arm())
    }
}

pub(crate) struct ReadinessArm<'fd> {
    of: Readiness<'fd>,
    watch: Option<Watch>,
    output: Option<io::Result<()>>,
}

impl ReadinessArm<'_> {
    fn source(&self) -> Option<&Source> {
        self.watch.as_ref().map(Watch::source)
    }

    /// Registers the descriptor, anew if the worker whose reactor it was has ended.
    fn register(&mut self) -> io::Result<()> {
        if self.watch.as_ref().is_none_or(Watch::is_closed) {
            self.watch = None;
            self.watch = Some(Watch::new(self.of.fd.as_raw_fd())?);
        }
        Ok(())
    }
}

impl Arm for ReadinessArm<'_> {
    fn name(&self) -> &'static str {
        match self.of.interest {
            Interest::Read => "read",
            Interest::Write => "write",
        }
    }

    fn try_now(&mut self) -> bool {
        if self.output.is_some() {
            // `link` has failed.
            return true;
        }
        // Before the look that it is judged by, as in `Fd::retry`.
        let seen = self.source().map(|source| source.observe());
        match engine::poll(self.of.fd.as_raw_fd(), self.of.interest, Some(time::now())) {
            Ok(false) => {
                if let (Some(source), Some(seen)) = (self.source(), seen) {
                    source.clear_blocked(seen, self.of.interest);
                }
            }
            Ok(true) => self.output = Some(Ok(())),
            Err(error) => self.output = Some(Err(error)),
        }
        self.output.is_some()
    }

    fn link(&mut self, _choice: &Choice<'_>) -> bool {
        if let Err(error) = self.register() {
            self.output = Some(Err(error));
            return false;
        }
        self.source().is_some_and(|source| source.enqueue(self.of.interest, Waiter::current()))
    }

    fn unlink(&mut self) {
        if let Some(source) = self.source() {
            source.dequeue(self.of.interest, Waiter::is_current);
        }
    }

    fn complete(&mut self) {}

    fn is_ready(&mut self) -> bool {
        self.source().is_some_and(|source| source.observe().is_ready(self.of.interest))
    }
}

impl Outcome for ReadinessArm<'_> {
    type Output = io::Result<()>;

    fn take_output(&mut self) -> Option<io::Result<()>> {
        self.output.take()
    }
}
