//! What all connections of a server share, and what all requests of a connection do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use greenstd_runtime::group::Group;
use greenstd_runtime::sync::Semaphore;
use parking_lot::Mutex;

use super::drain::Drain;
use super::reply::Response;
use super::request::Request;
use super::upgrade::Upgrade;

/// What the builder was told.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) head_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) body_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) max_head_bytes: usize,
    pub(super) max_headers: usize,
    pub(super) max_body_bytes: Option<u64>,
    pub(super) max_requests: Option<usize>,
    pub(super) max_streams: u32,
    pub(super) http2: bool,
    pub(super) stack_size: Option<usize>,
}

/// A handler whose result was made a response.
pub(super) type Handle = dyn Fn(Request) -> Response + Send + Sync;

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) handle: Box<Handle>,
    /// One for each request that may be served at once.
    pub(super) permits: Option<Semaphore>,
    pub(super) drain: Drain,
}

/// What the requests of one connection share with it.
///
/// # Orderings
///
/// Relaxed: the counts are changed and read by the connection's thread; streams of HTTP/2 change
/// them elsewhere, and then a late look costs no more than a deadline that begins late.
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Option<SocketAddr>,
    /// The green threads of handlers.
    pub(super) handlers: Arc<Group>,
    /// What is to be done with the connection once it has left HTTP.
    pub(super) upgrade: Mutex<Option<Upgrade>>,
    active: AtomicUsize,
    begun: AtomicUsize,
    is_unread: AtomicBool,
    is_streaming: AtomicBool,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, peer: Option<SocketAddr>) -> Link {
        Link {
            shared,
            peer,
            handlers: Arc::new(Group::new()),
            upgrade: Mutex::new(None),
            active: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            is_unread: AtomicBool::new(false),
            is_streaming: AtomicBool::new(false),
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.is_streaming.store(false, Ordering::Relaxed);
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// A response has begun that is made while it is sent, by somebody who is to end if the peer
    /// has gone.
    pub(super) fn note_streaming(&self) {
        self.is_streaming.store(true, Ordering::Relaxed);
    }

    /// Whether such a response is being sent; of use for HTTP/1 alone.
    pub(super) fn is_streaming(&self) -> bool {
        self.is_streaming.load(Ordering::Relaxed)
    }

    /// Whether a request is being served.
    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed) > 0
    }

    /// How many requests there have been.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// A handler has left a part of its request's body.
    pub(super) fn note_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }
}
