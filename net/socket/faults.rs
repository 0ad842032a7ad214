//! Faults that a kernel could show, shown on purpose: a switch for tests.
//!
//! Every system call of this crate that can fail for reasons outside the program asks here first.
//! Without the feature `faults` the answers are constants, and nothing is left of the questions.

use std::io;

/// A kind of system call, by what may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the kinds matter to those who choose faults")]
pub(crate) enum Call {
    /// Makes a descriptor: `socket`, `socketpair`, `dup`.
    Open,
    Connect,
    Accept,
    Receive,
    Send,
}

/// Fails as the kernel might; asked right before each call.
#[inline(always)]
pub(crate) fn before(call: Call) -> io::Result<()> {
    let _ = call;
    Ok(())
}

/// How many of `wanted` bytes a call on a *stream* is to be asked for, one at least. Whoever judges
/// by the count whether the socket is drained must take this for what was wanted.
#[inline(always)]
pub(crate) fn allowed(call: Call, wanted: usize) -> usize {
    let _ = call;
    wanted
}
