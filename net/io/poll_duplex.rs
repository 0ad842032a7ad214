//! Streams that futures can use: the bridge from sockets to async crates.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::duplex::Duplex;

/// A [`Duplex`] whose calls can be polled, inside of
/// [`block_on`](greenstd_runtime::block_on): they never block, and have the future woken once
/// another attempt is worth it.
///
/// It knows nothing of any async crate, so that the traits of each are a few lines over it;
/// `net::http::rt` has those of hyper. One future reads and one writes at a time, on threads
/// of either kind. The timeouts of a socket do not hold here: each call is given a deadline.
///
/// A call that is pending has moved nothing, so a future may be dropped at any wait.
///
/// # Examples
///
/// ```
/// use greenstd_net::{duplex, io::{Duplex, PollDuplex}, os::unix::net::UnixStream};
/// use std::future::poll_fn;
///
/// let (one, other) = UnixStream::pair()?;
/// one.write_to(b"hello")?;
/// let mut buffer = [0; 16];
/// let count = greenstd_runtime::block_on(poll_fn(|context| {
///     other.poll_read_from(context, &mut buffer, None)
/// }))?;
/// assert_eq!(&buffer[..count], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait PollDuplex: Duplex {
    /// Reads what is there; 0 is the end.
    ///
    /// # Errors
    ///
    /// `TimedOut` if it would wait beyond `deadline`; else those of the stream.
    fn poll_read_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>>;

    /// Writes what there is room for, of several buffers in a row.
    ///
    /// # Errors
    ///
    /// As [`poll_read_from`](PollDuplex::poll_read_from).
    fn poll_write_to(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> Poll<io::Result<usize>>;

    /// Sends what writes have put into a buffer, if there is one.
    ///
    /// # Errors
    ///
    /// As [`poll_read_from`](PollDuplex::poll_read_from).
    fn poll_flush(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let _ = (context, deadline);
        Poll::Ready(Ok(()))
    }

    /// Ends the direction of the writes, after all that was written.
    ///
    /// # Errors
    ///
    /// As [`poll_read_from`](PollDuplex::poll_read_from).
    fn poll_end_writes(
        &self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<()>> {
        let _ = (context, deadline);
        Poll::Ready(self.shutdown(Shutdown::Write))
    }

    /// Has small writes sent at once, where there is such a choice.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn send_at_once(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes every method on to what `$pointer` points to.
macro_rules! poll_duplex_pointer {
    ($($pointer:ty)*) => {$(
        impl<D: PollDuplex + ?Sized> PollDuplex for $pointer {
            fn poll_read_from(
                &self,
                context: &mut Context<'_>,
                buffer: &mut [u8],
                deadline: Option<Instant>,
            ) -> Poll<io::Result<usize>> {
                (**self).poll_read_from(context, buffer, deadline)
            }

            fn poll_write_to(
                &self,
                context: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
                deadline: Option<Instant>,
            ) -> Poll<io::Result<usize>> {
                (**self).poll_write_to(context, buffers, deadline)
            }

            fn poll_flush(
                &self,
                context: &mut Context<'_>,
                deadline: Option<Instant>,
            ) -> Poll<io::Result<()>> {
                (**self).poll_flush(context, deadline)
            }

            fn poll_end_writes(
                &self,
                context: &mut Context<'_>,
                deadline: Option<Instant>,
            ) -> Poll<io::Result<()>> {
                (**self).poll_end_writes(context, deadline)
            }

            fn send_at_once(&self) -> io::Result<()> {
                (**self).send_at_once()
            }
        }
    )*};
}

poll_duplex_pointer!(&D Box<D> Arc<D>);
