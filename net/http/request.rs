//! Requests, and their bodies as something to read.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ::http::HeaderMap;
use bytes::{Buf, Bytes};
use greenstd_runtime::block_on;
use greenstd_runtime::future::sleep_until;
use greenstd_runtime::time;
use http_body::Body;
use hyper::body::Incoming;

use super::failure::BodyError;
use super::shared::Link;

/// What a handler is given.
pub type Request = ::http::Request<RequestBody>;

/// What is known of a request beyond its head and its body.
pub trait RequestExt {
    /// The address of the peer; none on a Unix socket.
    fn peer_addr(&self) -> Option<SocketAddr>;

    /// The span of the request, for events that belong to it. It is entered nowhere: an entered
    /// span belongs to an OS thread, and others would run in it while this green thread is parked.
    fn span(&self) -> &tracing::Span;
}

impl RequestExt for Request {
    fn peer_addr(&self) -> Option<SocketAddr> {
        self.body().link.as_ref()?.peer
    }

    fn span(&self) -> &tracing::Span {
        &self.body().span
    }
}

/// The body of a request, which is read as any stream is.
///
/// Reads park the green thread until the peer has sent more; kills and timeout scopes end them.
/// `Expect: 100-continue` is answered at the first read, and not if there is none. What a handler
/// leaves unread is dropped, with the connection if it is more than what has arrived. Made of
/// bytes (`From`), it is a body for tests of handlers.
///
/// # Errors
///
/// Those of a [`BodyError`]; each is returned again by all later reads. A handler that returns it
/// as its result answers what stands there.
///
/// # Examples
///
/// ```
/// use greenstd_net::http::{Request, RequestBody};
/// use std::io;
///
/// fn count(mut request: Request) -> io::Result<String> {
///     let bytes = io::copy(request.body_mut(), &mut io::sink())?;
///     Ok(format!("{bytes} bytes"))
/// }
///
/// let answer = count(Request::new(RequestBody::from("hello")))?;
/// assert_eq!(answer, "5 bytes");
/// # Ok::<(), io::Error>(())
/// ```
pub struct RequestBody {
    incoming: Option<Incoming>,
    /// Received, and not read yet.
    ahead: Bytes,
    received: u64,
    limit: Option<u64>,
    timeout: Option<Duration>,
    failure: Option<BodyError>,
    trailers: Option<HeaderMap>,
    pub(super) link: Option<Arc<Link>>,
    pub(super) span: tracing::Span,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, link: Arc<Link>, span: tracing::Span) -> RequestBody {
        let settings = link.settings();
        RequestBody {
            limit: settings.max_body_bytes,
            timeout: settings.body_timeout,
            incoming: Some(incoming),
            ahead: Bytes::new(),
            received: 0,
            failure: None,
            trailers: None,
            link: Some(link),
            span,
        }
    }

    /// Changes how many bytes it may have; `None` for as many as the peer likes.
    pub fn set_limit(&mut self, bytes: impl Into<Option<u64>>) {
        self.limit = bytes.into();
    }

    /// Changes how long each read may wait; `None` for as long as it takes.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.timeout = timeout.into();
    }

    /// How many bytes are left to be read, if the peer has said so.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        let ahead = self.ahead.len() as u64;
        let incoming = self.incoming.as_ref().map_or(Some(0), |body| body.size_hint().exact())?;
        Some(ahead + incoming)
    }

    /// Whether there is nothing left to read. Never blocks; false where only a read can tell.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.ahead.is_empty() && self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    /// Blocks the calling thread until the whole body has come, and returns it.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn read_all(&mut self) -> io::Result<Bytes> {
        let first = std::mem::take(&mut self.ahead);
        let Some(second) = self.next_chunk()? else { return Ok(first) };
        let mut all = Vec::with_capacity(first.len() + second.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.next_chunk()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    /// Blocks the calling thread until more of the body has come, and returns that as it came;
    /// `None` at the end.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        if !self.ahead.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ahead)));
        }
        self.receive().map_err(|error| {
            self.failure = Some(error);
            error.into()
        })
    }

    /// The fields that came after the body, once it has been read to its end.
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    fn receive(&mut self) -> Result<Option<Bytes>, BodyError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        // Before the first byte is asked for, which is what has the peer send it.
        let announced = incoming.size_hint().lower();
        if self.limit.is_some_and(|limit| self.received.saturating_add(announced) > limit) {
            return Err(BodyError::TooLarge);
        }
        loop {
            match next_frame(incoming, self.timeout)? {
                None => return Ok(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) => {
                        self.received += data.len() as u64;
                        if self.limit.is_some_and(|limit| self.received > limit) {
                            return Err(BodyError::TooLarge);
                        }
                        if !data.is_empty() {
                            return Ok(Some(data));
                        }
                    }
                    Err(other) => self.trailers = other.into_trailers().ok(),
                },
            }
        }
    }
}

fn next_frame(
    incoming: &mut Incoming,
    timeout: Option<Duration>,
) -> Result<Option<hyper::body::Frame<Bytes>>, BodyError> {
    let mut sleep = None;
    block_on(poll_fn(|context| {
        if let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(context) {
            let frame = frame.transpose();
            return Poll::Ready(frame.map_err(|error| BodyError::of_hyper(&error)));
        }
        let Some(timeout) = timeout else { return Poll::Pending };
        let Some(deadline) = time::now().checked_add(timeout) else { return Poll::Pending };
        let sleep = sleep.get_or_insert_with(|| sleep_until(deadline));
        Pin::new(sleep).poll(context).map(|()| Err(BodyError::TimedOut))
    }))
}

impl Read for RequestBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.ahead.is_empty() {
            match self.next_chunk()? {
                None => return Ok(0),
                Some(chunk) => self.ahead = chunk,
            }
        }
        let count = buf.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

impl<B: Into<Bytes>> From<B> for RequestBody {
    fn from(bytes: B) -> RequestBody {
        RequestBody {
            incoming: None,
            ahead: bytes.into(),
            received: 0,
            limit: None,
            timeout: None,
            failure: None,
            trailers: None,
            link: None,
            span: tracing::Span::none(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let (Some(link), Some(incoming)) = (&self.link, &self.incoming)
            && !incoming.is_end_stream()
        {
            link.note_unread();
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("received", &self.received)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
