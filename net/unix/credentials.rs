//! Who is at the other end of a Unix socket, as the kernel knows it.

use std::io;

use super::{UnixDatagram, UnixStream};
use crate::socket::{Socket, sys};

/// The credentials of a process: std's `UCred`, which is unstable there.
///
/// # Examples
///
/// ```
/// use greenstd_net::os::unix::net::UnixStream;
///
/// let (stream, _peer) = UnixStream::pair()?;
/// assert_eq!(stream.peer_cred()?.pid, Some(std::process::id() as i32));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The process id; zero for a process that this one cannot see, and `None` never on Linux.
    pub pid: Option<i32>,
}

impl Socket {
    pub(super) fn peer_cred(&self) -> io::Result<UCred> {
        use std::os::fd::AsFd;
        let credentials = sys::peer_credentials(self.as_fd())?;
        Ok(UCred { uid: credentials.uid, gid: credentials.gid, pid: Some(credentials.pid) })
    }
}

/// Options of Unix sockets that only Linux has: std's trait, which is unstable there.
///
/// Sealed: nothing outside this crate implements it.
///
/// # Examples
///
/// ```
/// use greenstd_net::os::linux::net::UnixSocketExt;
/// use greenstd_net::os::unix::net::UnixStream;
///
/// let (stream, _peer) = UnixStream::pair()?;
/// stream.set_passcred(true)?;
/// assert!(stream.passcred()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait UnixSocketExt: sealed::Sealed {
    /// Tells whether the kernel attaches the sender's credentials to what is received
    /// (`SO_PASSCRED`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    fn passcred(&self) -> io::Result<bool>;

    /// Has the kernel attach the sender's credentials to what is received (`SO_PASSCRED`), or not.
    ///
    /// They can be looked at by `recvmsg(2)` on the descriptor; the calls of this crate leave them
    /// out. A read of a stream then ends where the bytes of another sender begin.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn set_passcred(&self, passcred: bool) -> io::Result<()>;
}

macro_rules! unix_socket_ext {
    ($($socket:ty)*) => {$(
        impl sealed::Sealed for $socket {}

        impl UnixSocketExt for $socket {
            fn passcred(&self) -> io::Result<bool> {
                self.socket().options().passcred()
            }

            fn set_passcred(&self, passcred: bool) -> io::Result<()> {
                self.socket().options().set_passcred(passcred)
            }
        }
    )*};
}

unix_socket_ext!(UnixStream UnixDatagram);

mod sealed {
    pub trait Sealed {}
}
