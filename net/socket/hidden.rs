//! `O_NONBLOCK` behind the user's back, for the one call on a listener that has no per-call flag.
//!
//! `accept4(2)` can only be kept from blocking by the open file description. So a listener of this
//! crate is `O_NONBLOCK` in the kernel while its user-visible mode says blocking, and is put into
//! the user-visible mode when its descriptor leaves this crate (`into_raw_fd`, `into_std`, …).
//!
//! A clone that stays behind shares the description with the one that left, and no order of
//! calls suits both: one must not block and the other must. The least bad one is taken. From then
//! on the clone sets the flag around each accept and clears it afterwards, so it keeps working and
//! never blocks its worker; whoever holds the other descriptor may see a `WouldBlock` if it calls
//! accept within those microseconds.
//!
//! # State
//!
//! | `hidden` | the kernel's flag | changed by |
//! |---|---|---|
//! | true | set, whatever the user-visible mode | `new` |
//! | false | the user-visible mode, but for the time of a call | `reveal`, once and for all |
//!
//! A call holds the lock, so that neither `reveal` nor another clone's call can clear the flag
//! between setting it and accepting. It is held for a few system calls, never while parked.

use std::io;
use std::os::fd::BorrowedFd;

use parking_lot::RwLock;

use super::sys;

pub(crate) struct HiddenNonblocking {
    hidden: RwLock<bool>,
}

impl HiddenNonblocking {
    /// For a descriptor that is `O_NONBLOCK`.
    pub(crate) fn new() -> HiddenNonblocking {
        HiddenNonblocking { hidden: RwLock::new(true) }
    }

    /// Makes a call that must not block.
    pub(crate) fn call<T>(
        &self,
        fd: BorrowedFd<'_>,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let hidden = self.hidden.read();
        if *hidden {
            return call();
        }
        drop(hidden);
        let _alone = self.hidden.write();
        // The user may have asked for it, or the descriptor that left may have come back.
        if sys::is_nonblocking(fd)? {
            return call();
        }
        sys::set_nonblocking(fd, true)?;
        let outcome = call();
        sys::set_nonblocking(fd, false)?;
        outcome
    }

    /// Follows a change of the user-visible mode.
    pub(crate) fn set_visible(&self, fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
        let hidden = self.hidden.write();
        if *hidden {
            return Ok(());
        }
        sys::set_nonblocking(fd, nonblocking)
    }

    /// Puts the descriptor into the user-visible mode, for good.
    pub(crate) fn reveal(&self, fd: BorrowedFd<'_>, nonblocking: bool) {
        let mut hidden = self.hidden.write();
        *hidden = false;
        // Fails only on what is no open file (`O_PATH`); that has no mode to restore.
        let _ = sys::set_nonblocking(fd, nonblocking);
    }
}
