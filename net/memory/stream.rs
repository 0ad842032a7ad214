//! One end of a connection inside of the process.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd_runtime::fd::Interest;
use greenstd_runtime::time;

use super::connection::{Connection, Side, State};
use super::pipe::{self, Attempt};
use crate::io::{Duplex, splittable};
use crate::socket::{Mode, refuse_zero};

/// One end of an in-memory connection, made by [`duplex()`](crate::duplex()).
///
/// It has the calls of a [`TcpStream`](crate::TcpStream) that need no address, with the semantics
/// of a Unix stream socket: reads park until there is data, writes until there is room for at least
/// a byte. Works on threads of either kind. Several green threads may read and write it at once,
/// through `&DuplexStream` or through clones. A kill, and a timeout scope that expires, end a
/// parked call by unwinding; nothing that was acknowledged is lost.
///
/// An end is closed when its last handle is dropped: the other end reads what is left and then the
/// end of the stream, and its writes fail with `BrokenPipe`. If the end that was closed had bytes
/// yet to read, then one read at the other one, after all that is left, fails with
/// `ConnectionReset`.
///
/// # Examples
///
/// ```
/// use greenstd_net::duplex;
/// use greenstd_runtime::thread;
/// use std::io::{Read, Write};
///
/// let (mut client, mut server) = duplex(4);
/// let echo = thread::spawn(move || {
///     let mut line = String::new();
///     server.read_to_string(&mut line)?;
///     server.write_all(line.as_bytes())
/// });
/// client.write_all(b"longer than the capacity")?;
/// client.shutdown(std::net::Shutdown::Write)?;
/// let mut line = String::new();
/// client.read_to_string(&mut line)?;
/// assert_eq!(line, "longer than the capacity");
/// echo.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DuplexStream {
    end: Arc<End>,
}

/// What the handles of one end share. The end is closed with it.
struct End {
    connection: Arc<Connection>,
    side: Side,
    mode: Mode,
}

impl DuplexStream {
    /// Both ends of a connection.
    pub(super) fn pair(connection: Connection) -> (DuplexStream, DuplexStream) {
        let connection = Arc::new(connection);
        let end = |side| {
            let end = End { connection: connection.clone(), side, mode: Mode::default() };
            DuplexStream { end: Arc::new(end) }
        };
        (end(Side::First), end(Side::Second))
    }

    /// Shuts down the read half, the write half, or both, of this end, for all its handles.
    ///
    /// Calls parked on the half return at once. Reads return what has arrived, then zero bytes;
    /// writes, and writes to the other end's half that nobody reads any more, fail with
    /// `BrokenPipe`.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` if the connection was reset.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut state = self.end.connection.lock();
        state.check()?;
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            state.shut(self.end.side, Interest::Read);
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            state.shut(self.end.side, Interest::Write);
        }
        Ok(())
    }

    /// Creates a second handle to the same end. Both share the bytes, the timeouts and the mode.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn try_clone(&self) -> io::Result<DuplexStream> {
        Ok(DuplexStream { end: self.end.clone() })
    }

    /// Receives data without taking it off the queue: the next read returns it again.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_into(&mut [IoSliceMut::new(buf)], true)
    }

    /// Sets how long a read may wait; `None` for as long as it takes. A read that waits longer
    /// fails with `WouldBlock`, as that of a socket.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set_timeout(Interest::Read, dur)
    }

    /// Sets how long a write may wait; as [`set_read_timeout`](DuplexStream::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set_timeout(Interest::Write, dur)
    }

    /// Returns the read timeout, in whole microseconds.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.end.mode.timeout(Interest::Read))
    }

    /// Returns the write timeout, in whole microseconds.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.end.mode.timeout(Interest::Write))
    }

    /// Makes calls that would wait fail with `WouldBlock` at once, on all handles of this end, or
    /// lets them park again.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.end.mode.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Breaks the connection down, as a lost host or `SO_LINGER` of zero does with TCP: what was
    /// not read yet is lost in both directions, and from now on each read and each write, at either
    /// end, fails with `ConnectionReset`; so do those that are parked.
    pub fn reset(&self) {
        self.end.connection.lock().reset();
    }

    /// Keeps what this end writes from arriving at the other one, until
    /// [`resume`](DuplexStream::resume): bytes that have not arrived yet, those that will be
    /// written, and the end of the stream. Writes are taken as long as there is room.
    pub fn stall(&self) {
        let mut state = self.end.connection.lock();
        state.pipe(self.end.side, Interest::Write).stall(time::now());
    }

    /// Lets arrive what was kept by [`stall`](DuplexStream::stall) and is due by now, and the rest
    /// when it is.
    pub fn resume(&self) {
        let mut state = self.end.connection.lock();
        state.pipe(self.end.side, Interest::Write).resume();
        state.has_written(self.end.side);
    }

    fn set_timeout(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<()> {
        refuse_zero(timeout)?;
        // As of a socket, which counts in microseconds and takes zero for "no timeout".
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_micros(1)));
        self.end.mode.set_timeout(interest, timeout);
        Ok(())
    }

    fn read_into(&self, buffers: &mut [IoSliceMut<'_>], is_peek: bool) -> io::Result<usize> {
        if pipe::total(buffers.iter().map(|buffer| buffer.len())) == 0 {
            return Ok(0);
        }
        let End { connection, side, mode } = &*self.end;
        connection.call(*side, Interest::Read, mode, |state, now| {
            if let Err(error) = state.check() {
                return Attempt::Done(Err(error));
            }
            let attempt = state.pipe(*side, Interest::Read).read(now, buffers, is_peek);
            if matches!(attempt, Attempt::Done(Ok(1..))) && !is_peek {
                state.has_read(*side);
            }
            attempt
        })
    }

    fn write_from(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let End { connection, side, mode } = &*self.end;
        connection.call(*side, Interest::Write, mode, |state, now| {
            attempt_write(state, *side, now, buffers)
        })
    }
}

fn attempt_write(
    state: &mut State,
    side: Side,
    now: Instant,
    buffers: &[IoSlice<'_>],
) -> Attempt<io::Result<usize>> {
    if let Err(error) = state.check() {
        return Attempt::Done(Err(error));
    }
    let attempt = state.pipe(side, Interest::Write).write(now, buffers);
    if matches!(attempt, Attempt::Done(Ok(1..))) {
        state.has_written(side);
    }
    attempt
}

/// Reads park until there is data, the end of the stream, an error, or the read timeout.
impl Read for &DuplexStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_into(&mut [IoSliceMut::new(buf)], false)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_into(bufs, false)
    }
}

/// Writes park until there is room for at least a byte, an error, or the write timeout.
impl Write for &DuplexStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_from(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_from(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for DuplexStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for DuplexStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Duplex for DuplexStream {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        DuplexStream::shutdown(self, how)
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.end.connection.lock();
        let buffers = [IoSlice::new(bytes)];
        match attempt_write(&mut state, self.end.side, time::now(), &buffers) {
            Attempt::Done(outcome) => outcome,
            Attempt::Wait(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

splittable!(DuplexStream);

impl fmt::Debug for DuplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut state = self.end.connection.lock();
        let side = self.end.side;
        f.debug_struct("DuplexStream")
            .field("side", &side)
            .field("unread", &state.pipe(side, Interest::Read).len())
            .field("unread_by_peer", &state.pipe(side, Interest::Write).len())
            .field("is_reset", &state.check().is_err())
            .finish()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.connection.lock().close(self.side);
    }
}
