//! The two directions of a stream, in different hands.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use super::duplex::Duplex;

/// The direction of a borrowed stream that is read: `split` of the stream's type.
///
/// No descriptor is duplicated. `as_ref` is the stream.
#[derive(Debug)]
pub struct ReadHalf<'s, S> {
    stream: &'s S,
}

/// The direction of a borrowed stream that is written. Dropping it ends nothing.
#[derive(Debug)]
pub struct WriteHalf<'s, S> {
    stream: &'s S,
}

/// The direction of a stream that is read: `into_split` of the stream's type.
///
/// The descriptor lives until both halves are gone. Dropping this one ends nothing by itself.
#[derive(Debug)]
pub struct OwnedReadHalf<S: Duplex> {
    stream: Arc<S>,
}

/// The direction of a stream that is written.
///
/// Dropping it shuts the write side down, so that the peer sees the end while the other half still
/// reads, as tokio's does; [`forget`](OwnedWriteHalf::forget) drops it without that.
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Duplex> {
    stream: Arc<S>,
    shuts_down: bool,
}

/// Two halves that are not of the same stream: [`OwnedReadHalf::reunite`].
#[derive(Debug)]
pub struct ReuniteError<S: Duplex>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

pub(crate) fn split<S>(stream: &S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf { stream }, WriteHalf { stream })
}

pub(crate) fn into_split<S: Duplex>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Arc::new(stream);
    (OwnedReadHalf { stream: stream.clone() }, OwnedWriteHalf { stream, shuts_down: true })
}

/// Gives a stream type `split` and `into_split`.
macro_rules! splittable {
    ($stream:ident) => {
        impl $stream {
            /// Splits the stream into its two directions, which two threads can use at once, as
            /// long as it is borrowed. No system call is made.
            pub fn split(
                &self,
            ) -> ($crate::io::ReadHalf<'_, $stream>, $crate::io::WriteHalf<'_, $stream>) {
                $crate::io::split(self)
            }

            /// Splits the stream into its two directions, each with an owner of its own.
            ///
            /// Dropping the half that writes shuts the write side down; the descriptor is closed
            /// with the last of both. [`reunite`](crate::io::OwnedReadHalf::reunite) gives the
            /// stream back. No system call is made, nor a descriptor duplicated.
            pub fn into_split(
                self,
            ) -> ($crate::io::OwnedReadHalf<$stream>, $crate::io::OwnedWriteHalf<$stream>) {
                $crate::io::into_split(self)
            }
        }
    };
}

pub(crate) use splittable;

impl<S> AsRef<S> for ReadHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.stream
    }
}

impl<S> AsRef<S> for WriteHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.stream
    }
}

impl<S: Duplex> AsRef<S> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Duplex> AsRef<S> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Duplex> OwnedReadHalf<S> {
    /// Gives the stream back that was split, without shutting anything down.
    ///
    /// # Errors
    ///
    /// Both halves, if they are of different streams.
    pub fn reunite(self, write_half: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.stream, &write_half.stream) {
            return Err(ReuniteError(self, write_half));
        }
        write_half.forget();
        Ok(Arc::into_inner(self.stream).expect("the stream has two halves, and one is gone"))
    }
}

impl<S: Duplex> OwnedWriteHalf<S> {
    /// As [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    ///
    /// Both halves, if they are of different streams.
    pub fn reunite(self, read_half: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        read_half.reunite(self)
    }

    /// Drops the half without shutting the write side down.
    pub fn forget(mut self) {
        self.shuts_down = false;
    }
}

impl<S: Duplex> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.shuts_down {
            // Fails if the connection is gone, which is the end that was wanted.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

impl<S: Duplex> fmt::Display for ReuniteError<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the two halves are not of the same stream")
    }
}

impl<S: Duplex + fmt::Debug> Error for ReuniteError<S> {}

/// Reads by means of `&S`, however the half holds its stream.
macro_rules! reads {
    ($([$($generics:tt)*] $half:ty;)*) => {$(
        impl<$($generics)*> Read for $half
        where
            for<'a> &'a S: Read,
        {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.as_ref().read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.as_ref().read_vectored(bufs)
            }
        }
    )*};
}

/// Writes by means of `&S`.
macro_rules! writes {
    ($([$($generics:tt)*] $half:ty;)*) => {$(
        impl<$($generics)*> Write for $half
        where
            for<'a> &'a S: Write,
        {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.as_ref().write(buf)
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.as_ref().write_vectored(bufs)
            }

            fn flush(&mut self) -> io::Result<()> {
                self.as_ref().flush()
            }
        }
    )*};
}

reads! {
    ['s, S] ReadHalf<'s, S>;
    ['s, S] &ReadHalf<'s, S>;
    [S: Duplex] OwnedReadHalf<S>;
    [S: Duplex] &OwnedReadHalf<S>;
}

writes! {
    ['s, S] WriteHalf<'s, S>;
    ['s, S] &WriteHalf<'s, S>;
    [S: Duplex] OwnedWriteHalf<S>;
    [S: Duplex] &OwnedWriteHalf<S>;
}
