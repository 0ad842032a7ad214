//! `std::process`: child processes, whose exits and pipes park who waits for them.

pub use ::std::process::*;

pub use greenstd_runtime::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
