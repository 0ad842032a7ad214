//! A descriptor that is registered with a reactor for the time of one wait.
//!
//! For waits that are for several descriptors at once, where `Registration` would be in the way:
//! the caller queues itself with each of them, and parks once.

use crate::engine::{self, Interest, Source, SourcePlace};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

/// A number that is registered with the reactor of the calling worker; for a plain OS thread with
/// one of the global runtime.
pub(crate) struct Watch {
    number: RawFd,
    source: Arc<Source>,
    /// `None` only while it is dropped.
    place: Option<SourcePlace>,
}

impl Watch {
    /// Registers a number, or a duplicate of it if that very one is registered there already.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl(2)`: `EBADF` for a number that is not open, `EPERM` for a regular file.
    /// Those of `fcntl(F_DUPFD_CLOEXEC)`, and of starting the global runtime.
    pub(crate) fn new(number: RawFd) -> io::Result<Watch> {
        let source = Arc::new(Source::new());
        source.prepare(Interest::Write);
        let place = engine::register_from_anywhere(number, &source)?;
        Ok(Watch { number, source, place: Some(place) })
    }

    /// What has been told, and who is to be told.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether the worker has ended, so that nothing will be told.
    pub(crate) fn is_closed(&self) -> bool {
        self.place.as_ref().is_none_or(SourcePlace::is_closed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            place.deregister(self.number);
        }
    }
}
