//! What has two directions of bytes, each of which can end alone.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use crate::socket::Socket;

/// A stream of bytes in both directions, used through a shared reference.
///
/// `TcpStream` is one; so are references, `Box` and `Arc` of one. A new kind of stream implements
/// the first three methods; one that merely wraps another also passes its
/// [`endpoint`](Duplex::endpoint) on, if it leaves the bytes alone.
///
/// The methods are called by two threads at once, one for each direction.
///
/// # Examples
///
/// ```
/// use greenstd_net::{Shutdown, TcpStream, io};
///
/// /// Counts nothing and changes nothing: only a name.
/// struct Named(&'static str, TcpStream);
///
/// impl io::Duplex for Named {
///     fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
///         self.1.read_from(buffer)
///     }
///     fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
///         self.1.write_to(bytes)
///     }
///     fn shutdown(&self, how: Shutdown) -> io::Result<()> {
///         io::Duplex::shutdown(&self.1, how)
///     }
///     fn endpoint(&self) -> Option<io::Endpoint<'_>> {
///         self.1.endpoint()
///     }
/// }
/// ```
pub trait Duplex {
    /// Reads as [`Read::read`](io::Read::read): waits for the first byte; 0 is the end.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as [`Write::write`](io::Write::write): waits for room for at least a byte.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn write_to(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ends one direction, or both, for the peer as well; whoever waits in it is woken.
    ///
    /// # Errors
    ///
    /// Those of the stream; `NotConnected` means that the peer was faster.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Sends what [`write_to`](Duplex::write_to) has put into a buffer, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Writes what there is room for at once; never waits. For what is said in passing, as a
    /// farewell at a drop: a stream that cannot tell whether it would wait need not implement it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room, or if this is not implemented; those of the stream.
    fn try_write_to(&self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The socket behind the stream, if the stream passes its bytes on as they are.
    ///
    /// With it two streams are copied by one thread instead of three, without a buffer while they
    /// are idle.
    fn endpoint(&self) -> Option<Endpoint<'_>> {
        None
    }
}

/// The socket that a [`Duplex`] stands for.
#[derive(Clone, Copy)]
pub struct Endpoint<'s> {
    socket: &'s Socket,
    /// Whether a short count, or the silence of the reactor, says that the socket is drained, or
    /// full.
    events_tell: bool,
}

impl<'s> Endpoint<'s> {
    pub(crate) fn tcp(socket: &'s Socket) -> Endpoint<'s> {
        Endpoint { socket, events_tell: true }
    }

    /// A Unix socket: its calls stop short for other reasons, too, and some of its waits are ended
    /// without an event; see `socket::unix`.
    pub(crate) fn unix(socket: &'s Socket) -> Endpoint<'s> {
        Endpoint { socket, events_tell: false }
    }

    pub(super) fn events_tell(&self) -> bool {
        self.events_tell
    }

    pub(super) fn socket(&self) -> &'s Socket {
        self.socket
    }

    /// Reads what is there, once, and suspends nobody.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buffer, self.events_tell)
    }

    /// Writes what there is room for, once, and suspends nobody.
    pub(crate) fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.try_write(buffer, self.events_tell)
    }
}

impl fmt::Debug for Endpoint<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.debug("Endpoint", formatter)
    }
}

/// Implements [`Duplex`] for a type with a field `socket: Socket` and a method `shutdown`; its
/// kind is `tcp` or `unix`.
macro_rules! duplex_socket {
    ($socket:ident, $kind:ident) => {
        impl $crate::io::Duplex for $socket {
            fn read_from(&self, buffer: &mut [u8]) -> ::std::io::Result<usize> {
                ::std::io::Read::read(&mut &*self, buffer)
            }

            fn write_to(&self, bytes: &[u8]) -> ::std::io::Result<usize> {
                ::std::io::Write::write(&mut &*self, bytes)
            }

            fn shutdown(&self, how: ::std::net::Shutdown) -> ::std::io::Result<()> {
                $socket::shutdown(self, how)
            }

            fn try_write_to(&self, bytes: &[u8]) -> ::std::io::Result<usize> {
                $crate::io::Endpoint::$kind(&self.socket).try_write(bytes)
            }

            fn endpoint(&self) -> Option<$crate::io::Endpoint<'_>> {
                Some($crate::io::Endpoint::$kind(&self.socket))
            }
        }
    };
}

pub(crate) use duplex_socket;

/// Passes every method on to what `$pointer` points to.
macro_rules! duplex_pointer {
    ($($pointer:ty)*) => {$(
        impl<D: Duplex + ?Sized> Duplex for $pointer {
            fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
                (**self).read_from(buffer)
            }

            fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
                (**self).write_to(bytes)
            }

            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                (**self).shutdown(how)
            }

            fn flush(&self) -> io::Result<()> {
                (**self).flush()
            }

            fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
                (**self).try_write_to(bytes)
            }

            fn endpoint(&self) -> Option<Endpoint<'_>> {
                (**self).endpoint()
            }
        }
    )*};
}

duplex_pointer!(&D Box<D> Arc<D>);

/// [`Duplex::shutdown`] of the write side, at the end of what was to be sent. A connection that
/// its peer has ended meanwhile needs no end.
pub(super) fn end_writes<D: Duplex + ?Sized>(stream: &D) -> io::Result<()> {
    unless_gone(stream.shutdown(Shutdown::Write))
}

pub(super) fn unless_gone(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        outcome => outcome,
    }
}
