//! `O_NONBLOCK` of a stream for the time in which its user has bytes spliced.
//!
//! `splice(2)` has no flag that keeps it from blocking on a TCP socket, at either end: the kernel
//! looks at the open file description. So whoever asks for splicing lends the description for that
//! time. The calls of this crate carry `MSG_DONTWAIT` and follow the user-visible mode, which stays
//! what it is; only those who hold the raw descriptor, or a duplicate from outside of this crate,
//! see the flag.
//!
//! The count of those who borrow is kept with the mode, which clones share, so the flag goes with
//! the last of them.

use std::io;
use std::os::fd::AsFd;

use super::{Socket, sys};

/// The open file description is `O_NONBLOCK` while this lives.
pub(crate) struct LentNonblocking<'s> {
    socket: &'s Socket,
}

impl<'s> LentNonblocking<'s> {
    pub(crate) fn new(socket: &'s Socket) -> io::Result<LentNonblocking<'s>> {
        socket.mode.lend(|flag| sys::set_nonblocking(socket.as_fd(), flag))?;
        Ok(LentNonblocking { socket })
    }
}

impl Drop for LentNonblocking<'_> {
    fn drop(&mut self) {
        // Fails only on what is no open file, which was never lent.
        let _ = self.socket.mode.give_back(|flag| sys::set_nonblocking(self.socket.as_fd(), flag));
    }
}
