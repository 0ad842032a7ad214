//! The green threads that accept connections and start handlers.
//!
//! Each loops: pass the gate, take a permit, accept what is there, start a handler. An accept never
//! waits; where it would, the acceptor waits for the listener and the gate together, without a
//! permit, so that a pause and a stop reach it at once.
//!
//! There is one for each worker, as far as it can be had. Where a green thread starts is for the
//! runtime to say, so an acceptor that finds another one on its worker starts anew, a few times.
//!
//! # Invariants
//!
//! 1. Between an accept that has succeeded and the start of its handler nothing waits, so a kill
//!    loses no connection.
//! 2. The listeners belong to the acceptors alone: with the last of these, they are closed.
//! 3. A permit is held from before an accept until the connection is closed.

use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use greenstd_runtime::{diag, select, thread};
use parking_lot::Mutex;

use super::builder::{Settings, Wrap};
use super::connection::Connection;
use super::handler::{Handler, Lease};
use super::listen::Listen;
use super::shared::{Presence, Shared};
use super::statistics::{Counters, Fate};
use super::stream::StreamServer;
use crate::back_off::BackOff;

/// gevent's bounds for the wait after an error: `min_delay`, `max_delay`.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// Connections that are accepted in a row, at some 10 µs each, before others get their turn.
const ACCEPTS_PER_TURN: u32 = 16;

/// Each acceptor wakes for each connection that comes to an idle server, so there are not as many
/// as a large machine has workers. No service accepts more than eight can.
const MOST_ACCEPTORS: usize = 8;

/// An acceptor tries to come to a worker of its own after this long, then after twice as long, and
/// so on: a worker that has just been started may be there within a millisecond, or may have to
/// wait for a core for much longer.
const PLACING_DELAY: Duration = Duration::from_millis(1);

/// The tries of one whose queue others serve, over 4 s.
const PLACINGS: u32 = 12;

/// The tries of one whose queue waits meanwhile, over 31 ms.
const PLACINGS_WITH_QUEUE: u32 = 5;

/// As many acceptors as make sense.
pub(super) fn most_acceptors() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_ACCEPTORS)
}

/// Starts a server on `listeners`, of which there is one at least.
pub(super) fn start<L, W, H>(
    settings: Settings,
    listeners: Vec<L>,
    wrap: W,
    handler: H,
) -> io::Result<StreamServer<L::Addr>>
where
    L: Listen,
    W: Wrap<L::Stream>,
    H: Fn(Connection<W::Output, L::Addr>) -> io::Result<()> + Send + Sync + 'static,
{
    let mut addrs = Vec::new();
    for listener in &listeners {
        listener.prepare()?;
        addrs.push(listener.local_addr()?);
    }
    let has_own_queue = listeners.len() > 1;
    let shared = Arc::new(Shared::new(&settings));
    let server = StreamServer::new(Arc::clone(&shared), addrs.swap_remove(0));
    let handler = Arc::new(Handler::new(Arc::clone(&shared), settings, wrap, handler));
    let mut listeners: Vec<Arc<L>> = listeners.into_iter().map(Arc::new).collect();
    if !has_own_queue {
        let only = Arc::clone(&listeners[0]);
        listeners.resize_with(most_acceptors(), || Arc::clone(&only));
    }
    let taken = Arc::new(Mutex::new(Vec::new()));
    // All are counted before the first one runs, which may end at once.
    let acceptors: Vec<_> = listeners
        .into_iter()
        .map(|listener| Acceptor {
            listener,
            presence: Shared::enter(&shared),
            handler: Arc::clone(&handler),
            taken: Arc::clone(&taken),
            has_own_queue,
            placings: 0,
            kind: PhantomData,
        })
        .collect();
    let mut acceptors = acceptors.into_iter();
    // Where not even one can be started there is no server; more of them are a matter of speed,
    // unless each has a queue to itself.
    if let Some(first) = acceptors.next() {
        first.spawn()?;
    }
    for acceptor in acceptors {
        let started = acceptor.spawn();
        if has_own_queue {
            started?;
        }
    }
    Ok(server)
}

/// Dropped in the order of its fields: the listener is closed before the acceptor counts as gone.
struct Acceptor<L: Listen, W, H> {
    listener: Arc<L>,
    presence: Presence,
    handler: Arc<Handler<W, H>>,
    /// The workers that have an acceptor.
    taken: Arc<Mutex<Vec<ThreadId>>>,
    has_own_queue: bool,
    placings: u32,
    kind: PhantomData<fn() -> L>,
}

