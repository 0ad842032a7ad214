//! The standard input, whose reads park.
//!
//! All handles share one buffer, as in std. It is filled by the first who reads and finds it empty,
//! behind a lock for which the others park. What is read for a line, or for a given number of
//! bytes, stays in the buffer until all of it is there: so a kill, or a timeout scope that expires
//! in the middle of a line, leaves the beginning of the line to the next reader, while std's own
//! `read_line` would have taken it.

use super::way;
use crate::sync::{Mutex, MutexGuard};
use rustix::io::Errno;
use std::fmt;
use std::io::{self, BufRead, Lines, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::PoisonError;

/// What std's buffer holds.
const BUFFER_BYTES: usize = 8 * 1024;

static BUFFER: Mutex<Buffer> = Mutex::new(Buffer { bytes: Vec::new(), start: 0 });

/// What was read and not yet taken.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    /// Where that begins.
    start: usize,
}

/// A handle on the standard input of the process: `std::io::Stdin`, whose reads park.
///
/// Works on green threads and on plain OS threads, for pipes, terminals, files, sockets and
/// devices. While one thread waits for input, others that want to read wait for it. A thread that
/// is killed meanwhile gives the lock back and loses no byte. The buffer is not the one of
/// `std::io::stdin`: a program uses the one or the other.
///
/// A terminal is read on a thread of the [pool](mod@crate::blocking), once it has input.
///
/// # Examples
///
/// ```no_run
/// for line in greenstd_runtime::io::stdin().lines() {
///     println!("{}", line?.to_uppercase());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Stdin(());

/// The standard input, locked for the calling thread: [`Stdin::lock`].
///
/// # Examples
///
/// ```no_run
/// use std::io::BufRead;
///
/// let mut header = Vec::new();
/// greenstd_runtime::io::stdin().lock().read_until(0, &mut header)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct StdinLock<'a> {
    buffer: MutexGuard<'a, Buffer>,
}

/// A handle on the standard input of the process. See [`Stdin`].
#[must_use]
pub fn stdin() -> Stdin {
    Stdin(())
}

