//! A connection of HTTP/1.1.
//!
//! What begins and what ends it are functions of their own: whatever is on the stack together with
//! the calls that wait is touched, and kept, by each connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use greenstd_runtime::block_on;
use greenstd_runtime::time;
use hyper::server::conn::http1;

use super::clock::Clock;
use super::connection::{Fate, Stream, close, drive, ended};
use super::guarded::Guarded;
use super::service::Service;
use super::shared::Link;
use super::upgrade::{Upgrade, Upgraded};
use crate::io::PollDuplex;

/// hyper's own bounds for what it reads and writes at once; a head may take as much.
const BUFFER_BYTES: usize = 64 * 1024;

/// hyper's own limit of the fields of a head.
pub(super) const DEFAULT_MAX_HEADERS: usize = 100;

/// What a peer is told whose head takes too long.
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A connection that speaks another protocol from now on.
pub(super) struct Switch {
    pub(super) speak: Upgrade,
    pub(super) stream: Upgraded,
}

/// A connection of hyper's, over a stream of ours.
type Http1<S> = http1::Connection<Guarded<Stream<S>>, Service>;

#[inline(never)]
fn begin<S>(stream: Guarded<Stream<S>>, link: &Arc<Link>) -> Http1<S>
where
    Stream<S>: PollDuplex + Unpin,
    S: Send + Sync + 'static,
{
    let settings = link.settings();
    let service = Service { link: Arc::clone(link), is_http2: false };
    let mut builder = http1::Builder::new();
    if settings.max_headers != DEFAULT_MAX_HEADERS {
        // hyper has room for its default on the stack, and clears whatever else it is told.
        builder.max_headers(settings.max_headers);
    }
    builder
        .half_close(true)
        .max_header_size(settings.max_head_bytes)
        .max_buf_size(BUFFER_BYTES.max(settings.max_head_bytes))
        .header_read_timeout(None)
        .serve_connection(stream, service)
}

/// Serves it, until it ends or speaks another protocol.
#[inline(never)]
pub(super) fn serve<S>(
    stream: Guarded<Stream<S>>,
    link: &Arc<Link>,
    clock: &RefCell<Clock>,
) -> io::Result<Option<Switch>>
where
    Stream<S>: PollDuplex + Unpin,
    S: Send + Sync + 'static,
{
    let lookout = stream.lookout();
    let mut connection = begin(stream, link);
    let outcome = drive(link, clock, |context, is_draining| {
        if is_draining {
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(outcome) = connection.poll_without_shutdown(context) {
            return Poll::Ready(outcome.map(|()| Fate::Done));
        }
        match link.is_streaming() {
            true => lookout.poll_end(context).map(|()| Ok(Fate::Gone)),
            false => Poll::Pending,
        }
    });
    drop(lookout);
    end(connection, outcome, link, clock)
}

#[inline(never)]
fn end<S>(
    connection: Http1<S>,
    outcome: Option<hyper::Result<Fate>>,
    link: &Link,
    clock: &RefCell<Clock>,
) -> io::Result<Option<Switch>>
where
    Stream<S>: PollDuplex + Unpin,
    S: Send + Sync + 'static,
{
    let parts = connection.into_parts();
    let speak = link.upgrade.lock().take();
    if let (Some(Ok(Fate::Done)), Some(speak)) = (&outcome, speak) {
        let (stream, unread) = parts.io.into_parts();
        let ahead = read_ahead(unread, parts.read_buf);
        return Ok(Some(Switch { speak, stream: Upgraded::new(Box::new(stream), ahead) }));
    }
    let is_too_slow = outcome.is_none() && clock.borrow().is_in_head();
    let is_clean = matches!(outcome, Some(Ok(Fate::Done))) && !link.is_unread();
    let is_owed_silence = outcome.is_none() || is_clean && parts.read_buf.is_empty();
    let is_at_end = parts.io.is_at_end();
    let (stream, _) = parts.io.into_parts();
    if is_too_slow {
        // If there is no room for it, the peer does not listen either.
        let _ = block_on(poll_fn(|context| {
            let now = Some(time::now());
            stream.poll_write_to(context, &[io::IoSlice::new(TOO_SLOW)], now)
        }));
    }
    close(&stream, !is_at_end && !is_owed_silence);
    ended(outcome).map(|()| None)
}

/// What has come already of the protocol after HTTP. Copied, so that no buffer of HTTP lives on for
/// as long as that: hyper's has 8 KiB, and even empty it keeps them.
fn read_ahead(unread: Bytes, read_by_hyper: Bytes) -> Bytes {
    // hyper has read all of what was read ahead, or has ended before.
    let ahead = if read_by_hyper.is_empty() { unread } else { read_by_hyper };
    Bytes::copy_from_slice(&ahead)
}
