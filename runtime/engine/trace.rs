//! What a green thread does, wait by wait, for those few of which somebody wants to know.
//!
//! A green thread is traced from when it is asked for until it is not, or ends: at each wait it
//! notes down what it begins to wait for, how long it has run before, and how long it has waited.
//! The notes of all lie in one list with a limit, the oldest of which go.

use super::atomic::Mutex;
use super::fiber::Header;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// Notes that are kept, of all traced green threads together: some 100 KiB.
const NOTES_MAX: usize = 1024;

static NOTES: Mutex<VecDeque<TraceNote>> = Mutex::new(VecDeque::new());

/// One wait of a traced green thread: see [`trace`](crate::diag::trace).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceNote {
    /// The number of the green thread.
    pub id: u64,
    /// When the wait was over.
    pub at: SystemTime,
    /// What it has waited for; none for what has no name, a yield among them.
    pub reason: Option<&'static str>,
    /// How long the wait was, until it went on.
    pub waited: Duration,
}

/// A wait that has begun.
pub(super) struct Begun {
    reason: Option<&'static str>,
    since: Instant,
}

#[cold]
pub(super) fn begin_wait(header: &Header) -> Begun {
    Begun { reason: header.waits_for.get().map(|reason| reason.0), since: Instant::now() }
}

#[cold]
pub(super) fn end_wait(header: &Header, begun: Begun) {
    let waited = begun.since.elapsed();
    let note = TraceNote { id: header.id, at: SystemTime::now(), reason: begun.reason, waited };
    let mut notes = NOTES.lock();
    if notes.len() == NOTES_MAX {
        notes.pop_front();
    }
    notes.push_back(note);
}

/// The notes of a green thread that are left, the oldest first.
pub(crate) fn trace_notes(id: u64) -> Vec<TraceNote> {
    NOTES.lock().iter().filter(|note| note.id == id).copied().collect()
}
