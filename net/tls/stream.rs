//! An encrypted stream.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use super::session::Session;
use crate::io::{Duplex, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, into_split, split};

/// A stream that is encrypted by TLS, over another one of this crate; made by
/// [`TlsConnector::connect`](super::TlsConnector::connect) and
/// [`TlsAcceptor::accept`](super::TlsAcceptor::accept).
///
/// It reads and writes as a [`TcpStream`](crate::TcpStream) does: reads park until there is data,
/// writes until the transport has taken what was encrypted; an OS thread is blocked. One green
/// thread may read while another one writes, through `&TlsStream` or the halves of
/// [`split`](TlsStream::split), and neither waits for the other. Several that read, or several that
/// write, take turns.
///
/// # Ends
///
/// A read returns 0 after the peer has said that it is done (`close_notify`). If the transport ends
/// without that, a read fails with `UnexpectedEof`: somebody may have cut the stream short. The own
/// `close_notify` is sent by [`close`](TlsStream::close), by a shutdown, and when the stream is
/// dropped, if the transport has room for it at that moment and the thread is not unwinding: a peer
/// is not told that a message is complete whose author has panicked, or was killed. After
/// `shutdown(Shutdown::Write)` the stream can still be read.
///
/// # Timeouts and kills
///
/// The timeouts of the transport, [`get_ref`](TlsStream::get_ref) sets them, hold for each wait of
/// a call. Neither they nor a kill, nor a timeout scope that expires, lose anything: what was
/// received is there for the next read. A write takes up to 64 KiB, and sends all of it; if it runs
/// into a timeout after it has taken bytes, it counts them as written, as a socket that has a
/// buffer does, and they are sent by the next write, flush or read that finds room.
/// [`flush`](Write::flush) waits until they are sent.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{TcpStream, tls::TlsConnector};
/// use greenstd_runtime::thread;
/// use std::io::{self, Read, Write};
///
/// let connector = TlsConnector::new()?;
/// let stream = connector.connect("example.org", TcpStream::connect("example.org:7")?)?;
/// thread::scope(|scope| {
///     scope.spawn(|| (&stream).write_all(b"written by one"));
///     (&stream).read_exact(&mut [0; 14])
/// })?;
/// stream.close()?;
/// # Ok::<(), io::Error>(())
/// ```
pub struct TlsStream<S: Duplex> {
    stream: S,
    /// Behind a pointer: rustls keeps more than a kilobyte.
    pub(super) session: Box<Session>,
}

impl<S: Duplex> TlsStream<S> {
    pub(super) fn new(stream: S, session: Session) -> TlsStream<S> {
        TlsStream { stream, session: Box::new(session) }
    }

    /// The stream below, for its timeouts and options. Whoever reads or writes it breaks the
    /// encryption.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Sends what is left to be sent and the `close_notify`, and shuts the transport down for
    /// writing, all as a write: so the caller learns whether that has worked.
    ///
    /// # Errors
    ///
    /// As a write.
    pub fn close(self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    /// Shuts down the read half, the write half, or both.
    ///
    /// `Write` sends what is left, and the `close_notify`, for which it may wait as a write does,
    /// and shuts the transport down for writing. `Read` shuts the transport down for reading: reads
    /// return what has arrived, then 0. `Both` waits for nothing: the `close_notify` is sent if the
    /// transport has room for it, and whoever waits in a call is woken.
    ///
    /// # Errors
    ///
    /// Those of a write and of the transport's shutdown: `NotConnected` once the connection is
    /// gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.session.shutdown(&self.stream, how)
    }

    /// Changes the keys of what is sent, and asks the peer to do so with its own (TLS 1.3). rustls
    /// does it by itself when a key has encrypted as much as it should. Waits as a write does.
    ///
    /// # Errors
    ///
    /// With TLS 1.2; as a write.
    pub fn refresh_keys(&self) -> io::Result<()> {
        self.session.refresh_keys(&self.stream)
    }

    /// Whether a read would return at once, or fail, by what was received already: bytes of which
    /// the descriptor tells nothing. False while another thread reads.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.session.has_unread()
    }

    /// Splits the stream into its two directions, which two threads can use at once, as long as it
    /// is borrowed.
    pub fn split(&self) -> (ReadHalf<'_, TlsStream<S>>, WriteHalf<'_, TlsStream<S>>) {
        split(self)
    }

    /// Splits the stream into its two directions, each with an owner of its own. Dropping the half
    /// that writes shuts the write side down, which may wait as a write does.
    pub fn into_split(self) -> (OwnedReadHalf<TlsStream<S>>, OwnedWriteHalf<TlsStream<S>>) {
        into_split(self)
    }
}

/// Reads park until there is data, the peer's `close_notify`, an error, or the transport's read
/// timeout, which fails as the transport does.
impl<S: Duplex> Read for &TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.session.read(&self.stream, buf)
    }
}

/// Writes take up to 64 KiB, and park until the transport has taken what becomes of it.
impl<S: Duplex> Write for &TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.session.write(&self.stream, &[IoSlice::new(buf)])
    }

    /// Several buffers become one record, if it has room for them.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.session.write(&self.stream, bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.session.flush(&self.stream)
    }
}

impl<S: Duplex> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl<S: Duplex> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.session.flush(&self.stream)
    }
}

impl<S: Duplex> Duplex for TlsStream<S> {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.session.read(&self.stream, buffer)
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.session.write(&self.stream, &[IoSlice::new(bytes)])
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TlsStream::shutdown(self, how)
    }

    fn flush(&self) -> io::Result<()> {
        self.session.flush(&self.stream)
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.session.try_write(&self.stream, bytes)
    }
}

/// The descriptor of the transport, to wait for: but see [`has_unread`](TlsStream::has_unread).
impl<S: Duplex + AsFd> AsFd for TlsStream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<S: Duplex> Drop for TlsStream<S> {
    fn drop(&mut self) {
        self.session.take_leave(&self.stream);
    }
}

impl<S: Duplex + fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsStream")
            .field("stream", &self.stream)
            .field("version", &self.protocol_version())
            .finish_non_exhaustive()
    }
}
