//! An encrypted stream in futures: the calls of a session that never wait for the transport.
//!
//! They go through the same turns and buffers as the calls that block, so a stream may change from
//! one to the other, as a connection does that leaves HTTP. A turn is waited for as there: whoever
//! polls holds none between two polls, so it is free unless another thread is in a call that
//! blocks.
//!
//! A write that has taken bytes counts as done, whatever the transport had room for: the rest is
//! sent by the next write, which takes nothing before, or by the flush that follows.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::ciphertext::{Inbound, Outbound};
use super::session::{Session, end, take_turn};
use super::stream::TlsStream;
use crate::io::PollDuplex;

impl Inbound {
    fn poll_fill<S: PollDuplex>(
        &mut self,
        stream: &S,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let mut is_pending = false;
        let outcome =
            self.fill_by(|buffer| match stream.poll_read_from(context, buffer, deadline) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    is_pending = true;
                    Err(io::ErrorKind::WouldBlock.into())
                }
            });
        if is_pending { Poll::Pending } else { Poll::Ready(outcome) }
    }
}

impl Outbound {
    /// Ready once the transport has taken everything.
    fn poll_send<S: PollDuplex>(
        &mut self,
        stream: &S,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let mut is_pending = false;
        let outcome = self.send_by(|bytes| {
            match stream.poll_write_to(context, &[IoSlice::new(bytes)], deadline) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    is_pending = true;
                    Err(io::ErrorKind::WouldBlock.into())
                }
            }
        });
        if is_pending { Poll::Pending } else { Poll::Ready(outcome) }
    }
}

impl Session {
    fn poll_read<S: PollDuplex>(
        &self,
        stream: &S,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut inbound = take_turn(&self.reading);
        loop {
            if let Some(outcome) = self.read_arrived(stream, &mut inbound, buffer) {
                return Poll::Ready(outcome);
            }
            ready!(inbound.poll_fill(stream, context, deadline))?;
        }
    }

    fn poll_write<S: PollDuplex>(
        &self,
        stream: &S,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        let mut outbound = take_turn(&self.writing);
        ready!(outbound.poll_send(stream, context, deadline))?;
        let taken = self.encrypt(&mut outbound, buffers)?;
        outbound.try_send(stream);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush<S: PollDuplex>(
        &self,
        stream: &S,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let mut outbound = take_turn(&self.writing);
        outbound.collect(&mut *self.connection()?);
        ready!(outbound.poll_send(stream, context, deadline))?;
        stream.poll_flush(context, deadline)
    }

    fn poll_end_writes<S: PollDuplex>(
        &self,
        stream: &S,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let mut outbound = take_turn(&self.writing);
        ready!(outbound.poll_send(stream, context, deadline))?;
        if !outbound.is_ended && !std::thread::panicking() {
            end(&mut *self.connection()?, &mut outbound);
            ready!(outbound.poll_send(stream, context, deadline))?;
        }
        stream.poll_end_writes(context, deadline)
    }
}

/// As the calls that block, but for the timeouts of the transport. A failure of the transport is an
/// error of each call that follows.
impl<S: PollDuplex> PollDuplex for TlsStream<S> {
    fn poll_read_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        self.session.poll_read(self.get_ref(), context, buffer, deadline)
    }

    fn poll_write_to(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>> {
        self.session.poll_write(self.get_ref(), context, buffers, deadline)
    }

    fn poll_flush(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        self.session.poll_flush(self.get_ref(), context, deadline)
    }

    /// Sends the `close_notify`, too.
    fn poll_end_writes(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        self.session.poll_end_writes(self.get_ref(), context, deadline)
    }

    fn send_at_once(&self) -> io::Result<()> {
        self.get_ref().send_at_once()
    }
}
