//! The conversions that every socket type has in std, from the two that each writes itself.

/// Implements std's descriptor traits for a socket type that wraps a field `socket: Socket` and
/// has `From<OwnedFd>` and `Into<OwnedFd>`.
macro_rules! socket_traits {
    ($socket:ident, $std:ty) => {
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
                self.socket.debug(stringify!($socket), formatter)
            }
        }

        // A call that unwinds leaves no half-made state behind in a socket, as in std.
        impl ::std::panic::UnwindSafe for $socket {}
        impl ::std::panic::RefUnwindSafe for $socket {}
    };
}

pub(crate) use socket_traits;
