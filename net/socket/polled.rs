//! Calls on a stream socket that a future makes: tried once, and repeated when the future is woken.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use greenstd_runtime::fd::Interest;
use greenstd_runtime::future::{spend_budget, wake_when_ready};
use greenstd_runtime::time;

use super::faults::{self, Call};
use super::{SEND_PAUSE_AT_MOST, Socket, sys, total_bytes};
use crate::io::with_scratch;
use crate::os::unix::net::UnixStream;
use crate::tcp::TcpStream;

/// Up to here it is cheaper to copy buffers into one than to have the kernel walk through a list.
const COPIED_AT_MOST: usize = 4096;

impl Socket {
    /// `events_tell` is as for [`try_read`](Socket::try_read).
    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        deadline: Option<Instant>,
        events_tell: bool,
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(spend_budget(context));
        loop {
            match self.try_read(buffer, events_tell) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wake_when_ready(&self.fd, Interest::Read, deadline, context)?;
                    return Poll::Pending;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// As [`poll_read`](Socket::poll_read).
    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        deadline: Option<Instant>,
        events_tell: bool,
    ) -> Poll<io::Result<usize>> {
        ready!(spend_budget(context));
        loop {
            match self.try_write_all_of(buffers, events_tell) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.wait_for_room(context, deadline, events_tell))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn wait_for_room(
        &self,
        context: &Context<'_>,
        deadline: Option<Instant>,
        events_tell: bool,
    ) -> Poll<io::Result<()>> {
        let mut until = deadline;
        if !events_tell {
            // What ends some waits makes no event; see `unix`.
            let now = time::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            until = deadline.into_iter().chain(now.checked_add(SEND_PAUSE_AT_MOST)).min();
        }
        match wake_when_ready(&self.fd, Interest::Write, until, context) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// One attempt for several buffers in a row.
    fn try_write_all_of(&self, buffers: &[IoSlice<'_>], events_tell: bool) -> io::Result<usize> {
        if let [only] = buffers {
            return self.try_write(only, events_tell);
        }
        let total = total_bytes(buffers.iter().map(|buffer| buffer.len()));
        if total <= COPIED_AT_MOST {
            return with_scratch(|scratch| {
                let mut filled = 0;
                for buffer in buffers {
                    scratch[filled..filled + buffer.len()].copy_from_slice(buffer);
                    filled += buffer.len();
                }
                self.try_write(&scratch[..filled], events_tell)
            });
        }
        let wanted = faults::allowed(Call::Send, total);
        if wanted < total {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            let first = first.expect("the total is not zero");
            return self.try_write(&first[..wanted.min(first.len())], events_tell);
        }
        let call = || sys::send_vectored(self.as_fd(), buffers);
        self.fd.try_bytes(Interest::Write, events_tell.then_some(wanted), call)
    }
}

/// Implements [`PollDuplex`](crate::io::PollDuplex) for a type with a field `socket`.
macro_rules! poll_duplex_socket {
    ($stream:ty, $events_tell:literal, $send_at_once:expr) => {
        impl $crate::io::PollDuplex for $stream {
            fn poll_read_from(
                &self,
                context: &mut Context<'_>,
                buffer: &mut [u8],
                deadline: Option<Instant>,
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_read(context, buffer, deadline, $events_tell)
            }

            fn poll_write_to(
                &self,
                context: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
                deadline: Option<Instant>,
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_write(context, buffers, deadline, $events_tell)
            }

            fn send_at_once(&self) -> io::Result<()> {
                $send_at_once(self)
            }
        }
    };
}

poll_duplex_socket!(TcpStream, true, |stream: &TcpStream| stream.set_nodelay(true));
poll_duplex_socket!(UnixStream, false, |_| Ok(()));
