//! What a server has counted.
//!
//! # Orderings
//!
//! Relaxed: each number is right by itself, and a snapshot of several is taken while they move. One
//! that is taken after a `stop` has returned sees all ends that it has waited for, through the lock
//! of the group of handlers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has counted since its start; see [`ServerHandle::statistics`].
///
/// Each connection that was accepted is in exactly one of `live`, `refused`, `finished`, `failed`,
/// `panicked` and `killed`, but for the moment in which it passes from one to another.
///
/// [`ServerHandle::statistics`]: super::ServerHandle::statistics
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those whose handlers run, or whose [`Connection`](super::Connection)s live on elsewhere.
    pub live: u64,
    /// Those that were closed at once, because their peer had too many.
    pub refused: u64,
    /// Those whose handlers have returned `Ok`.
    pub finished: u64,
    /// Those whose handlers have returned an error, whose handshake has failed or taken too long,
    /// or for whose handlers there was no green thread.
    pub failed: u64,
    /// Those whose handlers have panicked.
    pub panicked: u64,
    /// Those whose handlers were killed: by a stop, by somebody else, or by the end of the runtime.
    pub killed: u64,
    /// Accepts that have failed for another reason than an empty queue.
    pub accept_errors: u64,
}

/// How a connection has ended, or the handling of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Fate {
    Finished,
    Failed,
    Panicked,
    Killed,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) accept_errors: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    killed: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn subtract(counter: &AtomicU64) {
        counter.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, fate: Fate) {
        Counters::add(match fate {
            Fate::Finished => &self.finished,
            Fate::Failed => &self.failed,
            Fate::Panicked => &self.panicked,
            Fate::Killed => &self.killed,
        });
    }

    pub(super) fn snapshot(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            accepted: read(&self.accepted),
            live: read(&self.live),
            refused: read(&self.refused),
            finished: read(&self.finished),
            failed: read(&self.failed),
            panicked: read(&self.panicked),
            killed: read(&self.killed),
            accept_errors: read(&self.accept_errors),
        }
    }
}
