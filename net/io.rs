//! Moving bytes: std's `io` traits and `copy`, and what a server needs beside them.
//!
//! What of `std::io` never blocks by itself stands here under its names. Beside it: copies between
//! two connections ([`copy_bidirectional`]), stages that run side by side ([`pipeline`]), bounded
//! pipes in memory ([`pipe_in_memory`]), limits of speed ([`Throttled`]) and of length
//! ([`BufReadExt`]), and the halves of a connection ([`ReadHalf`], [`OwnedReadHalf`]).
//!
//! Whatever has two directions is a [`Duplex`]; that is all a new kind of stream implements.
//!
//! # Invariants
//!
//! 1. A byte that was taken from one side is in the hands of the call, on the heap or in a pipe,
//!    until the other side has it: no wait comes between that could lose it and go on.
//! 2. What belongs to a worker (its buffer) is in nobody's hands while somebody waits.

mod bidirectional;
mod copy;
mod direction;
mod duplex;
mod halves;
mod limited_lines;
mod memory_pipe;
mod pipeline;
mod poll_duplex;
mod relay;
mod relay_by_threads;
mod scratch;
mod splice;
mod throttle;

pub use std::io::{
    BufRead, BufReader, BufWriter, Bytes, Chain, Cursor, Empty, Error, ErrorKind, IntoInnerError,
    IoSlice, IoSliceMut, LineWriter, Lines, Read, Repeat, Result, Seek, SeekFrom, Sink, Split,
    Take, Write, empty, repeat, sink,
};

pub use self::bidirectional::{CopyBidirectional, CopyCounters, copy_bidirectional};
pub use self::copy::copy;
pub use self::duplex::{Duplex, Endpoint};
pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use self::limited_lines::{BufReadExt, LimitedLines};
pub use self::memory_pipe::{MemoryPipeReader, MemoryPipeWriter, pipe_in_memory};
pub use self::pipeline::{Pipeline, PipelineError, pipeline};
pub use self::poll_duplex::PollDuplex;
pub use self::throttle::{RateLimiter, Throttled};

pub(crate) use self::duplex::duplex_socket;
pub(crate) use self::halves::{into_split, split, splittable};
pub(crate) use self::scratch::with as with_scratch;
