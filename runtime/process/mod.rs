//! `std::process` on green threads: child processes whose waits and pipes park.
//!
//! A child is started by std, on the calling thread, and reaped by std's `try_wait`: what is ours
//! is the wait in between, for its pidfd (`exit`). So there is no handler of `SIGCHLD`, nobody
//! else's children are touched, and any number of children may exit at once.
//!
//! Reading order: `command`, `child`, `pipes`, `exit`, `communication`.

mod child;
mod command;
mod communication;
mod exit;
mod pipes;

pub use std::process::{
    CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id,
};

pub use self::child::Child;
pub use self::command::Command;
pub use self::communication::{Communication, PartialOutput};
pub use self::pipes::{ChildStderr, ChildStdin, ChildStdout};

/// What Unix adds: the counterpart of `std::os::unix::process`.
pub mod unix {
    pub use crate::engine::CommandExt;
    pub use std::os::unix::process::{ExitStatusExt, parent_id};
}
