//! What the stress needs of a type of streams, so that a type is added by a few lines.

use greenstd::net::{TcpListener, TcpStream};
use greenstd::os::unix::net::UnixStream;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// A stream of bytes both ways, whose halves can be used by several threads through clones.
pub trait Stream: Read + Write + Send + Sync + Sized + 'static {
    /// Both ends of a new connection. May fail for want of resources.
    fn pair() -> io::Result<(Self, Self)>;

    fn try_clone(&self) -> io::Result<Self>;

    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Waits for bytes, and leaves them where they are. False if the type cannot.
    fn watch(&self) -> bool {
        false
    }
}

impl Stream for TcpStream {
    fn pair() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        // The connection is in the queue until an accept succeeds.
        let (server, peer) = patiently(|| listener.accept());
        assert_eq!(peer, client.local_addr()?);
        Ok((client, server))
    }

    fn try_clone(&self) -> io::Result<TcpStream> {
        TcpStream::try_clone(self)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }

    fn watch(&self) -> bool {
        patiently(|| self.peek(&mut [0; 16])) > 0
    }
}

impl Stream for UnixStream {
    fn pair() -> io::Result<(UnixStream, UnixStream)> {
        UnixStream::pair()
    }

    fn try_clone(&self) -> io::Result<UnixStream> {
        UnixStream::try_clone(self)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        UnixStream::shutdown(self, how)
    }

    fn watch(&self) -> bool {
        patiently(|| self.peek(&mut [0; 16])) > 0
    }
}

/// Makes a call until it meets no fault that std would show its caller, too.
#[track_caller]
pub fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match call() {
            Err(error) if is_transient(&error) => {}
            outcome => return outcome.expect("only injected faults are met here"),
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    let exhausted = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS];
    error.kind() == ErrorKind::Interrupted
        || error.raw_os_error().is_some_and(|code| exhausted.contains(&code))
}
