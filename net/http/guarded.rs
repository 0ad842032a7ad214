//! The stream of a connection as hyper sees it, with the deadlines that a server sets its peers.
//!
//! What may be waited for depends on what the connection is doing:
//!
//! | state | a read waits | counted from |
//! |---|---|---|
//! | idle: no request under way, nothing read of the next | the idle timeout | the end of the last |
//! | a head has begun | the head timeout | its first byte |
//! | a request is being served | for ever: its body has a timeout of its own | |
//!
//! The first head has begun when the connection was accepted. A connection of HTTP/2 is idle while
//! it has no stream, and any frame counts as a sign of life. A write that waits without getting on
//! has the write timeout, whatever the connection is doing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};

use super::rt::read_into;
use super::shared::Link;
use crate::io::PollDuplex;

pub(super) struct Guarded<S> {
    stream: S,
    link: Arc<Link>,
    /// Read to tell the protocols apart, and not given to hyper yet.
    ahead: Bytes,
    /// The requests that had begun when `state` was right.
    begun: usize,
    state: State,
    read_deadline: Option<Instant>,
    write_deadline: Option<Instant>,
    is_http2: bool,
    is_at_end: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    Head,
    Request,
}

impl<S: PollDuplex> Guarded<S> {
    pub(super) fn new(stream: S, link: Arc<Link>) -> Guarded<S> {
        let read_deadline = after(link.settings().head_timeout);
        Guarded {
            stream,
            link,
            ahead: Bytes::new(),
            begun: 0,
            state: State::Head,
            read_deadline,
            write_deadline: None,
            is_http2: false,
            is_at_end: false,
        }
    }

    /// Has `ahead` be read first.
    pub(super) fn unread(&mut self, ahead: Bytes) {
        self.ahead = ahead;
    }

    /// The deadlines are those of HTTP/2 from now on.
    pub(super) fn is_http2(&mut self) {
        self.is_http2 = true;
    }

    /// Whether the peer has ended its direction.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Whether a request has begun to arrive, and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        self.state == State::Head && self.begun == self.link.begun()
    }

    /// The stream, and what was read ahead of it.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.ahead)
    }

    /// Reads up to the size of `buffer`.
    pub(super) fn poll_first(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let deadline = self.read_deadline();
        let count = ready!(self.stream.poll_read_from(context, buffer, deadline))?;
        self.note_read(count);
        Poll::Ready(Ok(count))
    }

    /// Until when a read may wait that begins now.
    fn read_deadline(&mut self) -> Option<Instant> {
        let begun = self.link.begun();
        let state = match self.state {
            _ if self.link.is_active() => State::Request,
            State::Head if begun == self.begun => State::Head,
            _ => State::Idle,
        };
        if state != self.state || begun != self.begun {
            self.state = state;
            self.read_deadline = match state {
                State::Request => None,
                State::Idle => after(self.link.settings().idle_timeout),
                State::Head => self.read_deadline,
            };
        }
        self.begun = begun;
        self.read_deadline
    }

    fn note_read(&mut self, count: usize) {
        if count == 0 {
            self.is_at_end = true;
        } else if self.is_http2 {
            if self.state != State::Request {
                self.state = State::Idle;
                self.read_deadline = after(self.link.settings().idle_timeout);
            }
        } else if self.state == State::Idle {
            self.state = State::Head;
            self.read_deadline = after(self.link.settings().head_timeout);
        }
    }

    /// Until when a write may wait.
    fn write_deadline(&mut self) -> Option<Instant> {
        if self.write_deadline.is_none() {
            self.write_deadline = after(self.link.settings().write_timeout);
        }
        self.write_deadline
    }

    /// Repeats a write that waits, with the deadline that it has then.
    fn poll_by<T>(
        &mut self,
        context: &mut Context<'_>,
        mut poll: impl FnMut(&S, &mut Context<'_>, Option<Instant>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        // What does not wait needs no clock.
        let past = self.write_deadline;
        let mut outcome = poll(&self.stream, context, past);
        if outcome.is_pending() && past.is_none() && self.link.settings().write_timeout.is_some() {
            let deadline = self.write_deadline();
            outcome = poll(&self.stream, context, deadline);
        }
        if outcome.is_ready() {
            self.write_deadline = None;
        }
        outcome
    }
}

fn after(timeout: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(timeout?)
}

impl<S: PollDuplex + Unpin> Read for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = room.remaining().min(self.ahead.len());
            room.put_slice(&self.ahead[..count]);
            self.ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        let deadline = self.read_deadline();
        let count = ready!(read_into(&self.stream, context, room, deadline))?;
        self.note_read(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: PollDuplex + Unpin> Write for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_by(context, |stream, context, deadline| stream.poll_flush(context, deadline))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_by(context, |stream, context, deadline| stream.poll_end_writes(context, deadline))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_by(context, |stream, context, deadline| {
            stream.poll_write_to(context, buffers, deadline)
        })
    }
}
