//! An owned descriptor whose calls park the green thread instead of blocking its worker.
//!
//! One loop serves every call of every type: try, and where the call would block, wait and try
//! again. The call itself must not block, and says `WouldBlock` instead: by `MSG_DONTWAIT`,
//! `RWF_NOWAIT` or, where no such flag exists, `O_NONBLOCK`.
//!
//! # Invariants
//!
//! 1. The registration is ended before the descriptor is closed or handed out.
//! 2. Readiness is forgotten only by a call that came after the look at it (`Seen`).
//!
//! # Spurious readiness
//!
//! A test build can have a call fail with `spurious_would_block` though there is something to do.
//! epoll is edge-triggered, and the kernel, which knows of no such failure, would not tell a second
//! time. So the descriptor is armed anew, and the whole path is taken as for a kernel that had
//! woken somebody for nothing: forget, park, be told again.

use crate::engine;
use crate::readiness::{Polled, Registration};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

pub(crate) use crate::engine::from_raw_fd;
pub use crate::readiness::Interest;

/// What a call on a stream has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many bytes it has moved.
    pub bytes: usize,
    /// Whether it proves that the descriptor is drained, or full, until epoll tells of it again.
    pub is_exhausted: bool,
}

/// An owned descriptor and its place in a worker's reactor.
///
/// Any number of threads, green or not, may wait for either direction at once; whoever is woken
/// tries again.
#[derive(Debug)]
pub struct Fd {
    /// `None` only while the value is being consumed.
    fd: Option<OwnedFd>,
    registration: Registration,
}

impl Fd {
    /// Takes a descriptor over. No system call is made.
    #[must_use]
    pub const fn new(fd: OwnedFd) -> Fd {
        Fd { fd: Some(fd), registration: Registration::new() }
    }

