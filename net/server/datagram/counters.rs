//! What a datagram server has counted.
//!
//! # Orderings
//!
//! Relaxed: each number is right by itself, and a snapshot of several is taken while they move. One
//! that is taken after a `stop` has returned sees all ends that it has waited for, through the lock
//! of the pool of handlers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::server::statistics::Fate;

/// What a [`DatagramServer`](super::DatagramServer) has counted since its start.
///
/// Each datagram that was received is in exactly one of `live`, `oversized`, `finished`, `failed`,
/// `panicked` and `killed`, but for the moment in which it passes from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramStatistics {
    /// Datagrams that were received.
    pub received: u64,
    /// Those whose handlers run, or are about to.
    pub live: u64,
    /// Those that were dropped because they were longer than the limit.
    pub oversized: u64,
    /// Those whose handlers have returned `Ok`.
    pub finished: u64,
    /// Those whose handlers have returned an error, or for which there was no green thread.
    pub failed: u64,
    /// Those whose handlers have panicked.
    pub panicked: u64,
    /// Those whose handlers were killed: by a stop, by somebody else, or by the end of the runtime.
    pub killed: u64,
    /// Receives that have failed for another reason than an empty queue.
    pub receive_errors: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) oversized: AtomicU64,
    pub(super) receive_errors: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    killed: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, fate: Fate) {
        Counters::add(self.of(fate));
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts as failed what was counted as killed: nobody has killed it, it could not be started.
    pub(super) fn never_started(&self) {
        self.killed.fetch_sub(1, Ordering::Relaxed);
        Counters::add(&self.failed);
    }

    pub(super) fn snapshot(&self) -> DatagramStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DatagramStatistics {
            received: read(&self.received),
            live: read(&self.live),
            oversized: read(&self.oversized),
            finished: read(&self.finished),
            failed: read(&self.failed),
            panicked: read(&self.panicked),
            killed: read(&self.killed),
            receive_errors: read(&self.receive_errors),
        }
    }

    fn of(&self, fate: Fate) -> &AtomicU64 {
        match fate {
            Fate::Finished => &self.finished,
            Fate::Failed => &self.failed,
            Fate::Panicked => &self.panicked,
            Fate::Killed => &self.killed,
        }
    }
}
