//! A descriptor of one's own, of any kind, whose reads and writes park: what pipes are made of.

use super::way::{self, Way};
use crate::fd::{Fd, Interest};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(crate) struct Stream {
    fd: Fd,
    /// It does not know the flag for calls that do not wait. Relaxed: whoever does not see it set
    /// finds out by himself.
    is_slow: AtomicBool,
}

impl Stream {
    /// One end of an anonymous pipe.
    pub(crate) const fn of_pipe(fd: OwnedFd) -> Stream {
        Stream { fd: Fd::new(fd), is_slow: AtomicBool::new(false) }
    }

    /// Takes over a descriptor of unknown kind.
    pub(crate) fn adopt(fd: OwnedFd) -> Stream {
        let is_slow = Way::of(fd.as_fd()) != Way::NoWait;
        Stream { fd: Fd::new(fd), is_slow: AtomicBool::new(is_slow) }
    }

    /// A second descriptor of the same pipe.
    pub(crate) fn try_clone(&self) -> io::Result<Stream> {
        let fd = self.fd.as_fd().try_clone_to_owned()?;
        Ok(Stream { fd: Fd::new(fd), is_slow: AtomicBool::new(self.is_slow()) })
    }

    /// What several streams are waited for by.
    pub(crate) fn waits(&self) -> &Fd {
        &self.fd
    }

    fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buffer)])
    }

    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let wanted = buffers.iter().fold(0_usize, |sum, buffer| sum.saturating_add(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        if !self.is_slow() {
            let fd = self.fd.as_fd();
            let read = || way::try_read(fd, buffers);
            match self.fd.retry_bytes(Interest::Read, None, wanted, read) {
                Err(error) if way::is_unsupported(&error) => self.slow_down(),
                outcome => return outcome,
            }
        }
        let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
        way::read_slowly(self.fd.as_fd(), first.expect("they are not all empty"))
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted = buffers.iter().fold(0_usize, |sum, buffer| sum.saturating_add(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        if !self.is_slow() {
            let fd = self.fd.as_fd();
            let write = || way::try_write(fd, buffers);
            match self.fd.retry_bytes(Interest::Write, None, wanted, write) {
                Err(error) if way::is_unsupported(&error) => self.slow_down(),
                outcome => return outcome,
            }
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        way::write_slowly(self.fd.as_fd(), first.expect("they are not all empty"))
    }

    /// Reads what is there; `WouldBlock` if nothing is.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (fd, wanted) = (self.fd.as_fd(), buffer.len());
        if !self.is_slow() {
            let read = || way::try_read(fd, &mut [IoSliceMut::new(buffer)]);
            match self.fd.try_bytes(Interest::Read, Some(wanted), read) {
                Err(error) if way::is_unsupported(&error) => self.slow_down(),
                outcome => return outcome,
            }
        }
        let read = || way::if_ready(Interest::Read, fd, || way::read_slowly(fd, buffer));
        self.fd.try_bytes(Interest::Read, Some(0), read)
    }

    /// Writes what there is room for; `WouldBlock` if there is none.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let fd = self.fd.as_fd();
        if !self.is_slow() {
            let write = || way::try_write(fd, &[IoSlice::new(bytes)]);
            match self.fd.try_bytes(Interest::Write, Some(bytes.len()), write) {
                Err(error) if way::is_unsupported(&error) => self.slow_down(),
                outcome => return outcome,
            }
        }
        let write = || way::if_ready(Interest::Write, fd, || way::write_slowly(fd, bytes));
        self.fd.try_bytes(Interest::Write, Some(0), write)
    }

    #[cold]
    fn slow_down(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> OwnedFd {
        stream.fd.into()
    }
}

/// Implements std's descriptor traits for a type that wraps a field `stream: Stream`, to and from
/// std's type of the same name.
macro_rules! stream_traits {
    ($type:ident, $std:ty) => {
        impl ::std::os::fd::AsFd for $type {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                ::std::os::fd::AsFd::as_fd(&self.stream)
            }
        }

        impl ::std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                ::std::os::fd::AsRawFd::as_raw_fd(&::std::os::fd::AsFd::as_fd(self))
            }
        }

        impl ::std::os::fd::IntoRawFd for $type {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                ::std::os::fd::IntoRawFd::into_raw_fd(::std::os::fd::OwnedFd::from(self))
            }
        }

        impl From<$type> for ::std::os::fd::OwnedFd {
            fn from(end: $type) -> ::std::os::fd::OwnedFd {
                end.stream.into()
            }
        }

        impl From<::std::os::fd::OwnedFd> for $type {
            fn from(fd: ::std::os::fd::OwnedFd) -> $type {
                $type { stream: $crate::io::Stream::adopt(fd) }
            }
        }

        impl From<$std> for $type {
            /// Takes it over from std. It stays as blocking as it is.
            fn from(end: $std) -> $type {
                ::std::os::fd::OwnedFd::from(end).into()
            }
        }

        impl From<$type> for $std {
            fn from(end: $type) -> $std {
                ::std::os::fd::OwnedFd::from(end).into()
            }
        }

        impl From<$type> for ::std::process::Stdio {
            fn from(end: $type) -> ::std::process::Stdio {
                ::std::os::fd::OwnedFd::from(end).into()
            }
        }

        // A call that unwinds leaves no half-made state behind, as in std.
        impl ::std::panic::UnwindSafe for $type {}
        impl ::std::panic::RefUnwindSafe for $type {}
    };
    (read $type:ty) => {
        impl ::std::io::Read for $type {
            fn read(&mut self, buffer: &mut [u8]) -> ::std::io::Result<usize> {
                self.stream.read(buffer)
            }

            fn read_vectored(
                &mut self,
                buffers: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                self.stream.read_vectored(buffers)
            }
        }
    };
    (write $type:ty) => {
        impl ::std::io::Write for $type {
            fn write(&mut self, bytes: &[u8]) -> ::std::io::Result<usize> {
                self.stream.write(bytes)
            }

            fn write_vectored(
                &mut self,
                buffers: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                self.stream.write_vectored(buffers)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(crate) use stream_traits;
