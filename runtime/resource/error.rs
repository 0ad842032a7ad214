//! Why a pool lends nothing.

use std::error::Error;
use std::fmt;

/// Why a [`ResourcePool`](super::ResourcePool) lends no resource; `E` is the manager's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError<E> {
    /// None was free in time.
    TimedOut,
    /// It took longer than [`create_timeout`](super::Builder::create_timeout) to make one, or to
    /// check one.
    CreateTimedOut,
    /// None could be made.
    Create(E),
    /// The pool was closed.
    Closed,
}

impl<E: fmt::Display> fmt::Display for GetError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::TimedOut => f.write_str("no resource of the pool was free in time"),
            GetError::CreateTimedOut => f.write_str("it took too long to make a resource"),
            GetError::Create(error) => write!(f, "no resource could be made: {error}"),
            GetError::Closed => f.write_str("the pool of resources was closed"),
        }
    }
}

impl<E: Error + 'static> Error for GetError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GetError::Create(error) => Some(error),
            _ => None,
        }
    }
}
