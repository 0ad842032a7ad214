//! Faults that a kernel could show, shown on purpose: a switch for tests.
//!
//! Every system call of this crate that can fail for reasons outside the program asks here first.
//! Without the feature `faults` the answers are constants, and nothing is left of the questions.
//! With it a `Plan` answers: the one that is in force for the calling thread, or else
//! that of the environment.
//!
//! # What may happen to whom
//!
//! | call | errors, and what else |
//! |---|---|
//! | `Open` | `EMFILE`, `ENFILE`, `ENOBUFS`, delay |
//! | `Connect` | would block, delay; no `EINTR`, for a connect that does not sleep has none |
//! | `Accept` | `EINTR`, would block, `EMFILE`, `ENFILE`, `ENOBUFS`, `ECONNABORTED`, delay |
//! | `AcceptUnix` | the same but `ECONNABORTED` |
//! | `Receive` | `EINTR`, would block, short counts, delay |
//! | `Send` | `EINTR`, would block, `ENOBUFS`, short counts, delay |
//!
//! # Invariants
//!
//! 1. A fault comes before its call and instead of it: nothing has happened in the kernel, so
//!    nothing is lost with the error.
//! 2. A "would block" is `fd::spurious_would_block`, which `Fd::retry` knows and waits out. So
//!    whoever may meet one asks inside of `Fd::retry` or `Fd::try_once`, and nobody else sees it.
//! 3. A short count is asked for, not made up: what was wanted is shortened before the call.

#[cfg(not(feature = "faults"))]
mod constants;
#[cfg(feature = "faults")]
pub(crate) mod environment;
#[cfg(feature = "faults")]
pub(crate) mod plan;
#[cfg(feature = "faults")]
mod questions;

#[cfg(not(feature = "faults"))]
pub(crate) use self::constants::{allowed, before};
#[cfg(feature = "faults")]
pub(crate) use self::questions::{allowed, before};

/// A kind of system call, by what may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the kinds matter to those who choose faults")]
pub(crate) enum Call {
    /// Makes a descriptor: `socket`, `socketpair`, `dup`.
    Open,
    Connect,
    Accept,
    /// Of a Unix socket, whose connections are never gone before they are accepted.
    AcceptUnix,
    Receive,
    Send,
}
