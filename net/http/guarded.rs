//! The stream of a connection as hyper sees it.
//!
//! How long a read may wait is for the `clock` to say. A write that waits without getting on has
//! the write timeout, whatever the connection is doing.
//!
//! A peer that has ended its direction may still wait for its answer, so hyper is told to go on
//! (`half_close`), and then does not read before it has sent that. But a response that is made
//! while it is sent may go on for ever, and its maker is to end if the peer has gone: for the time
//! of such a response a `Lookout` reads on, keeps what comes, and tells of the end.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};

use super::clock::{Clock, after};
use super::rt::read_into;
use super::shared::Link;
use crate::io::{PollDuplex, with_scratch};

/// What a peer may send on while a response is made for it: after that it is left in the kernel.
const AHEAD_BYTES: usize = 16 * 1024;

pub(super) struct Guarded<S> {
    stream: Rc<S>,
    link: Arc<Link>,
    incoming: Rc<RefCell<Incoming>>,
    write_deadline: Option<Instant>,
}

/// What has come of the peer.
struct Incoming {
    clock: Rc<RefCell<Clock>>,
    /// Read before hyper has asked for it.
    ahead: BytesMut,
    is_at_end: bool,
}

impl Incoming {
    fn note(&mut self, count: usize) {
        match count {
            0 => self.is_at_end = true,
            _ => self.clock.borrow_mut().note_read(),
        }
    }
}

impl<S: PollDuplex> Guarded<S> {
    pub(super) fn new(stream: S, link: Arc<Link>, clock: Rc<RefCell<Clock>>) -> Guarded<S> {
        let incoming = Incoming { clock, ahead: BytesMut::new(), is_at_end: false };
        let (stream, incoming) = (Rc::new(stream), Rc::new(RefCell::new(incoming)));
        Guarded { stream, link, incoming, write_deadline: None }
    }

    /// What looks out for the peer's end. To be dropped before the stream is taken back.
    pub(super) fn lookout(&self) -> Lookout<S> {
        Lookout { stream: Rc::clone(&self.stream), incoming: Rc::clone(&self.incoming) }
    }

    /// Whether the peer has ended its direction.
    pub(super) fn is_at_end(&self) -> bool {
        self.incoming.borrow().is_at_end
    }

    /// The stream, and what was read ahead of it.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        let ahead = self.incoming.borrow_mut().ahead.split().freeze();
        let stream = Rc::into_inner(self.stream).expect("the lookout was dropped before");
        (stream, ahead)
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

/// Reads ahead of hyper, to see the end of the peer.
pub(super) struct Lookout<S> {
    stream: Rc<S>,
    incoming: Rc<RefCell<Incoming>>,
}

impl<S: PollDuplex> Lookout<S> {
    /// Reads what is there: how much of it is known now, and whether that is all.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.ahead.len() >= AHEAD_BYTES {
            return Poll::Pending;
        }
        let Incoming { ahead, is_at_end, .. } = &mut *incoming;
        if *is_at_end {
            return Poll::Ready(Ok(()));
        }
        let count = with_scratch(|buffer| {
            let room = (AHEAD_BYTES - ahead.len()).min(buffer.len());
            let count = ready!(self.stream.poll_read_from(context, &mut buffer[..room], None))?;
            ahead.extend_from_slice(&buffer[..count]);
            Poll::Ready(io::Result::Ok(count))
        });
        incoming.note(ready!(count)?);
        Poll::Ready(Ok(()))
    }

    /// Ready once the peer has ended its direction, or the connection has failed.
    pub(super) fn poll_end(&self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let outcome = ready!(self.poll(context));
            if outcome.is_err() || self.is_at_end() {
                return Poll::Ready(());
            }
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.incoming.borrow().is_at_end
    }

    /// Calls `look` with what was read ahead.
    pub(super) fn ahead<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.incoming.borrow().ahead)
    }
}

impl<S: PollDuplex + Unpin> Read for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut incoming = self.incoming.borrow_mut();
        if !incoming.ahead.is_empty() {
            let count = room.remaining().min(incoming.ahead.len());
            room.put_slice(&incoming.ahead.split_to(count));
        } else if !incoming.is_at_end {
            let count = ready!(read_into(&*self.stream, context, room, None))?;
            incoming.note(count);
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
