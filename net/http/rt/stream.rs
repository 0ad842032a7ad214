//! A stream as hyper sees it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::io::{PollDuplex, with_scratch};

/// A stream of this crate with hyper's traits: for connections of hyper that are polled inside of
/// [`block_on`](greenstd_runtime::block_on).
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{TcpStream, http::rt::Io};
/// use greenstd_runtime::block_on;
/// use hyper::{Response, server::conn::http1, service::service_fn};
/// use std::convert::Infallible;
///
/// fn serve(stream: TcpStream) -> hyper::Result<()> {
///     let answer = service_fn(async |_| Ok::<_, Infallible>(Response::new("hello".to_owned())));
///     block_on(http1::Builder::new().serve_connection(Io::new(stream), answer))
/// }
/// ```
#[derive(Debug)]
pub struct Io<S> {
    stream: S,
}

impl<S> Io<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Io<S> {
        Io { stream }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Gives the stream back. Nothing was read ahead here; hyper may have.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

/// Reads into a buffer of hyper's by way of the worker's, since hyper's is not initialized and the
/// worker's always is: a copy of what came costs less than clearing what might.
pub(in crate::http) fn read_into(
    stream: &impl PollDuplex,
    context: &mut Context<'_>,
    mut room: ReadBufCursor<'_>,
    deadline: Option<Instant>,
) -> Poll<io::Result<usize>> {
    with_scratch(|buffer| {
        let wanted = room.remaining().min(buffer.len());
        let count = ready!(stream.poll_read_from(context, &mut buffer[..wanted], deadline))?;
        room.put_slice(&buffer[..count]);
        Poll::Ready(Ok(count))
    })
}

impl<S: PollDuplex + Unpin> Read for Io<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        read_into(&self.stream, context, room, None).map_ok(drop)
    }
}

impl<S: PollDuplex + Unpin> Write for Io<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_to(context, &[IoSlice::new(bytes)], None)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(context, None)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_end_writes(context, None)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_to(context, buffers, None)
    }
}
