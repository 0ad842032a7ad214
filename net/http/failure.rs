//! Why the body of a request could not be read.

use std::error::Error;
use std::fmt;
use std::io;

/// Why the body of a request could not be read: inside of the [`io::Error`] of a
/// [`RequestBody`](super::RequestBody).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than the server takes; answered by 413.
    TooLarge,
    /// The peer has sent nothing for too long; answered by 408.
    TimedOut,
    /// The peer has ended the connection in the middle of it.
    Incomplete,
    /// It is not what the protocol asks for, such as a chunk without a size; answered by 400.
    Malformed,
}

impl BodyError {
    /// That which an error of a body's read was made of, if it was.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<BodyError> {
        error.get_ref()?.downcast_ref().copied()
    }

    pub(super) fn of_hyper(error: &hyper::Error) -> BodyError {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        match cause.map(io::Error::kind) {
            Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => BodyError::Malformed,
            Some(_) => BodyError::Incomplete,
            None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                BodyError::Incomplete
            }
            None => BodyError::Malformed,
        }
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> io::Error {
        let kind = match error {
            BodyError::TooLarge => io::ErrorKind::FileTooLarge,
            BodyError::TimedOut => io::ErrorKind::TimedOut,
            BodyError::Incomplete => io::ErrorKind::UnexpectedEof,
            BodyError::Malformed => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyError::TooLarge => "the body of the request is too large",
            BodyError::TimedOut => "the peer has sent nothing of the body for too long",
            BodyError::Incomplete => "the peer has ended the connection inside of the body",
            BodyError::Malformed => "the body of the request is malformed",
        })
    }
}

impl Error for BodyError {}
