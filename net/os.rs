//! What only some platforms can do with a socket, as traits to be imported by name.

/// Unix: the counterpart of `std::os::unix`.
pub mod unix {
    /// Sockets between processes of one machine: std's types, whose calls park, and what std lacks.
    pub mod net {
        pub use std::os::unix::net::SocketAddr;

        pub use crate::unix::{
            FdsTruncated, Incoming, UCred, UnixDatagram, UnixListener, UnixStream,
        };
    }
}

/// Linux: the counterpart of `std::os::linux`.
pub mod linux {
    /// What only Linux can do with a socket.
    pub mod net {
        pub use std::os::linux::net::SocketAddrExt;

        pub use super::TcpStreamExt;
        pub use crate::unix::UnixSocketExt;
    }

    use std::io;

    use crate::tcp::TcpStream;

    /// TCP options that only Linux has.
    ///
    /// Sealed, as in std: nothing outside this crate implements it.
    pub trait TcpStreamExt: sealed::Sealed {
        /// Turns the delaying of acknowledgements off (`true`) or back on (`TCP_QUICKACK`).
        ///
        /// The kernel may leave the quick mode by itself later; set it again when it matters.
        ///
        /// # Errors
        ///
        /// That of `setsockopt(2)`.
        fn set_quickack(&self, quickack: bool) -> io::Result<()>;

        /// Tells whether acknowledgements are sent at once (`TCP_QUICKACK`).
        ///
        /// # Errors
        ///
        /// That of `getsockopt(2)`.
        fn quickack(&self) -> io::Result<bool>;
    }

    impl TcpStreamExt for TcpStream {
        fn set_quickack(&self, quickack: bool) -> io::Result<()> {
            self.socket().options().set_tcp_quickack(quickack)
        }

        fn quickack(&self) -> io::Result<bool> {
            self.socket().options().tcp_quickack()
        }
    }

    mod sealed {
        pub trait Sealed {}

        impl Sealed for crate::tcp::TcpStream {}
    }
}
