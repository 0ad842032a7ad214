//! An owned descriptor whose calls park the green thread instead of blocking the worker.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

/// A direction in which a descriptor can become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Readable, at end of file, or in error.
    Read,
    /// Writable, or in error.
    Write,
}

/// An owned descriptor and its place in a worker's reactor.
#[derive(Debug)]
pub struct Fd {
    fd: OwnedFd,
}

impl Fd {
    /// Takes a descriptor over.
    pub fn new(fd: OwnedFd) -> Fd {
        Fd { fd }
    }

    /// Blocks the calling thread until the descriptor is probably ready.
    ///
    /// # Errors
    ///
    /// `TimedOut` once `deadline` has passed.
    #[allow(unsafe_code)]
    pub fn wait(&self, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        };
        let mut poll = libc::pollfd { fd: self.fd.as_raw_fd(), events, revents: 0 };
        let timeout = deadline.map_or(-1, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
        });
        // SAFETY: one valid `pollfd`.
        match unsafe { libc::poll(&mut poll, 1, timeout) } {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Runs `call` until it does something else than fail with `WouldBlock`, blocking the calling
    /// thread between the attempts.
    ///
    /// # Errors
    ///
    /// Those of `call`, `Interrupted` among them; once `deadline` has passed, its `WouldBlock`.
    pub fn retry<T>(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match call() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.wait(interest, deadline).is_err() {
                        return Err(error);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// [`retry`](Fd::retry) for a call on a *stream* socket or pipe that moves up to `wanted` bytes:
    /// a short count tells that the descriptor is not ready any more, which saves the next call
    /// its failing attempt.
    ///
    /// # Errors
    ///
    /// As [`retry`](Fd::retry).
    pub fn retry_bytes(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
        _wanted: usize,
        call: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.retry(interest, deadline, call)
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl From<Fd> for OwnedFd {
    fn from(fd: Fd) -> OwnedFd {
        fd.fd
    }
}
