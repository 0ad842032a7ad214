//! The user-visible mode of a socket, shared by all clones of it.
//!
//! The kernel keeps the same three values in the socket and its open file description, where std
//! leaves their enforcement to it. Here they decide how a call waits, so they are kept at hand: a
//! system call per operation to ask for them would cost a tenth of the operation.
//!
//! A change made behind this crate's back (`fcntl` or `setsockopt` on the raw descriptor) is not
//! noticed; one made before the descriptor was handed to this crate is.
//!
//! # Orderings
//!
//! Relaxed throughout: the values are independent, publish nothing else, and a caller who needs
//! a change to be seen by another thread synchronises with it anyway, as for the kernel's copies.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenstd_runtime::fd::Interest;
use socket2::SockRef;

use super::idle::Idle;
use super::sys;

#[derive(Default)]
pub(crate) struct Mode {
    nonblocking: AtomicBool,
    /// Zero for none, as in the kernel.
    read_timeout_micros: AtomicU64,
    write_timeout_micros: AtomicU64,
    idle: Idle,
}

impl Mode {
    /// The mode that a descriptor from outside is in. One that is no socket has no timeouts.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Mode {
        let mode = Mode::default();
        mode.set_nonblocking(sys::is_nonblocking(fd).unwrap_or(false));
        let socket = SockRef::from(&fd);
        mode.set_timeout(Interest::Read, socket.read_timeout().ok().flatten());
        mode.set_timeout(Interest::Write, socket.write_timeout().ok().flatten());
        mode
    }

    /// The mode of a connection that a listener in this mode accepted: Linux hands the timeouts
    /// down, but not `O_NONBLOCK`.
    pub(crate) fn of_accepted(&self) -> Mode {
        let handed_down = |timeout: &AtomicU64| AtomicU64::new(timeout.load(Ordering::Relaxed));
        Mode {
            nonblocking: AtomicBool::new(false),
            read_timeout_micros: handed_down(&self.read_timeout_micros),
            write_timeout_micros: handed_down(&self.write_timeout_micros),
            idle: Idle::default(),
        }
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    pub(crate) fn set_timeout(&self, interest: Interest, timeout: Option<Duration>) {
        // Beyond half a million years is for ever, as it is to the kernel.
        let micros = timeout.and_then(|timeout| u64::try_from(timeout.as_micros()).ok());
        let micros = micros.unwrap_or(0);
        self.timeout_micros(interest).store(micros, Ordering::Relaxed);
    }

    /// Whether these are the timeouts, as far as the kernel has kept what it was told.
    pub(crate) fn has_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> bool {
        let is = |interest, timeout: Option<Duration>| {
            let micros = timeout.map_or(0, |timeout| timeout.as_micros());
            micros == u128::from(self.timeout_micros(interest).load(Ordering::Relaxed))
        };
        is(Interest::Read, read) && is(Interest::Write, write)
    }

    /// When a call that starts now must have ended; none for a timeout beyond the clock's range.
    pub(crate) fn deadline(&self, interest: Interest) -> Option<Instant> {
        match self.timeout_micros(interest).load(Ordering::Relaxed) {
            0 => None,
            micros => Instant::now().checked_add(Duration::from_micros(micros)),
        }
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    fn timeout_micros(&self, interest: Interest) -> &AtomicU64 {
        match interest {
            Interest::Read => &self.read_timeout_micros,
            Interest::Write => &self.write_timeout_micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_follow_the_timeout_of_their_direction() {
        let mode = Mode::default();
        assert_eq!(mode.deadline(Interest::Read), None);
        mode.set_timeout(Interest::Read, Some(Duration::from_secs(60)));
        let before = Instant::now() + Duration::from_secs(59);
        assert!(mode.deadline(Interest::Read).is_some_and(|deadline| deadline > before));
        assert_eq!(mode.deadline(Interest::Write), None);
        mode.set_timeout(Interest::Write, Some(Duration::MAX));
        assert_eq!(mode.deadline(Interest::Write), None, "longer than any clock counts");
        mode.set_timeout(Interest::Read, None);
        assert_eq!(mode.deadline(Interest::Read), None);
    }

    #[test]
    fn accepted_connections_inherit_timeouts_and_not_the_blocking_mode() {
        let listener = Mode::default();
        listener.set_nonblocking(true);
        listener.set_timeout(Interest::Read, Some(Duration::from_secs(1)));
        let accepted = listener.of_accepted();
        assert!(!accepted.is_nonblocking());
        assert!(accepted.deadline(Interest::Read).is_some());
        assert_eq!(accepted.deadline(Interest::Write), None);
    }
}
