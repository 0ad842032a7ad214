//! libzmq's errors as `io::Error`s, which keep the original inside.

use std::io::{self, ErrorKind};

use ::zmq::Error;

/// With the kind that std has for it. `EAGAIN` is `WouldBlock`.
#[cold]
pub(super) fn io_error(error: Error) -> io::Error {
    let kind = match error {
        // Without an allocation: it is the rule, and goes no further than to the loop that waits.
        Error::EAGAIN => return ErrorKind::WouldBlock.into(),
        Error::ENOTSUP | Error::EPROTONOSUPPORT | Error::ENOCOMPATPROTO => ErrorKind::Unsupported,
        Error::EHOSTUNREACH => ErrorKind::HostUnreachable,
        Error::ENETDOWN => ErrorKind::NetworkDown,
        Error::ENOMEM => ErrorKind::OutOfMemory,
        Error::ENAMETOOLONG => ErrorKind::InvalidFilename,
        other => return other.into(),
    };
    io::Error::new(kind, error)
}

pub(super) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, message)
}
