//! The advisory locks of files: attempts, and the waits between them.
//!
//! A lock may be held for ever, so nobody waits for one on a thread of the pool. A green thread
//! tries, sleeps, and tries again. Each attempt is shielded: one that was abandoned would take the
//! lock for nobody, while others still use the file. It never waits for the holder, only for the
//! file system to answer.
//!
//! # Rejected
//!
//! A thread for each waiter, in `flock(2)`: it cannot be called back when the waiter is killed, and
//! when it comes to the lock it cannot give that up without giving up what the same open file was
//! granted meanwhile.

use super::descriptor::Descriptor;
use crate::blocking::may_block;
use crate::park;
use crate::thread;
use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The first pause is about what a lock is held for that guards a short write; the last one costs a
/// waiter twenty attempts a second.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// A kind of lock.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    wait: fn(&File) -> io::Result<()>,
    attempt: fn(&File) -> Result<(), TryLockError>,
}

pub(super) const EXCLUSIVE: Kind = Kind { wait: File::lock, attempt: File::try_lock };
pub(super) const SHARED: Kind = Kind { wait: File::lock_shared, attempt: File::try_lock_shared };

/// Takes a lock, waiting for it.
///
/// # Errors
///
/// Those of `flock(2)`.
pub(super) fn wait(descriptor: &Arc<Descriptor>, kind: Kind) -> io::Result<()> {
    if may_block() {
        return (kind.wait)(&descriptor.file);
    }
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(descriptor, kind) {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        thread::sleep(pause);
        pause = LAST_PAUSE.min(pause * 2);
    }
}

/// Takes a lock if it is free.
///
/// # Errors
///
/// Those of `flock(2)`; that it is not free.
pub(super) fn attempt(descriptor: &Arc<Descriptor>, kind: Kind) -> Result<(), TryLockError> {
    shielded(descriptor, move |file| match (kind.attempt)(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    })
    .map_err(TryLockError::Error)?
    .then_some(())
    .ok_or(TryLockError::WouldBlock)
}

/// Gives a lock up.
///
/// # Errors
///
/// Those of `flock(2)`.
pub(super) fn unlock(descriptor: &Arc<Descriptor>) -> io::Result<()> {
    shielded(descriptor, File::unlock)
}

fn shielded<T: Send + 'static>(
    descriptor: &Arc<Descriptor>,
    call: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if park::is_to_end() && !std::thread::panicking() {
        return Err(io::Error::other(park::unwind_killed()));
    }
    thread::shield(|| descriptor.run(|descriptor| call(&descriptor.file)))
}
