//! Accepting one connection after the other, without end and without spinning.

use greenstd_runtime::time;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::time::Duration;

use super::{UnixListener, UnixStream};
use crate::back_off::{BackOff, is_exhaustion};
use crate::socket::pauses::pause_until;

/// An iterator over the connections that a listener accepts, which never ends; made by
/// [`UnixListener::incoming`].
///
/// Each step is an [`accept`](UnixListener::accept). When the process or the system has run out of
/// descriptors or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), the step parks the caller for
/// 5 ms, doubled with each such error in a row up to 1 s, and only then yields it. So a loop that
/// passes over errors keeps serving, and one that stops at them stops as it would with std. The
/// first error of a row is reported as a `tracing` warning. A nonblocking listener does not wait.
///
/// # Examples
///
/// ```
/// use greenstd_net::os::unix::net::{UnixListener, UnixStream};
///
/// let listener = UnixListener::bind("")?;
/// let client = UnixStream::connect_addr(&listener.local_addr()?)?;
/// for stream in listener.incoming().take(1) {
///     assert!(stream?.peer_addr()?.is_unnamed());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Incoming<'a> {
    listener: &'a UnixListener,
    back_off: BackOff,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(listener: &'a UnixListener) -> Incoming<'a> {
        // Both bounds are those of Go's `net/http`.
        let back_off = BackOff::new(Duration::from_millis(5), Duration::from_secs(1));
        Incoming { listener, back_off }
    }

    fn wait_out(&mut self, error: &io::Error) {
        if !self.back_off.is_under_way() {
            tracing::warn!(
                %error,
                listener = self.listener.local_addr().ok().map(tracing::field::debug),
                "cannot accept connections: backing off until there are resources again",
            );
        }
        let wait = self.back_off.failed();
        if !self.listener.is_nonblocking() {
            // Killed and unwinding already: the error that was to be waited out says enough.
            let _ = pause_until(time::now() + wait);
        }
    }
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        let outcome = self.listener.accept().map(|(stream, _)| stream);
        match &outcome {
            Ok(_) => self.back_off.succeeded(),
            Err(error) if is_exhaustion(error) => self.wait_out(error),
            Err(_) => {}
        }
        Some(outcome)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl FusedIterator for Incoming<'_> {}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Incoming").field("listener", self.listener).finish()
    }
}