/// Reads all of `reader` into a string, as `std::io::read_to_string`.
///
/// # Errors
///
/// Those of `reader`; `InvalidData` if it is not UTF-8.
pub fn read_to_string<R: Read>(mut reader: R) -> io::Result<String> {
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

impl Stdin {
    /// Blocks the calling thread until nobody else reads, and keeps the others waiting until the
    /// guard is dropped.
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock { buffer: BUFFER.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Reads up to the end of the line, which is appended to `line` with it. 0 at the end of the
    /// input.
    ///
    /// # Errors
    ///
    /// Those of `read(2)`; `InvalidData` if the line is not UTF-8, which is then lost, as in std.
    pub fn read_line(&self, line: &mut String) -> io::Result<usize> {
        self.lock().read_line(line)
    }

    /// The lines of the input, without their ends. Holds the lock.
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

/// Reads from the descriptor; one that is closed has nothing to give, as in std.
fn read_raw(buffer: &mut [u8]) -> io::Result<usize> {
    match way::read_bare(rustix::stdio::stdin(), buffer) {
        Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => Ok(0),
        outcome => outcome,
    }
}

impl Buffer {
    fn available(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            // One long line does not keep its memory for ever.
            self.bytes.shrink_to(BUFFER_BYTES);
        }
    }

    /// Adds what the descriptor gives. False at its end. Nothing changes if the wait unwinds.
    fn fill(&mut self) -> io::Result<bool> {
        let mut read = [0; BUFFER_BYTES];
        let count = loop {
            match read_raw(&mut read) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(&read[..count]);
        Ok(count > 0)
    }

    /// Fills the buffer until `end` finds where what is wanted ends, or the input ends. Looks at
    /// each byte once: `end` is given where the news begin.
    fn fill_until(&mut self, end: impl Fn(&[u8], usize) -> Option<usize>) -> io::Result<usize> {
        let mut seen = 0;
        loop {
            let available = self.available();
            if let Some(count) = end(available, seen) {
                return Ok(count);
            }
            seen = available.len();
            if !self.fill()? {
                return Ok(seen);
            }
        }
    }

    /// Moves what is wanted to `taken`; before an error, what has come so far.
    fn take_until(
        &mut self,
        taken: &mut Vec<u8>,
        end: impl Fn(&[u8], usize) -> Option<usize>,
    ) -> io::Result<usize> {
        let outcome = self.fill_until(end);
        let count = *outcome.as_ref().unwrap_or(&self.available().len());
        taken.extend_from_slice(&self.available()[..count]);
        self.consume(count);
        outcome
    }

    /// [`take_until`](Buffer::take_until) of text.
    fn take_text(
        &mut self,
        text: &mut String,
        end: impl Fn(&[u8], usize) -> Option<usize>,
    ) -> io::Result<usize> {
        let mut taken = Vec::new();
        let count = self.take_until(&mut taken, end)?;
        let invalid = |_| {
            let message = "stream did not contain valid UTF-8";
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        text.push_str(str::from_utf8(&taken).map_err(invalid)?);
        Ok(count)
    }
}

/// Where a line, or what else ends with `delimiter`, ends.
fn after(delimiter: u8) -> impl Fn(&[u8], usize) -> Option<usize> {
    move |bytes, seen| {
        let found = bytes[seen..].iter().position(|&byte| byte == delimiter)?;
        Some(seen + found + 1)
    }
}

/// Nothing ends it but the end of the input.
fn never(_: &[u8], _: usize) -> Option<usize> {
    None
}

impl Read for StdinLock<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // As a `BufReader`: whoever wants that much has the kernel write to where it goes.
        if self.buffer.available().is_empty() && buffer.len() >= BUFFER_BYTES {
            return read_raw(buffer);
        }
        let mut available = self.fill_buf()?;
        let count = available.read(buffer)?;
        self.consume(count);
        Ok(count)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.buffer.take_until(bytes, never)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        self.buffer.take_text(text, never)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let wanted = buffer.len();
        let is_there = |bytes: &[u8], _| (bytes.len() >= wanted).then_some(wanted);
        let count = self.buffer.fill_until(is_there)?;
        buffer[..count].copy_from_slice(&self.buffer.available()[..count]);
        self.consume(count);
        let message = "failed to fill whole buffer";
        let too_short = || io::Error::new(io::ErrorKind::UnexpectedEof, message);
        if count == wanted { Ok(()) } else { Err(too_short()) }
    }
}

impl BufRead for StdinLock<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffer.available().is_empty() {
            self.buffer.fill()?;
        }
        Ok(self.buffer.available())
    }

    fn consume(&mut self, count: usize) {
        self.buffer.consume(count);
    }

    fn read_until(&mut self, delimiter: u8, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.buffer.take_until(bytes, after(delimiter))
    }

    fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        self.buffer.take_text(line, after(b'\n'))
    }
}

/// Reads for both kinds of handle, under a lock for each call.
macro_rules! read_locked {
    ($handle:ty) => {
        impl Read for $handle {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.lock().read(buffer)
            }

            fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
                self.lock().read_to_end(bytes)
            }

            fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
                self.lock().read_to_string(text)
            }

            fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
                self.lock().read_exact(buffer)
            }
        }
    };
}

read_locked!(Stdin);
read_locked!(&Stdin);

// No code of users runs while the state is being changed, as in std.
impl UnwindSafe for StdinLock<'_> {}
impl RefUnwindSafe for StdinLock<'_> {}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdin()
    }
}

impl AsRawFd for Stdin {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for StdinLock<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdin()
    }
}

impl AsRawFd for StdinLock<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}

impl fmt::Debug for StdinLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinLock").finish_non_exhaustive()
    }
}
