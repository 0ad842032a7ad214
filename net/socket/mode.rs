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

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenstd_runtime::fd::Interest;
use greenstd_runtime::time;
use parking_lot::Mutex;
use socket2::SockRef;

use super::idle::Idle;
use super::sys;

#[derive(Default)]
pub(crate) struct Mode {
    nonblocking: AtomicBool,
    /// How many have the kernel's flag set whatever the mode (`LentNonblocking`).
    borrowers: Mutex<u16>,
    /// Zero for none, as in the kernel.
    read_timeout_micros: AtomicU64,
    write_timeout_micros: AtomicU64,
    idle: Idle,
}

// Each value is whole at any time.
impl RefUnwindSafe for Mode {}

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
            borrowers: Mutex::new(0),
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

    /// Follows a change of the mode, which `set_flag` makes in the kernel, unless it is lent: then
    /// that happens when it is given back.
    pub(crate) fn change_nonblocking(
        &self,
        nonblocking: bool,
        set_flag: impl FnOnce(bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let borrowers = self.borrowers.lock();
        if *borrowers == 0 {
            set_flag(nonblocking)?;
        }
        self.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Sets the kernel's flag until as many have given it back.
    pub(crate) fn lend(&self, set_flag: impl FnOnce(bool) -> io::Result<()>) -> io::Result<()> {
        let mut borrowers = self.borrowers.lock();
        let more = borrowers.checked_add(1).ok_or(io::ErrorKind::ResourceBusy)?;
        if *borrowers == 0 {
            set_flag(true)?;
        }
        *borrowers = more;
        Ok(())
    }

    /// Ends a [`lend`](Mode::lend); the last one brings the user-visible mode back.
    pub(crate) fn give_back(
        &self,
        set_flag: impl FnOnce(bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut borrowers = self.borrowers.lock();
        *borrowers -= 1;
        if *borrowers == 0 { set_flag(self.is_nonblocking()) } else { Ok(()) }
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
            micros => time::now().checked_add(Duration::from_micros(micros)),
        }
    }

    /// The timeout, for what has no kernel to ask.
    pub(crate) fn timeout(&self, interest: Interest) -> Option<Duration> {
        match self.timeout_micros(interest).load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
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
    fn flag_that_is_lent_goes_back_to_the_mode_with_the_last_borrower() {
        let (mode, flags) = (Mode::default(), std::cell::RefCell::new(Vec::new()));
        let set = |flag| {
            flags.borrow_mut().push(flag);
            Ok(())
        };
        for _ in 0..2 {
            mode.lend(set).expect("it is lent");
        }
        mode.give_back(set).expect("one is left");
        mode.change_nonblocking(true, set).expect("it is only remembered");
        assert!(mode.is_nonblocking());
        mode.give_back(set).expect("the last one");
        mode.change_nonblocking(false, set).expect("nobody borrows");
        assert_eq!(*flags.borrow(), [true, true, false]);
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
