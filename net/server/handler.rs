//! One connection from its accept to its end, in a green thread of its own.

use std::io;
use std::net::IpAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenstd_runtime::thread::Killed;
use greenstd_runtime::time;

use super::builder::{Settings, Timeouts, Wrap};
use super::connection::Connection;
use super::listen::Listen;
use super::shared::Shared;
use super::statistics::{Counters, Fate};

/// What all handlers of a server have in common.
pub(super) struct Handler<W, H> {
    shared: Arc<Shared>,
    settings: Settings,
    wrap: W,
    handle: H,
}

impl<W, H> Handler<W, H> {
    pub(super) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        wrap: W,
        handle: H,
    ) -> Handler<W, H> {
        Handler { shared, settings, wrap, handle }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Serves one connection. A panic goes on to the first frame of the green thread, whose name
    /// has the peer's address, and is reported there as any other.
    pub(super) fn run<L>(&self, stream: L::Stream, addr: L::Addr, lease: Arc<Lease>)
    where
        L: Listen,
        W: Wrap<L::Stream>,
        H: Fn(Connection<W::Output, L::Addr>) -> io::Result<()>,
    {
        let peer = addr.clone();
        let its_lease = Arc::clone(&lease);
        let serve = AssertUnwindSafe(|| self.serve::<L>(stream, addr, its_lease));
        match panic::catch_unwind(serve) {
            Ok(Ok(())) => lease.settle(Fate::Finished),
            Ok(Err(error)) => {
                lease.settle(Fate::Failed);
                self.report(&error, &peer);
            }
            Err(payload) => {
                let is_killed = payload.is::<Killed>();
                lease.settle(if is_killed { Fate::Killed } else { Fate::Panicked });
                panic::resume_unwind(payload);
            }
        }
    }

    fn serve<L>(&self, stream: L::Stream, addr: L::Addr, lease: Arc<Lease>) -> io::Result<()>
    where
        L: Listen,
        W: Wrap<L::Stream>,
        H: Fn(Connection<W::Output, L::Addr>) -> io::Result<()>,
    {
        L::set_timeouts(&stream, &self.settings.timeouts)?;
        let stream = self.shake_hands(stream)?;
        let timeouts: Timeouts = self.settings.timeouts;
        (self.handle)(Connection::new(stream, addr, timeouts, lease))
    }

    fn shake_hands<T>(&self, stream: T) -> io::Result<W::Output>
    where
        W: Wrap<T>,
    {
        match self.wrap.timeout() {
            // An expired scope has to unwind, and would abort the process.
            Some(timeout) if cfg!(panic = "unwind") => {
                time::timeout(timeout, || self.wrap.wrap(stream)).unwrap_or_else(|_| {
                    let message = "the handshake took too long";
                    Err(io::Error::new(io::ErrorKind::TimedOut, message))
                })
            }
            _ => self.wrap.wrap(stream),
        }
    }

    fn report(&self, error: &io::Error, peer: &impl std::fmt::Debug) {
        let server = &*self.shared.name;
        if is_of_the_peer(error) {
            tracing::debug!(server, ?peer, %error, "connection failed");
        } else {
            tracing::warn!(server, ?peer, %error, "connection failed");
        }
    }
}

/// Whether an error says only that a peer has gone, or keeps still: of those there are as many as
/// strangers like, and they are no news.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof,
        WouldBlock,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionReset
            | NotConnected
            | TimedOut
            | UnexpectedEof
            | WouldBlock
    )
}

/// The place of a live connection: given back when both its handler and its [`Connection`] are
/// gone.
pub(super) struct Lease {
    shared: Arc<Shared>,
    peer: Option<IpAddr>,
    is_settled: AtomicBool,
}

impl Lease {
    /// For a connection that has a permit, and was counted for its peer.
    pub(super) fn new(shared: &Arc<Shared>, peer: Option<IpAddr>) -> Lease {
        Counters::add(&shared.counters.live);
        Lease { shared: Arc::clone(shared), peer, is_settled: AtomicBool::new(false) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Counts how the connection has ended, once.
    pub(super) fn settle(&self, fate: Fate) {
        // Relaxed: it guards a count and nothing else.
        if !self.is_settled.swap(true, Ordering::Relaxed) {
            self.shared.counters.ended(fate);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Whose handler has never run was killed before.
        self.settle(Fate::Killed);
        Counters::subtract(&self.shared.counters.live);
        self.shared.places.leave(self.peer);
        self.shared.places.release();
    }
}