impl<L, W, H> Acceptor<L, W, H>
where
    L: Listen,
    W: Wrap<L::Stream>,
    H: Fn(Connection<W::Output, L::Addr>) -> io::Result<()> + Send + Sync + 'static,
{
    /// Starts it as a green thread without a handle, since those are spread best.
    fn spawn(self) -> io::Result<()> {
        let name = format!("{}-acceptor", self.shared().name);
        thread::Builder::new().name(name).spawn(move || self.run()).map(drop)
    }

    fn shared(&self) -> &Arc<Shared> {
        self.presence.shared()
    }

    fn run(mut self) {
        // Green threads of one worker are on one OS thread, and stay there.
        let worker = std::thread::current().id();
        if !self.take(worker) {
            let most = if self.has_own_queue { PLACINGS_WITH_QUEUE } else { PLACINGS };
            if self.placings < most {
                self.shared().gate.sleep(PLACING_DELAY * 2_u32.pow(self.placings));
                self.placings += 1;
                // An error drops it, as if it had given up.
                let _ = self.spawn();
                return;
            }
            if !self.has_own_queue {
                return;
            }
        }
        self.accept_all();
    }

    /// Takes a worker, unless it has an acceptor.
    fn take(&self, worker: ThreadId) -> bool {
        let mut taken = self.taken.lock();
        let is_free = !taken.contains(&worker);
        if is_free {
            taken.push(worker);
        }
        is_free
    }

    fn accept_all(&self) {
        let (shared, listener) = (self.shared(), &*self.listener);
        // One wait for all of them, so that the listener is registered once.
        let readable = select::readable(listener);
        let mut arrival = shared.gate.waits_for(&readable);
        let mut back_off = BackOff::new(FIRST_DELAY, LONGEST_DELAY);
        let mut in_a_row = 0;
        while shared.gate.pass() {
            let Some(permit) = Permit::take(shared) else { continue };
            let failure = match listener.accept() {
                Ok((stream, addr)) => {
                    in_a_row += 1;
                    self.serve(permit, stream, addr).err()
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    drop(permit);
                    in_a_row = 0;
                    match arrival.wait() {
                        None | Some(Ok(())) => continue,
                        Some(Err(error)) => Some(error),
                    }
                }
                Err(error) => {
                    drop(permit);
                    Counters::add(&shared.counters.accept_errors);
                    diag::count_accept_error();
                    if is_fatal(&error) {
                        tracing::error!(server = shared.name, %error, "the listener is broken");
                        return shared.fail(&error);
                    }
                    Some(error)
                }
            };
            match failure {
                None => back_off.succeeded(),
                Some(error) => {
                    if !back_off.is_under_way() {
                        tracing::warn!(server = shared.name, %error, "cannot serve: backing off");
                    }
                    shared.gate.sleep(back_off.failed());
                }
            }
            if in_a_row == ACCEPTS_PER_TURN {
                in_a_row = 0;
                thread::yield_now();
            }
        }
    }

    /// Starts the handler of a connection.
    fn serve(&self, permit: Permit, stream: L::Stream, addr: L::Addr) -> io::Result<()> {
        let shared = self.shared();
        Counters::add(&shared.counters.accepted);
        let peer = L::peer(&addr);
        if !shared.places.enter(peer) {
            Counters::add(&shared.counters.refused);
            tracing::debug!(server = shared.name, peer = ?addr, "refused: too many connections");
            return Ok(());
        }
        permit.keep();
        let lease = Arc::new(Lease::new(shared, peer));
        let settings = self.handler.settings();
        let mut builder = thread::Builder::new().name(format!("{}-{addr:?}", settings.name));
        if let Some(bytes) = settings.stack_size {
            builder = builder.stack_size(bytes);
        }
        let (handler, its_lease) = (Arc::clone(&self.handler), Arc::clone(&lease));
        let body = move || handler.run::<L>(stream, addr, its_lease);
        // Its closure, dropped, has closed the connection if this fails.
        let started = shared.handlers.spawn_with(builder, body).map(drop);
        if started.is_err() {
            lease.settle(Fate::Failed);
        }
        started
    }
}

/// A permit that is given back when dropped.
struct Permit<'s>(&'s Shared);

impl Permit<'_> {
    /// None if the gate was paused or closed first.
    fn take(shared: &Shared) -> Option<Permit<'_>> {
        let has_permit = shared.places.acquire(&shared.gate);
        let permit = has_permit.then(|| Permit(shared));
        permit.filter(|_| shared.gate.is_open())
    }

    /// Leaves it to a lease to give it back.
    fn keep(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.places.release();
    }
}

/// gevent's list, and the error of a socket of another kind: no later accept can succeed.
fn is_fatal(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    matches!(code, Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP))
}
