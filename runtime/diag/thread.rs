//! One green thread in a dump.

use super::stack::Stack;
use super::wait::Wait;
use crate::engine::{Phase, Sighting};
use crate::thread::ThreadId;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// What a green thread was doing. One that has ended is in no dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It has not started: it waits for a worker, or for its time to come.
    Unstarted,
    /// It can go on, and waits for its worker.
    Runnable,
    /// It ran.
    Running {
        /// On that worker of its runtime.
        worker: usize,
    },
    /// It waited for something.
    Parked,
}

/// One green thread in a dump.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadReport {
    runtime: u64,
    sight: Sighting,
    wait: Option<Wait>,
    stack: Option<Arc<Stack>>,
    locals: Vec<LocalReport>,
}

/// The value of a green local, as its `Debug` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalReport {
    name: &'static str,
    value: String,
}

impl State {
    /// The state in one word, as text and JSON have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Unstarted => "unstarted",
            State::Runnable => "runnable",
            State::Running { .. } => "running",
            State::Parked => "parked",
        }
    }
}

impl LocalReport {
    /// The name of the local.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl ThreadReport {
    pub(super) fn new(runtime: u64, mut sight: Sighting, stacks: &[Arc<Stack>]) -> ThreadReport {
        let wait = (sight.phase == Phase::Parked).then(|| Wait::new(&sight));
        let stack = sight.stack.map(|number| stacks[number].clone());
        let locals = std::mem::take(&mut sight.locals).into_iter();
        let locals = locals.map(|(name, value)| LocalReport { name, value }).collect();
        ThreadReport { runtime, sight, wait, stack, locals }
    }

    /// Adds the names of those who hold what it waits for.
    pub(super) fn name_holder(&mut self, names: &HashMap<u64, Option<String>>) {
        if let Some(Wait::Lock { holder: Some(holder), .. }) = &mut self.wait {
            holder.add_name(names);
        }
    }

    /// Whether others may refer to it by its name.
    pub(super) fn is_awaited_by_name(&self) -> bool {
        self.name().is_some()
    }

    /// The number of its [runtime](super::RuntimeReport::number).
    #[must_use]
    pub fn runtime(&self) -> u64 {
        self.runtime
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.sight.id
    }

    /// The number that is its id, as reports show it: see [`find`](super::find).
    #[must_use]
    pub fn number(&self) -> u64 {
        self.sight.id.number()
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.sight.name.as_deref()
    }

    /// What it did.
    #[must_use]
    pub fn state(&self) -> State {
        match self.sight.phase {
            Phase::Unstarted => State::Unstarted,
            Phase::Runnable => State::Runnable,
            Phase::Running(worker) => State::Running { worker },
            Phase::Parked => State::Parked,
        }
    }

    /// What it waited for, if it was parked.
    #[must_use]
    pub fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    /// How long it has been in its state, right to some milliseconds, and up to 208 days: parked,
    /// waiting for its worker since it last gave that up, or waiting to start since it was spawned.
    /// Of one that runs, for how long at most.
    #[must_use]
    pub fn waits_for(&self) -> Duration {
        self.sight.for_how_long
    }

    /// How long it will go on waiting at most; of one that is to start later, until then. None if
    /// there is no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.sight.time_left
    }

    /// Where it was spawned.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.sight.site
    }

    /// The green thread that has spawned it, which may have ended. None if it was an OS thread.
    #[must_use]
    pub fn parent(&self) -> Option<ThreadId> {
        self.sight.parent
    }

    /// Whether it was killed, and has not ended yet.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.sight.is_killed
    }

    /// Whether it has its own thread-locals
    /// ([`ThreadLocals::Own`](crate::thread::ThreadLocals::Own)).
    #[must_use]
    pub fn has_own_thread_locals(&self) -> bool {
        self.sight.has_own_locals
    }

    /// Its calls, if they were asked for and could be found out.
    #[must_use]
    pub fn stack(&self) -> Option<&Stack> {
        self.stack.as_deref()
    }

    /// The values of its green locals, if they were asked for.
    #[must_use]
    pub fn locals(&self) -> &[LocalReport] {
        &self.locals
    }
}
