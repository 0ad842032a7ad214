//! The socket of a console: nobody else's, and never two.
//!
//! It is made with mode 0600 from the start (`fchmod` before `bind`, which Linux heeds), under a
//! name of its own beside the path, and then moved there: so a socket that nobody listens to any
//! more is replaced at once, and there is no moment in which the path leads nowhere.

use rustix::fs::{Mode, fchmod, stat};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use rustix::process::geteuid;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf, absolute};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Connections that may wait to be accepted; those beyond wait in `connect`.
const BACKLOG: i32 = 16;

static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// A listening socket. Its path is removed when it is dropped, if it still leads here.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode, to know it again.
    identity: (u64, u64),
    process: u32,
}

impl Socket {
    /// # Errors
    ///
    /// As [`console`](super::console).
    pub(super) fn bind(path: &Path) -> io::Result<Socket> {
        let path = absolute(path)?;
        refuse_occupied(&path)?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let mut temporary = OsString::from(&path);
        temporary.push(format!(".{}-{number}", process::id()));
        let temporary = PathBuf::from(temporary);
        let socket = unix_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        let address = SocketAddrUnix::new(&temporary).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "no socket has such a path")
        })?;
        bind(&socket, &address)?;
        let moved = listen(&socket, BACKLOG)
            .map_err(io::Error::from)
            .and_then(|()| identity_of(&temporary))
            .and_then(|identity| fs::rename(&temporary, &path).map(|()| identity));
        match moved {
            Ok(identity) => {
                let listener = UnixListener::from(socket);
                Ok(Socket { listener, path, identity, process: process::id() })
            }
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A client, if one has come: of the same user, or root.
    ///
    /// # Errors
    ///
    /// Those of `accept(2)`; `PermissionDenied` for another user.
    pub(super) fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        let user = socket_peercred(&stream)?.uid;
        if !user.is_root() && user != geteuid() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Not in a forked child, and not that of somebody who has come after us.
        let is_ours = self.process == process::id()
            && identity_of(&self.path).is_ok_and(|identity| identity == self.identity);
        if is_ours {
            // Somebody else may have removed it just now.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn unix_socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let status = stat(path)?;
    Ok((status.st_dev, status.st_ino))
}

/// Errors if there is something else than a socket at the path, or one that somebody listens to.
fn refuse_occupied(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(it) if !it.file_type().is_socket() => {
            let text = format!("{} is no socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(_) => {}
    }
    let address = SocketAddrUnix::new(path)?;
    // Without blocking: where the backlog is full there is somebody as well.
    let probe = unix_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    match connect(&probe, &address) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(()),
        Ok(()) | Err(Errno::AGAIN) => {
            let text = format!("somebody listens to {}", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
        Err(error) => Err(error.into()),
    }
}
