//! A descriptor that a future waits for: the wait is made later than the attempt, by whoever polls.
//!
//! The future may have dropped the descriptor by then, so what is waited for is kept by itself: on
//! a green thread the readiness slot, which its registration shares; on an OS thread, which is told
//! nothing by any slot, a duplicate that is watched by a reactor of the global runtime.

use super::{Interest, Queued, Registration};
use crate::engine::{self, Outcome, Source, Waiter};
use crate::park;
use crate::readiness::Watch;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// One direction of a descriptor, to be waited for after a call that would have blocked.
pub(crate) struct Polled {
    interest: Interest,
    place: Place,
}

enum Place {
    Registered(Arc<Source>),
    /// In this order: it leaves the reactor before its number is given back.
    Watched(Watch, #[expect(dead_code, reason = "it keeps the number open")] OwnedFd),
}

impl Polled {
    /// # Errors
    ///
    /// Those of `epoll_ctl(2)`; on an OS thread also of `fcntl(F_DUPFD_CLOEXEC)`, and of starting
    /// the global runtime.
    #[inline]
    pub(crate) fn new(
        registration: &Registration,
        fd: BorrowedFd<'_>,
        interest: Interest,
    ) -> io::Result<Polled> {
        engine::check_fork()?;
        let place = if engine::is_on_green_thread() {
            registration.attach(fd.as_raw_fd(), interest, &|| true)?;
            let source = registration.source.get().expect("it was attached just now");
            Place::Registered(source.clone())
        } else {
            let copy = fd.try_clone_to_owned()?;
            Place::Watched(Watch::new(copy.as_raw_fd())?, copy)
        };
        Ok(Polled { interest, place })
    }

    /// Whether it is what [`new`](Polled::new) would make, which is seen to here as there.
    ///
    /// # Errors
    ///
    /// As [`new`](Polled::new).
    #[inline]
    pub(crate) fn is_of(
        &self,
        registration: &Registration,
        fd: BorrowedFd<'_>,
        interest: Interest,
    ) -> io::Result<bool> {
        let (Place::Registered(own), Some(source)) = (&self.place, registration.source.get())
        else {
            return Ok(false);
        };
        if self.interest != interest || !Arc::ptr_eq(own, source) {
            return Ok(false);
        }
        engine::check_fork()?;
        registration.attach(fd.as_raw_fd(), interest, &|| true)?;
        Ok(true)
    }

    /// Whether it keeps a descriptor of its own open.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self.place, Place::Watched(..))
    }

    /// Whether it was told that the call is worth another attempt.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.source().observe().is_ready(self.interest)
    }

    fn source(&self) -> &Source {
        match &self.place {
            Place::Registered(source) => source,
            Place::Watched(watch, _) => watch.source(),
        }
    }

    /// Parks the calling thread until one of `all` is ready, somebody unparks it, or `deadline`
    /// passes. A thread that unwinds already heeds no kill.
    pub(crate) fn park<'p>(
        all: impl Iterator<Item = &'p Polled> + Clone,
        deadline: Option<Instant>,
    ) -> Outcome {
        let mut queued = Queued::new(all.clone().map(|polled| (polled.source(), polled.interest)));
        for polled in all {
            if !polled.source().enqueue(polled.interest, Waiter::current()) {
                return Outcome::Woken;
            }
            queued.count += 1;
        }
        if std::thread::panicking() {
            return park::park_shielded(deadline);
        }
        park::park_until(deadline)
    }
}
