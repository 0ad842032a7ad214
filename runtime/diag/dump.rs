//! A dump: the runtimes of the process, their workers, and all green threads.

use super::stack::{Group, Interned, groups};
use super::thread::{State, ThreadReport};
use crate::engine::{Survey, WorkerSight};
use crate::thread::ThreadId;
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

/// What all green threads of the process did: see [`dump`](super::dump).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    taken_at: SystemTime,
    took: Duration,
    runtimes: Vec<RuntimeReport>,
    threads: Vec<ThreadReport>,
}

/// One runtime in a dump.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeReport {
    number: u64,
    name: String,
    workers: Vec<WorkerReport>,
}

/// One worker in a dump.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerReport {
    sight: WorkerSight,
}

impl Dump {
    pub(super) fn new(survey: impl FnOnce() -> Vec<Survey>) -> Dump {
        let (taken_at, start) = (SystemTime::now(), Instant::now());
        let (mut runtimes, mut threads) = (Vec::new(), Vec::new());
        let mut interned = Interned::default();
        for Survey { number, name, workers, threads: seen, stacks } in survey() {
            let stacks: Vec<_> = stacks.into_iter().map(|it| interned.intern(it)).collect();
            let workers = workers.into_iter().map(|sight| WorkerReport { sight }).collect();
            runtimes.push(RuntimeReport { number, name, workers });
            threads.extend(seen.into_iter().map(|sight| ThreadReport::new(number, sight, &stacks)));
        }
        let names: HashMap<u64, Option<String>> = threads
            .iter()
            .filter(|thread| thread.is_awaited_by_name())
            .map(|thread| (thread.number(), thread.name().map(str::to_owned)))
            .collect();
        threads.iter_mut().for_each(|thread| thread.name_holder(&names));
        Dump { taken_at, took: start.elapsed(), runtimes, threads }
    }

    /// When the look began.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The runtimes, in the order in which they were started.
    #[must_use]
    pub fn runtimes(&self) -> &[RuntimeReport] {
        &self.runtimes
    }

    /// The green threads that had not ended: those of the first runtime first, oldest first.
    #[must_use]
    pub fn threads(&self) -> &[ThreadReport] {
        &self.threads
    }

    /// The green thread with that id.
    #[must_use]
    pub fn thread(&self, id: ThreadId) -> Option<&ThreadReport> {
        self.threads.iter().find(|thread| thread.id() == id)
    }

    /// The green threads that one has spawned.
    pub fn children(&self, id: ThreadId) -> impl Iterator<Item = &ThreadReport> {
        self.threads.iter().filter(move |thread| thread.parent() == Some(id))
    }

    /// How many green threads are in that state, whichever worker it names.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        let is_same = |it: State| std::mem::discriminant(&it) == std::mem::discriminant(&state);
        self.threads.iter().filter(|thread| is_same(thread.state())).count()
    }

    /// The green threads by what they do and where: those in the same state, in the same call, with
    /// the same stack or, without stacks, from the same place of spawning. Largest groups first.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        groups(&self.threads)
    }
}

impl RuntimeReport {
    /// A number that no other runtime of the process has.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What its workers are named for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its workers, spare ones last.
    #[must_use]
    pub fn workers(&self) -> &[WorkerReport] {
        &self.workers
    }
}

impl WorkerReport {
    /// Its number in its runtime.
    #[must_use]
    pub fn index(&self) -> usize {
        self.sight.index
    }

    /// The kernel's number of its OS thread.
    #[must_use]
    pub fn os_thread(&self) -> u32 {
        self.sight.os_thread
    }

    /// Whether it stands in for others that are stuck.
    #[must_use]
    pub fn is_spare(&self) -> bool {
        self.sight.is_spare
    }

    /// Whether it had nothing to do.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.sight.is_asleep
    }

    /// Whether it did not answer in time: a green thread holds it, or it got no processor. Green
    /// threads that have not started and can do so only there are missing from the dump.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.sight.is_stuck
    }

    /// The green thread that ran there.
    #[must_use]
    pub fn running(&self) -> Option<ThreadId> {
        self.sight.running.map(|(id, _)| id)
    }

    /// For how long at most that has run without a switch: right to some milliseconds for one that
    /// holds its worker for long.
    #[must_use]
    pub fn runs_for(&self) -> Duration {
        self.sight.running.map_or(Duration::ZERO, |(_, time)| time)
    }
}
