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

use crate::engine;
use crate::readiness::Registration;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

pub(crate) use crate::engine::from_raw_fd;
pub use crate::readiness::Interest;

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
        self.retry_inner(interest, deadline, |_| false, call)
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
        let moved = self.retry_inner(interest, deadline, is_drained, call)?;
        if moved >= engine::BYTES_PER_IO_CALL {
            engine::spend_io_bytes(moved);
        }
        Ok(moved)
    }

    /// Makes `call` once, for a user who asked not to wait. A green thread that tries again and
    /// again gives its worker back from time to time, without which it might wait for ever for a
    /// neighbour.
    ///
    /// # Errors
    ///
    /// Those of `call`.
    pub fn try_once<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        engine::spend_io_budget();
        call()
    }

    #[inline]
    fn retry_inner<T>(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
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
                    }
                    Err(error) => return Err(error),
                }
            }
            if !self.registration.wait(self.as_raw_fd(), interest, deadline)? {
                // Once more, as the kernel does: a worker that is late finds the deadline passed
                // before it hears of what came in time.
                return call().map_err(|error| match error.kind() {
                    io::ErrorKind::WouldBlock => io::Error::from_raw_os_error(libc::EAGAIN),
                    _ => error,
                });
            }
        }
    }
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
