//! A listener without a port: who connects gets one end of a pair, who accepts the other.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use greenstd_runtime::channel::{self, Receiver, SendTimeoutError, Sender, TryRecvError};
use greenstd_runtime::time;

use super::DuplexStream;
use super::duplex::Builder;
use crate::socket::refuse_zero;

/// Accepts connections that are made inside of the process, so that a server can be tested without
/// a port.
///
/// Its semantics are those of a Unix socket: up to `backlog` connections wait to be accepted, and
/// who connects beyond that waits. When the last handle is dropped, connections that nobody has
/// accepted are closed, and further ones are refused. Works on threads of either kind; a kill, and
/// a timeout scope that expires, end a wait by unwinding, and no connection is lost.
///
/// # Examples
///
/// ```
/// use greenstd_net::memory::Listener;
/// use greenstd_runtime::thread;
/// use std::io::{Read, Write};
///
/// let listener = Listener::new(16);
/// let connector = listener.connector();
/// thread::spawn(move || {
///     for stream in listener.incoming() {
///         let mut stream = stream?;
///         thread::spawn(move || stream.write_all(b"hello"));
///     }
///     Ok::<(), std::io::Error>(())
/// });
/// let mut word = String::new();
/// connector.connect()?.read_to_string(&mut word)?;
/// assert_eq!(word, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Listener {
    queue: Receiver<DuplexStream>,
    connector: Connector,
    is_nonblocking: Arc<AtomicBool>,
}

/// Connects to a [`Listener`]. Any number of these may be made, and may outlive it.
#[derive(Clone)]
pub struct Connector {
    queue: Sender<DuplexStream>,
    pairs: Arc<Pairs>,
}

/// An iterator over the connections that a listener accepts, which never ends; made by
/// [`Listener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a Listener,
}

/// How connections are made, and how many were.
struct Pairs {
    builder: Builder,
    made: AtomicU64,
}

impl Listener {
    /// A listener whose connections are like those of [`duplex::Builder::new`](Builder::new), of
    /// which up to `backlog`, at least one, wait to be accepted.
    #[must_use]
    pub fn new(backlog: usize) -> Listener {
        Listener::with_connections(Builder::new(), backlog)
    }

    /// A listener whose connections are made by `builder`: who connects has the first end. The
    /// draws of each connection are its own, and depend on the seeds and on how many were made
    /// before.
    #[must_use]
    pub fn with_connections(builder: Builder, backlog: usize) -> Listener {
        let (sender, queue) = channel::bounded(backlog.max(1));
        let pairs = Arc::new(Pairs { builder, made: AtomicU64::new(0) });
        let connector = Connector { queue: sender, pairs };
        Listener { queue, connector, is_nonblocking: Arc::new(AtomicBool::new(false)) }
    }

    /// Blocks the calling thread until somebody has connected: the server's end.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is nonblocking and nobody has.
    pub fn accept(&self) -> io::Result<DuplexStream> {
        // Relaxed: the flag publishes nothing.
        if !self.is_nonblocking.load(Ordering::Relaxed) {
            return Ok(self.queue.recv().expect("the listener itself could connect"));
        }
        match self.queue.try_recv() {
            Ok(stream) => Ok(stream),
            Err(TryRecvError::Empty) => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
            Err(TryRecvError::Disconnected) => unreachable!("the listener itself could connect"),
        }
    }

    /// Accepts one connection after the other, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Connects to this listener: the client's end. As [`Connector::connect`].
    ///
    /// # Errors
    ///
    /// None: whoever calls it has a listener that accepts.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        self.connector.connect()
    }

    /// What connects to this listener, to be given to those who do not have it.
    #[must_use]
    pub fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// Creates a second handle to the same listener, which accepts from the same queue.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn try_clone(&self) -> io::Result<Listener> {
        Ok(Listener {
            queue: self.queue.clone(),
            connector: self.connector.clone(),
            is_nonblocking: self.is_nonblocking.clone(),
        })
    }

    /// Makes an accept that would wait fail with `WouldBlock` at once, on all handles, or lets it
    /// park again.
    ///
    /// # Errors
    ///
    /// None; it is a result as that of a socket is.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.is_nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }
}

impl Connector {
    /// Opens a connection, and blocks the calling thread until there is room for it among those
    /// that wait to be accepted.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the listener is gone.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let (client, server) = self.pairs.next();
        self.queue.send(server).map_err(|_| io::Error::from_raw_os_error(libc::ECONNREFUSED))?;
        Ok(client)
    }

    /// [`connect`](Connector::connect), giving up after `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut` when `timeout` has passed; `InvalidInput` if it is zero; `ConnectionRefused` if
    /// the listener is gone.
    pub fn connect_timeout(&self, timeout: Duration) -> io::Result<DuplexStream> {
        refuse_zero(timeout)?;
        let Some(deadline) = time::now().checked_add(timeout) else { return self.connect() };
        let (client, server) = self.pairs.next();
        match self.queue.send_deadline(server, deadline) {
            Ok(()) => Ok(client),
            Err(SendTimeoutError::Timeout(_)) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out"))
            }
            Err(SendTimeoutError::Disconnected(_)) => {
                Err(io::Error::from_raw_os_error(libc::ECONNREFUSED))
            }
        }
    }
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<DuplexStream>;

    fn next(&mut self) -> Option<io::Result<DuplexStream>> {
        Some(self.listener.accept())
    }
}

impl FusedIterator for Incoming<'_> {}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

impl Pairs {
    fn next(&self) -> (DuplexStream, DuplexStream) {
        self.builder.build_nth(self.made.fetch_add(1, Ordering::Relaxed))
    }
}
