//! A connection as its handler sees it.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd_runtime::select;
use greenstd_runtime::select::{Outcome, Select, Waitable};
use greenstd_runtime::sync::Event;
use greenstd_runtime::time;

use super::builder::Timeouts;
use super::handle::ServerHandle;
use super::handler::Lease;
use crate::back_off::is_exhaustion;
use crate::tcp::TcpStream;

/// How often a connection is looked at when it cannot be registered: as late as nobody minds while
/// the process is without descriptors.
const LOOK: Duration = Duration::from_millis(10);

/// A connection that a server has accepted, with what its handler may want to know.
///
/// It dereferences to the stream, and reads and writes as that does. The stream is closed when this
/// is dropped, which is when the handler returns unless it has given it away. The connection is
/// live, and holds its place, until both have happened.
pub struct Connection<S = TcpStream, A = SocketAddr> {
    // Closed before the place is given back.
    stream: S,
    peer: A,
    timeouts: Timeouts,
    lease: Arc<Lease>,
}

impl<S, A> Connection<S, A> {
    pub(super) fn new(
        stream: S,
        peer: A,
        timeouts: Timeouts,
        lease: Arc<Lease>,
    ) -> Connection<S, A> {
        Connection { stream, peer, timeouts, lease }
    }

    /// The address of the peer, as it was when the connection was accepted.
    pub fn peer(&self) -> &A {
        &self.peer
    }

    /// The server that has accepted it, which a handler may stop.
    #[must_use]
    pub fn server(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(self.lease.shared()))
    }

    /// What tells that the server stops; see [`Stopping`].
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping { event: Arc::clone(&self.lease.shared().stopping) }
    }

    /// Blocks the handler until there is something to read, or until the server stops. True if the
    /// stream is readable, or at its end; false if the server stops and it is not.
    ///
    /// This is where a handler waits for its peer's next request: a stop ends the connections that
    /// are between two requests at once, and lets the others finish theirs. The idle timeout limits
    /// the wait. A stream that reads ahead, as TLS and `BufReader` do, may hold data that is not
    /// seen here. Works on threads of either kind.
    ///
    /// A wait that has to park registers the descriptor for this once, which costs a few system
    /// calls more than a read that waits; if a read or write has parked before, it needs a second
    /// descriptor meanwhile.
    ///
    /// # Errors
    ///
    /// `TimedOut` if it has taken longer than the idle timeout; those of `poll(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use greenstd_net::server::StreamServer;
    ///
    /// let server = StreamServer::builder().start("127.0.0.1:0", |mut connection| {
    ///     let mut request = [0; 1024];
    ///     while connection.wait_readable()? {
    ///         let count = connection.read(&mut request)?;
    ///         if count == 0 {
    ///             break;
    ///         }
    ///         connection.write_all(&request[..count])?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert!(server.stop(None).is_clean());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_readable(&self) -> io::Result<bool>
    where
        S: AsFd,
    {
        let deadline = self.timeouts.idle.and_then(|idle| time::now().checked_add(idle));
        let is_readable = match self.wait_registered(deadline) {
            // The second descriptor was not to be had; those of the connections that are live are
            // not to be lost for it.
            Err(error) if is_exhaustion(&error) => self.look_now_and_then(deadline)?,
            outcome => outcome?,
        };
        // If both have happened, the request counts.
        Ok(is_readable || self.is_readable()?)
    }

    /// Waits until the stream is readable (true) or the server stops.
    fn wait_registered(&self, deadline: Option<Instant>) -> io::Result<bool>
    where
        S: AsFd,
    {
        let stopping = &*self.lease.shared().stopping;
        if stopping.is_set() {
            return Ok(false);
        }
        let readable = select::readable(&self.stream);
        let mut select = Select::new();
        select.wait_for(&readable, |outcome| outcome.map(|()| true));
        select.wait_for(stopping, |()| Ok(false));
        match deadline {
            None => select.wait(),
            Some(deadline) => select.wait_deadline(deadline).unwrap_or_else(|| Err(idle())),
        }
    }

    /// [`wait_registered`](Connection::wait_registered) without a registration.
    fn look_now_and_then(&self, deadline: Option<Instant>) -> io::Result<bool>
    where
        S: AsFd,
    {
        while !self.is_readable()? {
            if self.lease.shared().stopping.wait_timeout(LOOK) {
                return Ok(false);
            }
            if deadline.is_some_and(|deadline| deadline <= time::now()) {
                return Err(idle());
            }
        }
        Ok(true)
    }

    fn is_readable(&self) -> io::Result<bool>
    where
        S: AsFd,
    {
        select! {
            wait(select::readable(&self.stream)) -> outcome => outcome.map(|()| true),
            default => Ok(false),
        }
    }
}

fn idle() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the connection has been idle for too long")
}

impl<S, A> Deref for Connection<S, A> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S, A> DerefMut for Connection<S, A> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsFd, A> AsFd for Connection<S, A> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Passes what std's trait of a stream offers on to the stream.
macro_rules! passed_on {
    ($([$($generics:tt)*] $connection:ty, $stream:ident => $inner:expr, $bound:ty;)*) => {$(
        impl<$($generics)*, A> Read for $connection
        where
            $bound: Read,
        {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let $stream = self;
                $inner.read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                let $stream = self;
                $inner.read_vectored(bufs)
            }
        }

        impl<$($generics)*, A> Write for $connection
        where
            $bound: Write,
        {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                let $stream = self;
                $inner.write(buf)
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                let $stream = self;
                $inner.write_vectored(bufs)
            }

            fn flush(&mut self) -> io::Result<()> {
                let $stream = self;
                $inner.flush()
            }
        }
    )*};
}

passed_on! {
    [S] Connection<S, A>, connection => connection.stream, S;
    ['c, S] &'c Connection<S, A>, connection => (&connection.stream), &'c S;
}

impl<S: fmt::Debug, A: fmt::Debug> fmt::Debug for Connection<S, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("peer", &self.peer)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// What tells that a server stops: set by a stop once nothing is accepted any more, for good, and
/// when the [`StreamServer`](super::StreamServer) is dropped.
///
/// It can be waited for alone, or with other things in a `select!`. Its waits park a green thread
/// and block an OS thread; a kill and a timeout scope end them. Cheap to clone.
///
/// # Examples
///
/// ```
/// use greenstd_net::server::StreamServer;
///
/// let server = StreamServer::builder().start("127.0.0.1:0", |_connection| Ok(()))?;
/// let stopping = server.stopping();
/// let waiter = greenstd_runtime::spawn(move || stopping.wait());
/// server.stop(None);
/// waiter.join().expect("it does not panic");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stopping {
    event: Arc<Event>,
}

impl Stopping {
    pub(super) fn new(event: Arc<Event>) -> Stopping {
        Stopping { event }
    }

    /// Whether the server stops. Never blocks.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.event.is_set()
    }

    /// Blocks the calling thread until the server stops.
    pub fn wait(&self) {
        self.event.wait();
    }

    /// [`wait`](Stopping::wait) for at most `timeout`. False if the server goes on.
    #[must_use = "it says whether the server stops"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.event.wait_timeout(timeout)
    }

    /// [`wait`](Stopping::wait) until `deadline`. False if the server goes on.
    #[must_use = "it says whether the server stops"]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.event.wait_until(deadline)
    }
}

/// A wait until the server stops.
impl Waitable for Stopping {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        self.event.arm()
    }
}
