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
    /// The end of what the peer sends says something to whoever reads the request, or makes the
    /// response.
    shows_end: AtomicBool,
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
            shows_end: AtomicBool::new(true),
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// A request has begun, whose body is complete or is not.
    pub(super) fn begin(&self, is_complete: bool) {
        self.show_end(!is_complete);
        self.active.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the end of what the peer sends is to be told from now on, even while a request is
    /// being served.
    pub(super) fn show_end(&self, shows: bool) {
        self.shows_end.store(shows, Ordering::Relaxed);
    }

    pub(super) fn hides_end(&self) -> bool {
        self.is_active() && !self.shows_end.load(Ordering::Relaxed)
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
