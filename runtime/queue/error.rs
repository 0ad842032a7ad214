//! Why a queue did not do what it was asked. Whoever failed to put an item gets it back.

use std::error::Error;
use std::fmt;

/// The queue was shut down; here is the item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T>(pub T);

/// Why `try_put` has not put the item, which is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// The queue is full.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

/// Why `put_timeout` has not put the item, which is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutTimeoutError<T> {
    /// The queue was full for all the time.
    Timeout(T),
    /// The queue was shut down.
    ShutDown(T),
}

/// The queue was shut down, and no item is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetError;

/// Why `try_get` or `try_peek` has no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryGetError {
    /// The queue is empty.
    Empty,
    /// The queue was shut down, and no item is left.
    ShutDown,
}

/// Why `get_timeout` or `peek_timeout` has no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetTimeoutError {
    /// There was none in time.
    Timeout,
    /// The queue was shut down, and no item is left.
    ShutDown,
}

/// `task_done` was called more often than items were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskDoneError;

const FULL: &str = "the queue is full";
const EMPTY: &str = "the queue is empty";
const SHUT_DOWN: &str = "the queue was shut down";
const TIMED_OUT: &str = "timed out waiting on a queue";

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TryPutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::ShutDown(item) => item,
        }
    }
}

impl<T> PutTimeoutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            PutTimeoutError::Timeout(item) | PutTimeoutError::ShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutError(..)")
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Debug for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutTimeoutError::Timeout(_) => "Timeout(..)",
            PutTimeoutError::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => FULL,
            TryPutError::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl<T> fmt::Display for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutTimeoutError::Timeout(_) => TIMED_OUT,
            PutTimeoutError::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => EMPTY,
            TryGetError::ShutDown => SHUT_DOWN,
        })
    }
}

impl fmt::Display for GetTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetTimeoutError::Timeout => TIMED_OUT,
            GetTimeoutError::ShutDown => SHUT_DOWN,
        })
    }
}

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done was called more often than items were put")
    }
}

impl<T> Error for PutError<T> {}
impl<T> Error for TryPutError<T> {}
impl<T> Error for PutTimeoutError<T> {}
impl Error for GetError {}
impl Error for TryGetError {}
impl Error for GetTimeoutError {}
impl Error for TaskDoneError {}
