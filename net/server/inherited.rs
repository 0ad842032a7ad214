//! Sockets that whoever has started this process listens on for it.
//!
//! The protocol is systemd's (`sd_listen_fds(3)`): descriptors from 3 on, their number in
//! `LISTEN_FDS`, their names in `LISTEN_FDNAMES`, and in `LISTEN_PID` whom they are for, since a
//! child inherits the environment, too.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Binding, IntoListener};
use crate::socket::sys;
use crate::tcp::TcpListener;

/// The number of the first descriptor (`SD_LISTEN_FDS_START`).
const FIRST: i32 = 3;

/// More than anybody passes; what is beyond is taken for a broken environment.
const MOST: i32 = 1024;

/// Whether the descriptors have been handed out.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A socket that was passed to this process; made by [`listen_fds`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Inherited {
    /// The name that its unit gives it (`FileDescriptorName=`), or `unknown`.
    pub name: String,
    /// The socket, which other processes may hold, too.
    pub fd: OwnedFd,
}

impl IntoListener for Inherited {
    type Listener = TcpListener;

    fn into_listeners(self, binding: &Binding) -> io::Result<Vec<TcpListener>> {
        self.fd.into_listeners(binding)
    }
}

/// Takes the sockets that a service manager listens on for this process, as systemd's socket
/// activation does; none if there is no such manager, or if they were taken before. Never blocks.
///
/// They are closed when dropped, and on `exec`. The variables stay in the environment, where a
/// child finds that they are for somebody else.
///
/// # Errors
///
/// `InvalidInput` if the variables are for this process and make no sense; `EBADF` if a descriptor
/// is not open. Nothing is handed out then.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::server::{self, StreamServer};
///
/// let socket = server::listen_fds()?.pop().ok_or(std::io::ErrorKind::NotFound)?;
/// StreamServer::builder().start(socket, |_connection| Ok(()))?.serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn listen_fds() -> io::Result<Vec<Inherited>> {
    let variable = |name| env::var(name).ok();
    let is_ours = variable("LISTEN_PID").is_some_and(|pid| pid == process::id().to_string());
    if !is_ours || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let count = count(variable("LISTEN_FDS").as_deref())?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').filter(|name| !name.is_empty());
    // All are looked at before the first one is taken.
    for number in FIRST..FIRST + count {
        sys::close_on_exec(number)?;
    }
    let inherited = |number| {
        let name = names.next().unwrap_or("unknown").to_owned();
        Inherited { name, fd: sys::take_inherited(number) }
    };
    Ok((FIRST..FIRST + count).map(inherited).collect())
}

fn count(variable: Option<&str>) -> io::Result<i32> {
    let count = variable.and_then(|text| text.parse().ok());
    count.filter(|count| (0..=MOST).contains(count)).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "LISTEN_FDS is not a number of descriptors")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sensible_number_counts() {
        assert_eq!(count(Some("0")).ok(), Some(0));
        assert_eq!(count(Some("2")).ok(), Some(2));
        for senseless in [None, Some(""), Some("-1"), Some("two"), Some("1025")] {
            let error = count(senseless).expect_err("it makes no sense");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
