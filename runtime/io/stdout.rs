//! The standard output, line by line.
//!
//! A line is put together here, under a lock for which others park, and passed on as a whole
//! (`sink`). What is left of an unfinished line when the lock is given up goes into std's own
//! buffer: there it is in order with what `print!` puts there, and is flushed when the process
//! ends.

use super::sink::{self, Sink};
use crate::sync::{ReentrantMutex, ReentrantMutexGuard};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Stdio;

/// A line that is longer is passed on in parts.
const LINE_AT_MOST_BYTES: usize = 64 * 1024;

static OUTPUT: ReentrantMutex<Output> =
    ReentrantMutex::new(Output { line: RefCell::new(Vec::new()), locks: Cell::new(0) });

struct Output {
    /// What was written and not yet passed on.
    line: RefCell<Vec<u8>>,
    /// Guards of the thread that has the lock.
    locks: Cell<usize>,
}

/// A handle on the standard output of the process: `std::io::Stdout`, whose writes park.
///
/// Line-buffered. Lines are never mixed with each other: not those of green threads, nor of OS
/// threads, nor those of std's `println!`. A line is whole that was written under one lock, as one
/// call of `writeln!` or [`println!`](crate::println) does, and is at most 64 KiB long; a longer
/// one is so among users of this type only.
///
/// A green thread parks while a pipe is full, and blocks neither its worker nor anybody who uses
/// std's handle; threads that want to write through this one wait for it, first come, first
/// served. Terminals, sockets, and lines of more than 4 KiB are written by a thread of the
/// [pool](mod@crate::blocking); files in place. A plain OS thread blocks as in std. If a thread is
/// killed while it waits, what it had been told to be written is written all the same, and no line
/// of the others is lost. std's `println!` blocks the worker, as ever.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// let mut output = greenstd_runtime::io::stdout().lock();
/// write!(output, "one line ")?;
/// writeln!(output, "in two parts")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Stdout(());

/// The standard output, locked for the calling thread: [`Stdout::lock`].
///
/// # Examples
///
/// See [`Stdout`].
pub struct StdoutLock<'a> {
    output: ReentrantMutexGuard<'a, Output>,
}

/// A handle on the standard output of the process. See [`Stdout`].
#[must_use]
pub fn stdout() -> Stdout {
    Stdout(())
}

impl Stdout {
    /// Blocks the calling thread until nobody else writes, and keeps others from writing through
    /// such a handle until the guard is dropped. Who has the lock may lock again.
    pub fn lock(&self) -> StdoutLock<'static> {
        let output = OUTPUT.lock();
        output.locks.set(output.locks.get() + 1);
        StdoutLock { output }
    }
}

struct StandardOutput;

impl Sink for StandardOutput {
    fn fd() -> BorrowedFd<'static> {
        rustix::stdio::stdout()
    }

    fn locked<R>(body: impl FnOnce(&mut dyn Write) -> R) -> R {
        body(&mut io::stdout().lock())
    }
}

/// Passes a line on, and keeps of what was not what the caller was told to be written.
struct Passing<'l> {
    line: &'l mut Vec<u8>,
    promised: usize,
    written: Cell<usize>,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let written = self.written.get();
        self.line.truncate(self.promised.max(written));
        self.line.drain(..written);
    }
}

impl Passing<'_> {
    /// Of how much more than was promised it can be said that it is written.
    fn pass_on(self) -> io::Result<usize> {
        let outcome = sink::write::<StandardOutput>(self.line, &self.written);
        let more = self.written.get().saturating_sub(self.promised);
        match outcome {
            Err(error) if more == 0 => Err(error),
            _ => Ok(more),
        }
    }
}

impl Write for StdoutLock<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = self.output.line.borrow_mut();
        let promised = line.len();
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        if whole == 0 && promised + bytes.len() <= LINE_AT_MOST_BYTES {
            line.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let whole = if whole == 0 { bytes.len() } else { whole };
        line.extend_from_slice(&bytes[..whole]);
        let written = Passing { line: &mut line, promised, written: Cell::new(0) }.pass_on()?;
        let rest = &bytes[whole..];
        if written < whole || rest.len() > LINE_AT_MOST_BYTES {
            return Ok(written);
        }
        line.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut line = self.output.line.borrow_mut();
        if line.is_empty() {
            return sink::flush::<StandardOutput>();
        }
        let promised = line.len();
        Passing { line: &mut line, promised, written: Cell::new(0) }.pass_on().map(drop)
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        sink::write_formatted(self, text)
    }
}

impl Drop for StdoutLock<'_> {
    fn drop(&mut self) {
        self.output.locks.set(self.output.locks.get() - 1);
        if self.output.locks.get() > 0 {
            return;
        }
        let mut line = self.output.line.borrow_mut();
        if !line.is_empty() {
            // Into std's buffer, without a system call unless that overflows. There is nobody to
            // tell of an error, as when a process ends.
            let _ = io::stdout().lock().write_all(&line);
            line.clear();
        }
        line.shrink_to(LINE_AT_MOST_BYTES);
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
                self.lock().flush()
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

write_locked!(Stdout);
write_locked!(&Stdout);

impl From<Stdout> for Stdio {
    /// The same stream for a child.
    fn from(_: Stdout) -> Stdio {
        io::stdout().into()
    }
}

// No code of users runs while the state is being changed, as in std.
impl UnwindSafe for StdoutLock<'_> {}
impl RefUnwindSafe for StdoutLock<'_> {}

impl AsFd for Stdout {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdout()
    }
}

impl AsRawFd for Stdout {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for StdoutLock<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdout()
    }
}

impl AsRawFd for StdoutLock<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdout").finish_non_exhaustive()
    }
}

impl fmt::Debug for StdoutLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutLock").finish_non_exhaustive()
    }
}
