//! What the acceptors, the handlers and the handles of a server share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenstd_runtime::group::Group;
use greenstd_runtime::sync::{Event, WaitGroup};
use parking_lot::Mutex;

use super::builder::Settings;
use super::gate::Gate;
use super::places::Places;
use super::statistics::Counters;

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) gate: Gate,
    pub(super) places: Places,
    pub(super) counters: Counters,
    pub(super) handlers: Group,
    /// Tells handlers that the server stops.
    pub(super) stopping: Arc<Event>,
    /// Set when the last acceptor is gone, and the listeners are closed.
    pub(super) closed: Event,
    /// The stops that are under way.
    pub(super) stops: Arc<WaitGroup>,
    acceptors: AtomicUsize,
    failure: Mutex<Option<Failure>>,
}

/// An error that can be told more than once, which `io::Error` cannot.
struct Failure {
    code: Option<i32>,
    kind: io::ErrorKind,
    message: String,
}

impl Shared {
    pub(super) fn new(settings: &Settings) -> Shared {
        Shared {
            name: settings.name.clone(),
            gate: Gate::new(),
            places: Places::new(settings.max_connections, settings.max_connections_per_peer),
            counters: Counters::default(),
            handlers: Group::new(),
            stopping: Arc::new(Event::new()),
            closed: Event::new(),
            stops: Arc::new(WaitGroup::new()),
            acceptors: AtomicUsize::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Counts one more acceptor, until what is returned is dropped.
    pub(super) fn enter(shared: &Arc<Shared>) -> Presence {
        // Relaxed: whoever counts down has got the presence from here.
        shared.acceptors.fetch_add(1, Ordering::Relaxed);
        Presence(Arc::clone(shared))
    }

    /// Ends the accepting with an error. The first one counts.
    pub(super) fn fail(&self, error: &io::Error) {
        let (code, kind, message) = (error.raw_os_error(), error.kind(), error.to_string());
        self.failure.lock().get_or_insert(Failure { code, kind, message });
        self.gate.close();
    }

    pub(super) fn outcome(&self) -> io::Result<()> {
        match &*self.failure.lock() {
            None => Ok(()),
            Some(Failure { code: Some(code), .. }) => Err(io::Error::from_raw_os_error(*code)),
            Some(Failure { kind, message, .. }) => Err(io::Error::new(*kind, message.clone())),
        }
    }
}

/// One acceptor, wherever it is.
pub(super) struct Presence(Arc<Shared>);

impl Presence {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Release and acquire: the last one sees that the others have dropped their listeners.
        if self.0.acceptors.fetch_sub(1, Ordering::AcqRel) == 1 {
            // They may have ended unasked, with their runtime.
            self.0.gate.close();
            self.0.closed.set();
        }
    }
}
