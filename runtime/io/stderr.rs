//! The standard error, unbuffered.

use super::sink::{self, Sink};
use crate::sync::{ReentrantMutex, ReentrantMutexGuard};
use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Stdio;

static LOCK: ReentrantMutex<()> = ReentrantMutex::new(());

/// A handle on the standard error of the process: `std::io::Stderr`, whose writes park.
///
/// Unbuffered: what a call writes is written when it returns. What one call writes, that of
/// `writeln!` and [`eprintln!`](crate::eprintln) included, is not mixed with anything, std's
/// `eprintln!` included. Several calls under one lock are not mixed with those of other users of
/// this type. For all else, as [`Stdout`](super::Stdout).
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// writeln!(greenstd_runtime::io::stderr(), "something is {}", "wrong")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Stderr(());

/// The standard error, locked for the calling thread: [`Stderr::lock`].
///
/// # Examples
///
/// See [`Stderr`].
pub struct StderrLock<'a> {
    _lock: ReentrantMutexGuard<'a, ()>,
}

/// A handle on the standard error of the process. See [`Stderr`].
#[must_use]
pub fn stderr() -> Stderr {
    Stderr(())
}

impl Stderr {
    /// Blocks the calling thread until nobody else writes, and keeps others from writing through
    /// such a handle until the guard is dropped. Who has the lock may lock again.
    pub fn lock(&self) -> StderrLock<'static> {
        StderrLock { _lock: LOCK.lock() }
    }
}

struct StandardError;

impl Sink for StandardError {
    fn fd() -> BorrowedFd<'static> {
        rustix::stdio::stderr()
    }

    fn locked<R>(body: impl FnOnce(&mut dyn Write) -> R) -> R {
        body(&mut io::stderr().lock())
    }
}

impl Write for StderrLock<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Cell::new(0);
        match sink::write::<StandardError>(bytes, &written) {
            Err(error) if written.get() == 0 => Err(error),
            _ => Ok(written.get()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        sink::write_formatted(self, text)
    }
}

/// Writes for both kinds of handle, under a lock for each call.
macro_rules! write_locked {
    ($handle:ty) => {
        impl Write for $handle {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.lock().write(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }

            fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.lock().write_all(bytes)
            }

            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
                self.lock().write_fmt(text)
            }
        }
    };
}

write_locked!(Stderr);
write_locked!(&Stderr);

impl From<Stderr> for Stdio {
    /// The same stream for a child.
    fn from(_: Stderr) -> Stdio {
        io::stderr().into()
    }
}

// No code of users runs while the state is being changed, as in std.
impl UnwindSafe for StderrLock<'_> {}
impl RefUnwindSafe for StderrLock<'_> {}

impl AsFd for Stderr {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stderr()
    }
}

impl AsRawFd for Stderr {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for StderrLock<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stderr()
    }
}

impl AsRawFd for StderrLock<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Stderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stderr").finish_non_exhaustive()
    }
}

impl fmt::Debug for StderrLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StderrLock").finish_non_exhaustive()
    }
}
