//! One connection, from its first byte to its end, on a green thread.

use std::cell::{OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use greenstd_runtime::block_on;
use greenstd_runtime::future::sleep_until;
use greenstd_runtime::group::Group;
use greenstd_runtime::{thread, time};
use hyper::server::conn::http2;

use super::clock::Clock;
use super::drain::Place;
use super::guarded::{Guarded, Lookout};
use super::http1;
use super::rt::{GreenExecutor, GreenTimer};
use super::service::Service;
use super::shared::{Link, Shared};
use crate::io::{Duplex, PollDuplex};
use crate::server::Connection;

/// By what a connection of HTTP/2 begins; RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How often a peer of HTTP/2 is asked whether it is there, while it has streams: hyper's default
/// for the answer is 20 s.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long, and for how many bytes, what a peer still sends is thrown away after the last
/// response. To close before would reset the connection, and take that response from the peer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// Serves a connection. Blocks until it has ended, and so have its handlers.
pub(super) fn serve<S, A>(shared: &Arc<Shared>, connection: Connection<S, A>) -> io::Result<()>
where
    S: PollDuplex + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    let peer = (connection.peer() as &dyn std::any::Any).downcast_ref().copied();
    // A socket that refuses is a socket all the same.
    let _ = connection.send_at_once();
    let link = Arc::new(Link::new(Arc::clone(shared), peer));
    let handlers = Handlers(Arc::clone(&link.handlers));
    let clock = Rc::new(RefCell::new(Clock::new(Arc::clone(&link))));
    let stream = Guarded::new(Stream(connection), Arc::clone(&link), Rc::clone(&clock));
    let protocol = match link.settings().http2 {
        true => recognize(&stream.lookout(), &link, &clock)?,
        false => Protocol::Http1,
    };
    let outcome = match protocol {
        Protocol::Http1 => match http1::serve(stream, &link, &clock) {
            Ok(Some(http1::Switch { speak, stream })) => {
                // It may live for long, and hyper goes deeper than most of what follows does.
                thread::trim_stack();
                speak(stream)
            }
            outcome => outcome.map(drop),
        },
        Protocol::Http2 => serve_http2(stream, &link, &clock),
        Protocol::None => Ok(()),
    };
    handlers.0.join(None);
    outcome
}

/// The handlers of a connection end with it if it is killed.
struct Handlers(Arc<Group>);

impl Drop for Handlers {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            // Refused only where nothing can be killed.
            let _ = self.0.kill(Duration::ZERO);
        }
    }
}

enum Protocol {
    Http1,
    Http2,
    /// The peer has gone, or the server drains.
    None,
}

/// Reads as much as it takes to tell the protocols apart.
#[inline(never)]
fn recognize<S: PollDuplex>(
    lookout: &Lookout<S>,
    link: &Link,
    clock: &RefCell<Clock>,
) -> io::Result<Protocol> {
    let outcome = drive(link, clock, |context, is_draining| {
        if is_draining {
            return Poll::Ready(Ok(Protocol::None));
        }
        loop {
            ready!(lookout.poll(context))?;
            let is_at_end = lookout.is_at_end();
            let protocol = lookout.ahead(|bytes| {
                let compared = bytes.len().min(PREFACE.len());
                match bytes[..compared] == PREFACE[..compared] {
                    _ if is_at_end && bytes.is_empty() => Some(Protocol::None),
                    true if compared == PREFACE.len() => Some(Protocol::Http2),
                    true if !is_at_end => None,
                    _ => Some(Protocol::Http1),
                }
            });
            if let Some(protocol) = protocol {
                return Poll::Ready(Ok(protocol));
            }
        }
    });
    // What comes too late is answered as that.
    outcome.unwrap_or(Ok(Protocol::Http1))
}

/// The place of a connection among those that hear of the drain.
struct Entry<'l> {
    link: &'l Link,
    place: OnceCell<Place<'l>>,
}

