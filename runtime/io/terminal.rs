//! `IsTerminal`: std's trait, which std lets nobody else implement.

use super::{Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock};
use crate::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::{fs, io};

/// Tells whether something is a terminal.
///
/// As [`std::io::IsTerminal`], for the types of this library and for those of std. Sealed, as in
/// std: nothing outside of this crate implements it.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{fs::File, io::IsTerminal};
///
/// assert!(!File::open("/dev/null")?.is_terminal());
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait IsTerminal: sealed::Sealed {
    /// Whether it is a terminal. Never blocks.
    fn is_terminal(&self) -> bool;
}

/// Implements the trait for what has a descriptor.
macro_rules! may_be_terminals {
    ($($kind:ty),* $(,)?) => {$(
        impl sealed::Sealed for $kind {}

        impl IsTerminal for $kind {
            fn is_terminal(&self) -> bool {
                io::IsTerminal::is_terminal(&self.as_fd())
            }
        }
    )*};
}

may_be_terminals!(File, Stdin, StdinLock<'_>, Stdout, StdoutLock<'_>, Stderr, StderrLock<'_>);
may_be_terminals!(fs::File, BorrowedFd<'_>, OwnedFd);
may_be_terminals!(io::Stdin, io::StdinLock<'_>);
may_be_terminals!(io::Stdout, io::StdoutLock<'_>, io::Stderr, io::StderrLock<'_>);

mod sealed {
    pub trait Sealed {}
}
