//! Why a job was not run.

use std::error::Error;
use std::fmt;
use std::io;

/// The payload with which a join returns if the job never ran.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::blocking::{BlockingPool, Builder, NotRun};
/// use std::sync::mpsc;
///
/// let pool: BlockingPool = Builder::new().max_threads(1).build();
/// let (sender, receiver) = mpsc::channel::<()>();
/// let first = pool.spawn(move || receiver.recv());
/// let second = pool.spawn(|| unreachable!("it is cancelled before there is a thread for it"));
/// assert!(second.cancel());
/// let payload = second.join().unwrap_err();
/// assert_eq!(payload.downcast_ref(), Some(&NotRun::Cancelled));
/// drop(sender);
/// assert!(first.join().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotRun {
    /// It was cancelled before a thread had begun with it.
    Cancelled,
    /// The pool had no thread, and the system refused to start one.
    NoThread(io::ErrorKind),
}

/// Why a pool did not take a job, with the closure.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySpawnError<F> {
    /// All threads were busy, and the queue was full; or full for longer than the caller would
    /// wait.
    Full(F),
    /// The pool was shut down.
    ShutDown(F),
    /// The pool has no thread, and the system refuses to start one.
    NoThread(F, io::ErrorKind),
}

/// Jobs were left when the time for the shutdown of a pool was up. They go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// Jobs that no thread has begun with.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
}

/// Why a pool does not take a job.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    Full,
    ShutDown,
    NoThread(io::ErrorKind),
}

impl Refusal {
    /// With the closure that was refused.
    pub(super) fn with<F>(self, closure: F) -> TrySpawnError<F> {
        match self {
            Refusal::Full => TrySpawnError::Full(closure),
            Refusal::ShutDown => TrySpawnError::ShutDown(closure),
            Refusal::NoThread(kind) => TrySpawnError::NoThread(closure, kind),
        }
    }
}

impl<F> TrySpawnError<F> {
    /// The closure.
    pub fn into_inner(self) -> F {
        match self {
            TrySpawnError::Full(closure)
            | TrySpawnError::ShutDown(closure)
            | TrySpawnError::NoThread(closure, _) => closure,
        }
    }

    fn refusal(&self) -> Refusal {
        match self {
            TrySpawnError::Full(_) => Refusal::Full,
            TrySpawnError::ShutDown(_) => Refusal::ShutDown,
            TrySpawnError::NoThread(_, kind) => Refusal::NoThread(*kind),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Full => f.write_str("the blocking pool is full"),
            Refusal::ShutDown => f.write_str("the blocking pool was shut down"),
            Refusal::NoThread(kind) => {
                write!(f, "the blocking pool has no thread and can start none: {kind}")
            }
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRun::Cancelled => f.write_str("the job was cancelled before it started"),
            NotRun::NoThread(kind) => Refusal::NoThread(*kind).fmt(f),
        }
    }
}

impl Error for NotRun {}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::Full(_) => f.write_str("Full(..)"),
            TrySpawnError::ShutDown(_) => f.write_str("ShutDown(..)"),
            TrySpawnError::NoThread(_, kind) => write!(f, "NoThread(.., {kind:?})"),
        }
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal().fmt(f)
    }
}

impl<F> Error for TrySpawnError<F> {}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unfinished { queued, running } = self;
        write!(f, "the pool was left with {running} running jobs and {queued} queued ones")
    }
}

impl Error for Unfinished {}
