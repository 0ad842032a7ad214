//! Anonymous pipes.

use super::{Stream, stream_traits};
use crate::engine::from_raw_fd;
use std::io;
use std::os::fd::OwnedFd;

/// Makes an anonymous pipe, as `std::io::pipe`. Neither end is inherited by child processes, unless
/// it is given to one as a [`Stdio`](std::process::Stdio).
///
/// A pipe holds 64 KiB. Reads park while it is empty, until every writer has been closed; writes
/// while it is full.
///
/// # Errors
///
/// Those of `pipe2(2)`: `EMFILE`, `ENFILE`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{io, thread};
/// use std::io::{Read, Write};
///
/// let (mut reader, mut writer) = io::pipe()?;
/// let sending = thread::spawn(move || writer.write_all(&[7; 1 << 20]));
/// let mut received = Vec::new();
/// reader.read_to_end(&mut received)?;
/// assert_eq!(received.len(), 1 << 20);
/// sending.join().expect("it does not panic")?;
/// # Ok::<(), io::Error>(())
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    let [reader, writer] = [OwnedFd::from(reader), writer.into()].map(Stream::of_pipe);
    Ok((PipeReader { stream: reader }, PipeWriter { stream: writer }))
}

/// The end of a [`pipe`] that is read from: `std::io::PipeReader`, whose reads park.
///
/// Reads give 0 once every writer has been closed, those that other processes have inherited among
/// them. The descriptor stays blocking, for whoever shares it; that a user has made it nonblocking
/// is not noticed: reads park all the same. Works on green threads and on plain OS threads. A kill
/// while a read is parked loses no byte.
///
/// # Examples
///
/// See [`pipe`].
#[derive(Debug)]
pub struct PipeReader {
    stream: Stream,
}

/// The end of a [`pipe`] that is written to: `std::io::PipeWriter`, whose writes park.
///
/// A write of at most 4096 bytes is in the pipe as a whole or not at all, and is not mixed with
/// those of others; a longer one may be cut. Once every reader has been closed writes fail with
/// `BrokenPipe`. For the rest, as [`PipeReader`].
///
/// # Examples
///
/// See [`pipe`].
#[derive(Debug)]
pub struct PipeWriter {
    stream: Stream,
}

impl PipeReader {
    /// A second descriptor of the same end: what one has read the other has not.
    ///
    /// # Errors
    ///
    /// Those of `fcntl(2)`: `EMFILE`.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::io;
    /// use std::io::{Read, Write};
    ///
    /// let (mut first, mut writer) = io::pipe()?;
    /// let mut second = first.try_clone()?;
    /// writer.write_all(b"ab")?;
    /// let mut read = [0; 2];
    /// first.read_exact(&mut read[..1])?;
    /// second.read_exact(&mut read[1..])?;
    /// assert_eq!(&read, b"ab");
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        Ok(PipeReader { stream: self.stream.try_clone()? })
    }
}

impl PipeWriter {
    /// A second descriptor of the same end: readers come to the end once both are closed.
    ///
    /// # Errors
    ///
    /// Those of `fcntl(2)`: `EMFILE`.
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        Ok(PipeWriter { stream: self.stream.try_clone()? })
    }
}

stream_traits!(PipeReader, io::PipeReader);
stream_traits!(PipeWriter, io::PipeWriter);
stream_traits!(read PipeReader);
stream_traits!(read & PipeReader);
stream_traits!(write PipeWriter);
stream_traits!(write & PipeWriter);
from_raw_fd!(PipeReader PipeWriter);
