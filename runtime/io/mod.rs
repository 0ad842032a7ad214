//! `std::io` on green threads: the standard streams and pipes, whose calls park.
//!
//! What of `std::io` never blocks by itself stands here under its names, so that
//! `use greenstd::io` ports a file. The streams are std's in signatures and corner semantics; a
//! call that would block parks the green thread, and blocks a plain OS thread.
//!
//! Reading order: `way` (how one call is made without blocking a worker), `stream` (a descriptor
//! of one's own), `pipe`, `stdin`; `sink` (how bytes get to a stream that std writes to as well),
//! `stdout`, `stderr`, `terminal`, `print`.
//!
//! # Invariants
//!
//! 1. `O_NONBLOCK` is never set: other processes share the open file description of a pipe.
//! 2. A byte that was taken from the kernel is in the caller's hands, or in a buffer that outlives
//!    him: no kill, timeout scope or panic comes in between.
//! 3. Nobody waits while he holds a lock of std's.

mod pipe;
mod print;
mod sink;
mod stderr;
mod stdin;
mod stdout;
mod stream;
mod terminal;
mod way;

pub use std::io::{
    BufRead, BufReader, BufWriter, Bytes, Chain, Cursor, Empty, Error, ErrorKind, IntoInnerError,
    IoSlice, IoSliceMut, LineWriter, Lines, Read, Repeat, Result, Seek, SeekFrom, Sink, Split,
    Take, Write, copy, empty, prelude, repeat, sink,
};

pub use self::pipe::{PipeReader, PipeWriter, pipe};
#[doc(hidden)]
pub use self::print::{_eprint, _print};
pub use self::stderr::{Stderr, StderrLock, stderr};
pub use self::stdin::{Stdin, StdinLock, read_to_string, stdin};
pub use self::stdout::{Stdout, StdoutLock, stdout};
pub use self::terminal::IsTerminal;

pub(crate) use self::stream::{Stream, stream_traits};
