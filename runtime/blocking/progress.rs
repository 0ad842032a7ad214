//! How far a job has come, and who waits for its end.
//!
//! It knows nothing of closures and results: those lie in the job, in a slot that belongs to whom
//! the stage says.
//!
//! # State
//!
//! | stage | the slot belongs to | goes on by |
//! |---|---|---|
//! | `Queued` | nobody: it holds the closure | `start`, by a thread or by who discards it |
//! | `Running` | whoever has started it | `finish` |
//! | `Over` | the handle, if it is there to take the outcome; else who has finished it | |

use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use crate::select::Queued;
use std::time::Instant;

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Running,
    Over,
}

/// The stage of one job.
#[derive(Debug)]
pub(super) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    stage: Stage,
    is_wanted: bool,
    waiting: Line<()>,
}

impl Progress {
    pub(super) const fn new() -> Progress {
        let state = State { stage: Stage::Queued, is_wanted: true, waiting: Line::new() };
        Progress { state: Mutex::new(state) }
    }

    /// Claims the job. True once, and never after it is over.
    #[must_use]
    pub(super) fn start(&self) -> bool {
        let mut state = self.state.lock();
        let is_queued = state.stage == Stage::Queued;
        if is_queued {
            state.stage = Stage::Running;
        }
        is_queued
    }

    /// Lets all go on who wait for the end; the outcome is in the slot. False if nobody will take
    /// it any more: then it is the caller's to drop.
    #[must_use]
    pub(super) fn finish(&self) -> bool {
        let mut state = self.state.lock();
        state.stage = Stage::Over;
        let is_wanted = state.is_wanted;
        park::grant_each(&self.state, state, |state| {
            state.waiting.grant(|()| ()).map(|((), wakeup)| wakeup)
        });
        is_wanted
    }

    /// Says that nobody will take the outcome. If the job is over it is the caller's to drop.
    #[must_use]
    pub(super) fn forsake(&self) -> Stage {
        let mut state = self.state.lock();
        state.is_wanted = false;
        state.stage
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.lock().stage == Stage::Over
    }

    /// Blocks the calling thread until the job is over or `deadline` passes. True if it is over.
    #[inline]
    pub(super) fn wait(&self, what: &'static Reason, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.stage == Stage::Over {
            return true;
        }
        let ask = Ask::new(what, deadline);
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.waiting, (), ask);
        matches!(waited, Waited::Granted(()))
    }
}

/// As an arm of a select: tells that the job is over.
impl Queued for Progress {
    type State = State;
    type Payload = ();
    type Output = ();
    const NAME: &'static str = "JobHandle::join";

    fn lock(&self) -> &Mutex<State> {
        &self.state
    }

    fn line(state: &mut State) -> &mut Line<()> {
        &mut state.waiting
    }

    fn is_ready(&self, state: &mut State) -> bool {
        state.stage == Stage::Over
    }

    fn take(_state: &mut State) {}

    fn finish(&self, (): ()) {}

    fn put_back(&self, (): ()) {}
}
