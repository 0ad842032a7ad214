//! `std::io`: the standard streams and pipes, which park. Its traits, errors and adapters are
//! std's: they block where the reader or writer inside does.

pub use ::std::io::*;

pub use greenstd_net::io::copy;
pub use greenstd_runtime::io::{
    IsTerminal, PipeReader, PipeWriter, Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock,
    pipe, read_to_string, stderr, stdin, stdout,
};
