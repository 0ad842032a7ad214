//! A pipe in memory: bytes from green thread to green thread, or OS thread, with a limit.
//!
//! # Invariants
//!
//! 1. A byte is in the pipe until a read returns it: no wait stands between the two.
//! 2. `bytes` holds `limit` of them at most.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, PoisonError};

use greenstd_runtime::sync::{Condvar, Mutex, MutexGuard};
use greenstd_runtime::thread;

/// Makes a pipe that holds at most `limit` bytes.
///
/// Reads wait while it is empty, writes while it is full, on threads of either kind. The semantics
/// are those of a pipe of the system ([`std::io::pipe`]): once the writer is dropped, what is left
/// can be read, and then comes the end; once the reader is dropped, writes fail with `BrokenPipe`.
/// A kill or a timeout scope that ends a wait loses no byte.
///
/// Memory is taken as bytes come, and kept until the pipe is gone.
///
/// # Panics
///
/// If `limit` is zero.
///
/// # Examples
///
/// ```
/// use greenstd_net::io::{self, Read, Write};
/// use greenstd_runtime::thread;
///
/// let (mut reader, mut writer) = io::pipe_in_memory(16);
/// let writing = thread::spawn(move || writer.write_all(&[7; 1000]));
/// let mut received = Vec::new();
/// reader.read_to_end(&mut received)?;
/// assert_eq!(received, [7; 1000]);
/// assert!(writing.join().is_ok_and(|written| written.is_ok()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn pipe_in_memory(limit: usize) -> (MemoryPipeReader, MemoryPipeWriter) {
    assert!(limit > 0, "pipe_in_memory: a pipe without room");
    let state = State { bytes: VecDeque::new(), reader: Reader::Waits, writer: Writer::Writes };
    let pipe = Arc::new(Pipe {
        limit,
        state: Mutex::new(state),
        readable: Condvar::new(),
        writable: Condvar::new(),
    });
    (MemoryPipeReader { pipe: pipe.clone() }, MemoryPipeWriter { pipe })
}

/// The end of a [`pipe_in_memory`] that is read. Several threads may, through `&MemoryPipeReader`.
#[derive(Debug)]
pub struct MemoryPipeReader {
    pipe: Arc<Pipe>,
}

/// The end of a [`pipe_in_memory`] that is written. Several threads may, through
/// `&MemoryPipeWriter`; each write call that moves more than one byte may be cut by another.
#[derive(Debug)]
pub struct MemoryPipeWriter {
    pipe: Arc<Pipe>,
}

struct Pipe {
    limit: usize,
    state: Mutex<State>,
    readable: Condvar,
    writable: Condvar,
}

struct State {
    bytes: VecDeque<u8>,
    reader: Reader,
    writer: Writer,
}

#[derive(PartialEq)]
enum Reader {
    Waits,
    Gone,
}

#[derive(PartialEq)]
enum Writer {
    Writes,
    Ended,
    /// Gone in the middle: what comes after its bytes is no end.
    Failed,
}

impl Read for &MemoryPipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut state = self.pipe.lock();
        while state.bytes.is_empty() {
            match state.writer {
                Writer::Writes => state = wait(&self.pipe.readable, state),
                Writer::Ended => return Ok(0),
                Writer::Failed => {
                    let message = "what writes to the pipe has failed";
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, message));
                }
            }
        }
        let count = state.bytes.read(buf)?;
        let is_left = !state.bytes.is_empty();
        drop(state);
        self.pipe.writable.notify_one();
        if is_left {
            // This one may have been woken in place of another who waits.
            self.pipe.readable.notify_one();
        }
        Ok(count)
    }
}

impl Write for &MemoryPipeWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut state = self.pipe.lock();
        let room = loop {
            if state.reader == Reader::Gone {
                return Err(io::Error::new(ErrorKind::BrokenPipe, "nobody reads the pipe"));
            }
            match self.pipe.limit - state.bytes.len() {
                0 if !buf.is_empty() => state = wait(&self.pipe.writable, state),
                room => break room,
            }
        };
        let count = room.min(buf.len());
        state.bytes.extend(&buf[..count]);
        let is_left = count < room;
        drop(state);
        if count > 0 {
            self.pipe.readable.notify_one();
        }
        if is_left {
            self.pipe.writable.notify_one();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for MemoryPipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for MemoryPipeWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MemoryPipeWriter {
    /// Ends the pipe so that its reader meets an error after the bytes, not the end.
    pub(super) fn fail(self) {
        self.pipe.end(Writer::Failed);
    }

    /// Whether nobody reads.
    pub(super) fn is_refused(&self) -> bool {
        self.pipe.lock().reader == Reader::Gone
    }
}

impl Drop for MemoryPipeReader {
    fn drop(&mut self) {
        // See `Pipe::end`.
        let mut state = thread::shield(|| self.pipe.lock());
        state.reader = Reader::Gone;
        let bytes = std::mem::take(&mut state.bytes);
        drop(state);
        drop(bytes);
        self.pipe.writable.notify_all();
    }
}

impl Drop for MemoryPipeWriter {
    fn drop(&mut self) {
        self.pipe.end(Writer::Ended);
    }
}

impl Pipe {
    /// Nothing is half done in there when somebody unwinds, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first end counts. A kill may not cut the wait for the lock short: the other side would
    /// wait for ever.
    fn end(&self, how: Writer) {
        let mut state = thread::shield(|| self.lock());
        if state.writer == Writer::Writes {
            state.writer = how;
        }
        drop(state);
        self.readable.notify_all();
    }
}

/// Without the bytes, which are nobody's business.
impl fmt::Debug for Pipe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.lock().bytes.len();
        formatter.debug_struct("Pipe").field("limit", &self.limit).field("held", &held).finish()
    }
}

fn wait<'s>(condvar: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    condvar.wait(state).unwrap_or_else(PoisonError::into_inner)
}

impl UnwindSafe for MemoryPipeReader {}
impl RefUnwindSafe for MemoryPipeReader {}
impl UnwindSafe for MemoryPipeWriter {}
impl RefUnwindSafe for MemoryPipeWriter {}