    /// Blocks the calling thread until the descriptor is probably ready.
    ///
    /// To be called after a call that would have blocked: on a green thread, only what has changed
    /// since is told.
    ///
    /// # Errors
    ///
    /// `TimedOut` once `deadline` has passed; those of `epoll_ctl(2)` and `poll(2)`.
    pub fn wait(&self, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
        if self.registration.wait(self.as_raw_fd(), interest, deadline)? {
            Ok(())
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    /// Runs `call` until it does something else than fail with `WouldBlock`, and blocks the calling
    /// thread between the attempts.
    ///
    /// # Errors
    ///
    /// Those of `call`, `Interrupted` among them; once `deadline` has passed, `WouldBlock`; those
    /// of `epoll_ctl(2)` and `poll(2)`.
    pub fn retry<T>(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
        call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        self.retry_inner(interest, || deadline, |_| false, call)
    }

    /// [`retry`](Fd::retry) for a call on a *stream* socket or a pipe that moves up to `wanted`
    /// bytes: a short count tells that the descriptor is drained, or full, which saves the next
    /// call its failing attempt.
    ///
    /// # Errors
    ///
    /// As [`retry`](Fd::retry).
    pub fn retry_bytes(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
        wanted: usize,
        call: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let is_drained = |&count: &usize| 0 < count && count < wanted;
        let moved = self.retry_inner(interest, || deadline, is_drained, call)?;
        if moved >= engine::BYTES_PER_IO_CALL {
            engine::spend_io_bytes(moved);
        }
        Ok(moved)
    }

    /// [`retry_bytes`](Fd::retry_bytes) for a stream whose counts prove nothing by themselves, so
    /// that the call says what they prove; and with a deadline that is asked for anew before each
    /// wait, so that a call which need not wait does not look at the clock.
    ///
    /// # Errors
    ///
    /// As [`retry`](Fd::retry).
    pub fn retry_stream(
        &self,
        interest: Interest,
        deadline: impl FnMut() -> Option<Instant>,
        call: impl FnMut() -> io::Result<Moved>,
    ) -> io::Result<usize> {
        let moved = self.retry_inner(interest, deadline, |moved| moved.is_exhausted, call)?.bytes;
        if moved >= engine::BYTES_PER_IO_CALL {
            engine::spend_io_bytes(moved);
        }
        Ok(moved)
    }

    /// What a future that has met `WouldBlock` waits for.
    ///
    /// # Errors
    ///
    /// As [`Polled::new`].
    #[inline]
    pub(crate) fn polled(&self, interest: Interest) -> io::Result<Polled> {
        Polled::new(&self.registration, self.as_fd(), interest)
    }

    /// Whether `polled` tells of this descriptor, as a new one would.
    ///
    /// # Errors
    ///
    /// As [`Polled::new`].
    #[inline]
    pub(crate) fn is_polled_by(&self, polled: &Polled, interest: Interest) -> io::Result<bool> {
        polled.is_of(&self.registration, self.as_fd(), interest)
    }

    /// Makes `call` once, for a user who asked not to wait. A green thread that tries again and
    /// again gives its worker back from time to time, without which it might wait for ever for a
    /// neighbour.
    ///
    /// # Errors
    ///
    /// Those of `call`.
    pub fn try_once<T>(&self, call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        engine::spend_io_budget();
        truthful(call)
    }

    /// Makes `call`, which moves up to `wanted` bytes of a stream, once at most, and suspends
    /// nobody: of a descriptor that is known not to be ready it says `WouldBlock` without a call.
    ///
    /// For loops that serve several descriptors: they wait by [`wait_for_any`], and make room for
    /// others by [`spend_budget`](crate::park::spend_budget) where they hold nothing that belongs
    /// to the worker. `None` as `wanted` is for descriptors of which neither a short count nor the
    /// silence of the reactor says anything: the call is always made.
    ///
    /// # Errors
    ///
    /// Those of `call`.
    pub fn try_bytes(
        &self,
        interest: Interest,
        wanted: Option<usize>,
        call: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let source = if engine::is_on_green_thread() { self.registration.source() } else { None };
        let seen = source.map(|source| (source, source.observe()));
        if wanted.is_some() && seen.is_some_and(|(_, seen)| !seen.is_ready(interest)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let outcome = call();
        match (&outcome, seen) {
            (&Ok(count), Some((source, seen)))
                if 0 < count && wanted.is_some_and(|wanted| count < wanted) =>
            {
                source.clear_drained(seen, interest);
            }
            (Err(error), Some((source, seen))) if error.kind() == io::ErrorKind::WouldBlock => {
                source.clear_blocked(seen, interest);
                if is_spurious(error) {
                    self.registration.rearm(self.as_raw_fd())?;
                }
            }
            _ => {}
        }
        if let Ok(moved @ engine::BYTES_PER_IO_CALL..) = outcome {
            engine::spend_io_bytes(moved);
        }
        outcome
    }

    #[inline]
    fn retry_inner<T>(
        &self,
        interest: Interest,
        mut deadline: impl FnMut() -> Option<Instant>,
        is_drained: impl FnOnce(&T) -> bool,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let is_green = engine::is_on_green_thread();
        if is_green {
            // Before the call: what it has moved must not be lost if this is where a kill ends it.
            engine::spend_io_budget();
        }
        loop {
            // What an OS thread sees in `poll` says nothing of what the reactor has told.
            let source = if is_green { self.registration.source() } else { None };
            let seen = source.map(|source| (source, source.observe()));
            if seen.is_none_or(|(_, seen)| seen.is_ready(interest)) {
                match call() {
                    Ok(value) => {
                        if let Some((source, seen)) = seen
                            && is_drained(&value)
                        {
                            source.clear_drained(seen, interest);
                        }
                        return Ok(value);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if let Some((source, seen)) = seen {
                            source.clear_blocked(seen, interest);
                        }
                        if is_spurious(&error) {
                            self.registration.rearm(self.as_raw_fd())?;
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if !self.registration.wait(self.as_raw_fd(), interest, deadline())? {
                // Once more, as the kernel does: a worker that is late finds the deadline passed
                // before it hears of what came in time.
                return truthful(call).map_err(|error| match error.kind() {
                    io::ErrorKind::WouldBlock => io::Error::from_raw_os_error(libc::EAGAIN),
                    _ => error,
                });
            }
        }
    }
}

/// Blocks the calling thread until any of `waits` is probably ready. False once `deadline` has
/// passed.
///
/// To be called after calls by [`Fd::try_bytes`] that would have blocked: on a green thread, only
/// what has changed since is told.
///
/// # Errors
///
/// Those of `epoll_ctl(2)` and `poll(2)`.
pub fn wait_for_any(waits: &[(&Fd, Interest)], deadline: Option<Instant>) -> io::Result<bool> {
    let waits = waits.iter().map(|&(fd, interest)| (&fd.registration, fd.as_raw_fd(), interest));
    Registration::wait_for_any(waits, deadline)
}

impl Drop for Fd {
    fn drop(&mut self) {
        if let Some(fd) = &self.fd {
            self.registration.deregister(fd.as_raw_fd());
        }
        drop(self.fd.take());
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("only a consumed value has no descriptor").as_fd()
    }
}

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl From<Fd> for OwnedFd {
    fn from(mut fd: Fd) -> OwnedFd {
        let number = fd.as_raw_fd();
        fd.registration.deregister(number);
        fd.fd.take().expect("it is consumed here")
    }
}

/// The error of a call that does as if the kernel had said `WouldBlock`, for tests of what then
/// happens: [`Fd::retry`] waits until it is told once more.
///
/// Who asks without having been told anything ([`Fd::try_once`], and a call after its deadline)
/// gets the truth: the call is repeated.
#[cfg(feature = "faults")]
#[must_use]
pub fn spurious_would_block() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, Spurious)
}

/// What tells such an error from all others.
#[cfg(feature = "faults")]
#[derive(Debug)]
struct Spurious;

#[cfg(feature = "faults")]
impl std::fmt::Display for Spurious {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("would block, says a fault that was injected")
    }
}

#[cfg(feature = "faults")]
impl std::error::Error for Spurious {}

#[cfg(feature = "faults")]
fn is_spurious(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Spurious>())
}

#[cfg(not(feature = "faults"))]
const fn is_spurious(_: &io::Error) -> bool {
    false
}

/// Makes a call whose outcome nobody was told before.
#[inline]
fn truthful<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_spurious(&error) => {}
            outcome => return outcome,
        }
    }
}
