//! The traits that several socket types have in std, from what each writes itself.

/// Implements std's descriptor traits for a socket type that wraps a field `socket: Socket` and
/// has `From<OwnedFd>` and `Into<OwnedFd>`.
macro_rules! socket_traits {
    ($socket:ident, $std:ty) => {
        socket_traits!($socket, $std, debug);
    };
    // With the method of `Socket` that does `Debug`.
    ($socket:ident, $std:ty, $debug:ident) => {
        impl $socket {
            /// Hands the descriptor over to std's type, in the blocking mode and with the
            /// timeouts that were set.
            pub fn into_std(self) -> $std {
                <$std>::from(::std::os::fd::OwnedFd::from(self))
            }
        }

        impl From<$std> for $socket {
            /// Takes a socket over from std, in the blocking mode and with the timeouts it has.
            fn from(socket: $std) -> $socket {
                $socket::from(::std::os::fd::OwnedFd::from(socket))
            }
        }

        impl From<$socket> for $std {
            fn from(socket: $socket) -> $std {
                socket.into_std()
            }
        }

        impl ::std::os::fd::AsFd for $socket {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                self.socket.as_fd()
            }
        }

        impl ::std::os::fd::AsRawFd for $socket {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                ::std::os::fd::AsRawFd::as_raw_fd(&::std::os::fd::AsFd::as_fd(self))
            }
        }

        impl ::std::os::fd::IntoRawFd for $socket {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                ::std::os::fd::IntoRawFd::into_raw_fd(::std::os::fd::OwnedFd::from(self))
            }
        }

        impl ::std::fmt::Debug for $socket {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.socket.$debug(stringify!($socket), formatter)
            }
        }

        // A call that unwinds leaves no half-made state behind in a socket, as in std.
        impl ::std::panic::UnwindSafe for $socket {}
        impl ::std::panic::RefUnwindSafe for $socket {}
    };
}

/// Implements `Read` and `Write` for a stream type and references to it, by the methods of
/// `Socket` that are named.
macro_rules! stream_traits {
    ($stream:ident: $read:ident $read_vectored:ident $write:ident $write_vectored:ident) => {
        stream_traits!(@impl &$stream: $read $read_vectored $write $write_vectored);
        stream_traits!(@impl $stream: $read $read_vectored $write $write_vectored);
    };
    (@impl $reader:ty:
        $read:ident $read_vectored:ident $write:ident $write_vectored:ident) => {
        /// Reads park until there is data, the end of the stream, an error, or the read timeout.
        impl ::std::io::Read for $reader {
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                self.socket.$read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                self.socket.$read_vectored(bufs)
            }
        }

        /// Writes park until there is room for at least a byte, an error, or the write timeout.
        impl ::std::io::Write for $reader {
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                self.socket.$write(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                self.socket.$write_vectored(bufs)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(crate) use {socket_traits, stream_traits};
