//! What a client's WebSocket runs over.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use crate::TcpStream;
use crate::io::{Duplex, Endpoint};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// The stream of [`connect`](super::connect): plain for `ws://`, encrypted for `wss://`.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientStream {
    /// Of a `ws://` URL.
    Plain(TcpStream),
    /// Of a `wss://` URL.
    #[cfg(feature = "tls")]
    Tls(TlsStream<TcpStream>),
}

impl ClientStream {
    /// The TCP stream, for its timeouts and options.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            ClientStream::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            ClientStream::Tls(stream) => stream.get_ref(),
        }
    }

    fn as_duplex(&self) -> &dyn Duplex {
        match self {
            ClientStream::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            ClientStream::Tls(stream) => stream,
        }
    }
}

impl Duplex for ClientStream {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.as_duplex().read_from(buffer)
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.as_duplex().write_to(bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.as_duplex().shutdown(how)
    }

    fn flush(&self) -> io::Result<()> {
        self.as_duplex().flush()
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.as_duplex().try_write_to(bytes)
    }

    fn endpoint(&self) -> Option<Endpoint<'_>> {
        self.as_duplex().endpoint()
    }
}

/// The descriptor of the TCP stream, to wait for: a WebSocket may have read ahead.
impl AsFd for ClientStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp().as_fd()
    }
}
