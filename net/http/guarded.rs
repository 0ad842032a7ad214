//! The stream of a connection as hyper sees it.
//!
//! How long a read may wait is for the `clock` to say. A write that waits without getting on has
//! the write timeout, whatever the connection is doing.
//!
//! A peer that has ended its direction may still wait for its answer, which hyper would drop. So the
//! end is shown only when it tells something: while the body of the request is still to come,
//! which is incomplete then; while the response is made as it is sent, by somebody who is to end if
//! the peer has gone; and between two requests.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};

use super::clock::{Clock, after};
use super::rt::read_into;
use super::shared::Link;
use crate::io::PollDuplex;

pub(super) struct Guarded<S> {
    stream: S,
    link: Arc<Link>,
    clock: Rc<RefCell<Clock>>,
    /// Read to tell the protocols apart, and not given to hyper yet.
    ahead: Bytes,
    write_deadline: Option<Instant>,
    is_at_end: bool,
}

impl<S: PollDuplex> Guarded<S> {
    pub(super) fn new(stream: S, link: Arc<Link>, clock: Rc<RefCell<Clock>>) -> Guarded<S> {
        let ahead = Bytes::new();
        Guarded { stream, link, clock, ahead, write_deadline: None, is_at_end: false }
    }

    /// Has `ahead` be read first.
    pub(super) fn unread(&mut self, ahead: Bytes) {
        self.ahead = ahead;
    }

    /// Whether the peer has ended its direction.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The stream, and what was read ahead of it.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.ahead)
    }

    /// Reads up to the size of `buffer`, before hyper does.
    pub(super) fn poll_first(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.stream.poll_read_from(context, buffer, None))?;
        self.note_read(count);
        Poll::Ready(Ok(count))
    }

    fn note_read(&mut self, count: usize) {
        match count {
            0 => self.is_at_end = true,
            _ => self.clock.borrow_mut().note_read(),
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
        if !self.is_at_end {
            let count = ready!(read_into(&self.stream, context, room, None))?;
            self.note_read(count);
        }
        if self.is_at_end && self.link.hides_end() {
            // hyper looks again when the response has been sent.
            return Poll::Pending;
        }
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