impl<'l> Entry<'l> {
    fn new(link: &'l Link) -> Entry<'l> {
        Entry { link, place: OnceCell::new() }
    }

    /// Whether the server drains; if not, the future that is polled is woken when it begins to.
    fn is_draining(&self, context: &Context<'_>) -> bool {
        // The waker of one `block_on` is the same each time.
        self.place.get_or_init(|| self.link.shared.drain.enter(context.waker()));
        self.link.shared.drain.is_on()
    }
}

#[inline(never)]
fn serve_http2<S>(
    stream: Guarded<Stream<S>>,
    link: &Arc<Link>,
    clock: &RefCell<Clock>,
) -> io::Result<()>
where
    Stream<S>: PollDuplex + Unpin,
    S: Send + Sync + 'static,
{
    clock.borrow_mut().is_http2();
    let settings = link.settings();
    let service = Service { link: Arc::clone(link), is_http2: true };
    let executor = GreenExecutor::in_group(Arc::clone(&link.handlers));
    let connection = http2::Builder::new(executor)
        .timer(GreenTimer)
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let outcome = drive(link, clock, |context, is_draining| {
        if is_draining {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context).map_ok(|()| Fate::Done)
    });
    ended(outcome)
}

/// How a connection has ended.
pub(super) enum Fate {
    Done,
    /// The peer has ended it while a response was being made.
    Gone,
}

/// Polls something to its end, and tells it once that the server drains. None if the peer takes
/// too long.
pub(super) fn drive<T>(
    link: &Link,
    clock: &RefCell<Clock>,
    mut poll: impl FnMut(&mut Context<'_>, bool) -> Poll<T>,
) -> Option<T> {
    let entry = Entry::new(link);
    let mut is_told = false;
    let mut sleep = sleep_until(time::now());
    block_on(poll_fn(|context| {
        let is_draining = entry.is_draining(context);
        let is_news = is_draining && !is_told;
        is_told = is_draining;
        // hyper goes deep, and what it needs between two polls is not on the stack.
        if let Poll::Ready(output) = thread::on_lent_stack(|| poll(context, is_news)) {
            return Poll::Ready(Some(output));
        }
        // After the poll, which is what changes it.
        let Some(deadline) = clock.borrow_mut().deadline() else { return Poll::Pending };
        sleep.reset(deadline);
        Pin::new(&mut sleep).poll(context).map(|()| None)
    }))
}

/// Ends a connection so that the peer gets all that was sent, even if it is still sending.
pub(super) fn close(stream: &impl PollDuplex, is_to_linger: bool) {
    let deadline = time::now().checked_add(LINGER);
    // The peer may have gone already. What is encrypted says farewell first, for which a peer that
    // takes nothing leaves no room.
    let ended =
        block_on(poll_fn(|context: &mut Context<'_>| stream.poll_end_writes(context, deadline)));
    if !is_to_linger || ended.is_err() {
        return;
    }
    let mut buffer = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES;
    while left > 0 {
        let read =
            |context: &mut Context<'_>| stream.poll_read_from(context, &mut buffer, deadline);
        match block_on(poll_fn(read)) {
            Ok(count @ 1..) => left = left.saturating_sub(count),
            Ok(0) | Err(_) => return,
        }
    }
}

/// Whatever ends a connection with an error is its peer's doing, or was reported before.
pub(super) fn ended(outcome: Option<hyper::Result<Fate>>) -> io::Result<()> {
    match outcome {
        None => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the peer has kept still for too long"))
        }
        Some(Ok(Fate::Done)) => Ok(()),
        Some(Ok(Fate::Gone)) => {
            let message = "the peer has gone inside of a response";
            Err(io::Error::new(io::ErrorKind::BrokenPipe, message))
        }
        Some(Err(error)) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)),
    }
}

/// A server's connection as a stream without a type of its own, for who it is upgraded for.
pub(super) struct Stream<C>(C);

// It is never pinned to its place: hyper is given it by value.
impl<C> Unpin for Stream<C> {}

impl<S: Duplex, A> Duplex for Stream<Connection<S, A>> {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (*self.0).read_from(buffer)
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        (*self.0).write_to(bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Duplex::shutdown(&*self.0, how)
    }

    fn flush(&self) -> io::Result<()> {
        Duplex::flush(&*self.0)
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        (*self.0).try_write_to(bytes)
    }
}

impl<S: PollDuplex, A> PollDuplex for Stream<Connection<S, A>> {
    fn poll_read_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        (*self.0).poll_read_from(context, buffer, deadline)
    }

    fn poll_write_to(
        &self,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        (*self.0).poll_write_to(context, buffers, deadline)
    }

    fn poll_flush(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        (*self.0).poll_flush(context, deadline)
    }

    fn poll_end_writes(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        (*self.0).poll_end_writes(context, deadline)
    }
}
