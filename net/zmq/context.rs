//! Contexts: libzmq's threads, and their end.
//!
//! The end of a context waits until everything that its sockets have to send is sent, or given up
//! after their linger. libzmq blocks for that, so an OS thread is started that waits instead.
//!
//! # Invariants
//!
//! 1. A `Shared` outlives every `::zmq::Socket` that was made of it. So its own reference to
//!    libzmq's context is the last one, and what ends the context is the thread of `Drop`.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenstd_runtime::sync::Event;
use parking_lot::Mutex;

use super::core::Core;
use super::error::io_error;
use super::{Socket, SocketType};

/// libzmq's threads for input and output, and the namespace of `inproc://` endpoints.
///
/// Cheap to clone; every socket holds one. When the last holder is dropped the context ends in the
/// background: an OS thread waits for what the sockets have left to send, so a process that ends
/// meanwhile loses it. [`term`](Context::term) waits for that end. libzmq allows 1,023 sockets in a
/// context.
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{Context, SocketType};
///
/// let context = Context::new();
/// let (left, right) = (context.socket(SocketType::Pair)?, context.socket(SocketType::Pair)?);
/// left.bind("inproc://context")?;
/// right.connect("inproc://context")?;
/// right.send("all is sent")?;
/// assert_eq!(left.recv()?, "all is sent");
/// drop((left, right));
/// context.term();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// `None` only while it is dropped.
    raw: Option<::zmq::Context>,
    has_ended: Arc<Event>,
}

impl Context {
    /// Makes a context with one thread for input and output, which starts with the first socket.
    #[must_use]
    pub fn new() -> Context {
        let (raw, has_ended) = (Some(::zmq::Context::new()), Arc::default());
        Context { shared: Arc::new(Shared { raw, has_ended }) }
    }

    /// Makes a context with so many threads for input and output: one for each gigabyte per second
    /// is libzmq's advice. With none, only `inproc://` works.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if libzmq does not take the number.
    pub fn with_io_threads(count: u16) -> io::Result<Context> {
        let context = Context::new();
        context.raw().set_io_threads(count.into()).map_err(io_error)?;
        Ok(context)
    }

    /// Makes a socket. Never blocks.
    ///
    /// # Errors
    ///
    /// Those of `zmq_socket`: no more sockets or descriptors.
    pub fn socket(&self, kind: SocketType) -> io::Result<Socket> {
        let raw = self.raw().socket(kind.raw()).map_err(io_error)?;
        Ok(Socket::new(Core::new(raw, kind, self.clone())?))
    }

    /// Blocks the calling thread until the context has ended: until all its sockets, and all other
    /// clones, are dropped, and what was sent has left or was given up.
    ///
    /// That is for ever while a peer is away and a socket has no
    /// [linger](Socket::set_linger). Works on threads of either kind. A kill and a timeout scope
    /// end the wait, and the context ends later. Sockets that others still use go on; unlike in C
    /// no call fails with `ETERM`.
    pub fn term(self) {
        self.into_end().wait();
    }

    /// [`term`](Context::term) for at most `timeout`. Whether the context has ended.
    pub fn term_timeout(self, timeout: Duration) -> bool {
        self.into_end().wait_timeout(timeout)
    }

    fn into_end(self) -> Arc<Event> {
        Arc::clone(&self.shared.has_ended)
    }

    fn raw(&self) -> &::zmq::Context {
        self.shared.raw.as_ref().expect("it is taken only by `drop`")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // In a place of its own, so that a thread that cannot be started does not drop it here,
        // which would block the caller for as long as its sockets linger.
        let left = Arc::new(Mutex::new(self.raw.take()));
        let (taken, has_ended) = (Arc::clone(&left), Arc::clone(&self.has_ended));
        let end = move || {
            let raw = taken.lock().take();
            drop(raw);
            has_ended.set();
        };
        if let Err(error) = thread::Builder::new().name("zmq-term".to_owned()).spawn(end) {
            tracing::warn!(%error, "a ZeroMQ context is never ended: no thread for it");
            mem::forget(left.lock().take());
        }
    }
}

impl Default for Context {
    fn default() -> Context {
        Context::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}
