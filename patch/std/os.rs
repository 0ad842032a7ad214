//! `std::os`: what only some platforms have.

pub use ::std::os::*;

/// Unix: the counterpart of `std::os::unix`.
pub mod unix {
    pub use ::std::os::unix::*;

    /// Files: calls that wait for a disk do so on threads of a pool.
    pub mod fs {
        pub use ::std::os::unix::fs::*;

        pub use greenstd_runtime::os::unix::fs::{chown, chroot, fchown, lchown, symlink};
    }

    /// Sockets between processes of one machine, which park.
    pub mod net {
        pub use ::std::os::unix::net::*;

        pub use greenstd_net::os::unix::net::{
            Incoming, UCred, UnixDatagram, UnixListener, UnixStream,
        };
    }

    /// Everything of Unix that is a trait, to be imported at once.
    pub mod prelude {
        pub use ::std::os::unix::prelude::*;

        pub use super::process::CommandExt;
    }

    /// Child processes.
    pub mod process {
        pub use ::std::os::unix::process::*;

        pub use greenstd_runtime::process::unix::CommandExt;
    }
}

/// Linux: the counterpart of `std::os::linux`.
pub mod linux {
    pub use ::std::os::linux::*;

    /// What only Linux can do with a socket.
    pub mod net {
        pub use ::std::os::linux::net::*;

        pub use greenstd_net::os::linux::net::{TcpStreamExt, UnixSocketExt};
    }
}
