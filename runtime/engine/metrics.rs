//! The figures of a runtime, added up over its workers; and of all runtimes of the process.
//!
//! What workers count lies in `counters`, what they measure comes from `meter`. Here are the few
//! numbers that others than a worker count, on cold paths, and the sums. The figures of a runtime
//! that has ended stay in those of the process: a counter never goes down.

use super::atomic::{AtomicU64, Mutex, Ordering};
use super::counters::{Counters, Tally};
use super::histogram::Histogram;
use super::remote::Remote;
use super::runtime::{Builder, Runtime};
use super::runtimes;
use super::shared::Shared;
use super::stack::{self, Statistics as StackStatistics};
use super::worker::Worker;
use std::io;

pub use super::stack::Memory as StackMemory;

/// What the runtimes of the process have counted that have ended.
static PAST: Mutex<Option<Box<Metrics>>> = Mutex::new(None);

/// What is counted of a runtime by others than its workers.
#[derive(Debug, Default)]
pub(super) struct Totals {
    spares_started: AtomicU64,
    stuck: AtomicU64,
    fired: AtomicU64,
    discarded: AtomicU64,
}

impl Totals {
    /// The sentry has fired so many timers.
    pub(super) fn fired(&self, timers: usize) {
        if timers > 0 {
            self.fired.fetch_add(timers as u64, Ordering::Relaxed);
        }
    }

    /// Whether the sentry has found a worker stuck that was not before.
    pub(super) fn stuck(&self, is_news: bool) {
        self.stuck.fetch_add(u64::from(is_news), Ordering::Relaxed);
    }

    /// A spare worker starts.
    pub(super) fn spare_started(&self) {
        self.spares_started.fetch_add(1, Ordering::Relaxed);
    }

    /// A task was discarded.
    pub(super) fn discarded(&self) {
        self.discarded.fetch_add(1, Ordering::Relaxed);
    }
}

/// The figures of a runtime at one moment, or of several runtimes together.
///
/// Counters count from the start of the runtime and never go down. They are read one after the
/// other while the workers go on, so two of them may differ by what has happened in between. What
/// is counted by the switch is brought up to date at each look of a worker at its timers, which it
/// takes every 61 switches at least, and before it sleeps.
///
/// To have them costs nothing that can be measured: workers count in memory of their own, and read
/// no clock for it. But for [`Builder::statistics`], where it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Workers, without spare ones.
    pub workers: usize,
    /// Spare workers that are there now.
    pub spare_workers: usize,
    /// Spare workers that were started, ever.
    pub spare_workers_started: u64,
    /// Green threads that live now: spawned, and not ended.
    pub live: u64,
    /// Green threads that were spawned, ever.
    pub spawned: u64,
    /// Green threads that have ended, in whatever way.
    pub ended: u64,
    /// Of those, how many have panicked.
    pub panicked: u64,
    /// Of those, how many were killed.
    pub killed: u64,
    /// Green threads that were switched to.
    pub switches: u64,
    /// Sleeps of workers without anything to run, which have ended.
    pub wakeups: u64,
    /// Green threads, or batches of them, that a worker has taken out of another one's queue.
    pub steals: u64,
    /// Deadlines that green threads have waited towards; most never come.
    pub timers_armed: u64,
    /// Deadlines that have passed while a green thread waited.
    pub timers_fired: u64,
    /// Descriptors that the kernel has reported to workers.
    pub events: u64,
    /// Green threads that were noticed to hold their worker: by the
    /// [`Monitor`](crate::runtime::Monitor), for as long as its threshold says, or for some 20 ms
    /// where there are green threads with thread-locals of their own; the larger of the two. Zero
    /// where there is neither.
    pub hogs: u64,
    /// How long a green thread ran before it gave its worker back, switch included.
    ///
    /// The mean of those of a millisecond at a time, as long as they are short; of fewer, down to
    /// each one by itself, as they get longer than some µs. With [`Builder::statistics`] each by
    /// itself, always.
    pub slices: Histogram,
    /// How long a green thread that could run waited for its turn.
    ///
    /// Of one at a time for each worker: the next one is measured when the turn of the last has
    /// come, and a millisecond of slices has passed. To within some switches, or exactly, and
    /// without that millisecond, with [`Builder::statistics`]. One that has to wait for nobody
    /// counts as 0.
    pub run_delays: Histogram,
    /// Stacks.
    pub stacks: StackStatistics,
}

impl Metrics {
    /// Both together.
    fn plus(&self, other: &Metrics) -> Metrics {
        Metrics {
            workers: self.workers + other.workers,
            spare_workers: self.spare_workers + other.spare_workers,
            spare_workers_started: self.spare_workers_started + other.spare_workers_started,
            live: self.live + other.live,
            spawned: self.spawned + other.spawned,
            ended: self.ended + other.ended,
            panicked: self.panicked + other.panicked,
            killed: self.killed + other.killed,
            switches: self.switches + other.switches,
            wakeups: self.wakeups + other.wakeups,
            steals: self.steals + other.steals,
            timers_armed: self.timers_armed + other.timers_armed,
            timers_fired: self.timers_fired + other.timers_fired,
            events: self.events + other.events,
            hogs: self.hogs + other.hogs,
            slices: self.slices.plus(&other.slices),
            run_delays: self.run_delays.plus(&other.run_delays),
            stacks: self.stacks.plus(other.stacks),
        }
    }

    /// What is left of them once the runtime has ended: what it has counted.
    fn past(self) -> Metrics {
        let stacks = StackStatistics {
            trims: self.stacks.trims,
            releases: self.stacks.releases,
            ..StackStatistics::default()
        };
        Metrics { workers: 0, spare_workers: 0, live: 0, ended: self.spawned, stacks, ..self }
    }
}

impl Builder {
    /// Sets whether the clock is read after each switch, so that
    /// [`slices`](Metrics::slices) and [`run_delays`](Metrics::run_delays) are exact instead of
    /// sampled. The default is that it is not: it costs some 25 ns for each switch, about as much
    /// as the switch itself.
    pub fn statistics(mut self, exact: bool) -> Builder {
        self.measures = exact;
        self
    }
}

impl Runtime {
    /// What this runtime has counted, and what it has now. Never blocks, from threads of either
    /// kind.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::runtime;
    ///
    /// let runtime = runtime::Builder::new().workers(2).build()?;
    /// runtime.spawn(|| ()).join().expect("it does not panic");
    /// assert_eq!(runtime.metrics().spawned, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// Asks the kernel what memory the stacks of this runtime have, and how deep they were used.
    ///
    /// Blocks the calling OS thread meanwhile, about a millisecond for each gibibyte of address
    /// space that was ever used: 4,096 stacks of the default size. From threads of either kind.
    ///
    /// # Errors
    ///
    /// That of `mincore(2)`, which sandboxes may refuse.
    pub fn stack_memory(&self) -> io::Result<StackMemory> {
        self.shared.stacks.measure()
    }
}

/// The figures of all runtimes of the process together, those that have ended among them; and how
/// many runtimes there are.
pub(crate) fn metrics_of_all() -> (Metrics, usize) {
    let live = runtimes::all();
    let past = PAST.lock().as_deref().cloned().unwrap_or_default();
    (live.iter().fold(past, |sum, shared| sum.plus(&shared.metrics())), live.len())
}

/// The memory of all stacks of the process.
///
/// # Errors
///
/// As [`Runtime::stack_memory`].
pub(crate) fn stack_memory_of_all() -> io::Result<StackMemory> {
    runtimes::all().iter().try_fold(StackMemory::default(), |sum, shared| {
        shared.stacks.measure().map(|memory| sum.plus(memory))
    })
}

/// Counts the end of a green thread that does not return.
#[cold]
pub(super) fn count_end(is_killed: bool) {
    // One that is discarded elsewhere was killed by the end of its runtime.
    if let Some(worker) = Worker::current() {
        let counters = worker.counters();
        let tally = if is_killed { &counters.killed } else { &counters.panicked };
        tally.add(1);
    }
}

impl Shared {
    pub(super) fn metrics(&self) -> Metrics {
        if let Some(worker) = Worker::current()
            && std::ptr::eq(&raw const **worker.shared(), self)
        {
            worker.note_switches();
        }
        let remotes = self.remotes();
        let sum = |tally: fn(&Counters) -> &Tally| -> u64 {
            remotes.iter().map(|remote| tally(&remote.counters).get()).sum()
        };
        let totals = &self.totals;
        let get = |total: &AtomicU64| total.load(Ordering::Relaxed);
        // Before those who were spawned, so that there are never more of them.
        let ended = sum(|counters| &counters.ended) + get(&totals.discarded);
        let spawned_outside = self.census.state.lock().spawned_outside;
        let spawned = sum(|counters| &counters.spawned) + spawned_outside;
        let stalls = self.watchdog.as_ref().map_or(0, |watchdog| watchdog.statistics().stalls);
        let histogram = |of: fn(&Remote) -> Histogram| {
            remotes.iter().fold(Histogram::default(), |sum, remote| sum.plus(&of(remote)))
        };
        Metrics {
            workers: self.regular().len(),
            spare_workers: self.relief.spares.load(Ordering::Relaxed),
            spare_workers_started: get(&totals.spares_started),
            live: spawned.saturating_sub(ended),
            spawned,
            ended,
            panicked: sum(|counters| &counters.panicked),
            killed: sum(|counters| &counters.killed),
            switches: sum(|counters| &counters.switches),
            wakeups: sum(|counters| &counters.wakeups),
            steals: sum(|counters| &counters.steals),
            timers_armed: sum(|counters| &counters.timers_armed),
            timers_fired: sum(|counters| &counters.timers_fired) + get(&totals.fired),
            events: sum(|counters| &counters.events),
            hogs: get(&totals.stuck).max(stalls),
            slices: histogram(|remote| remote.counters.slices.snapshot()),
            run_delays: histogram(|remote| remote.counters.delays.snapshot()),
            stacks: self.stacks.statistics(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let past = self.metrics().past();
        let mut sum = PAST.lock();
        *sum = Some(Box::new(sum.take().map_or(past.clone(), |before| before.plus(&past))));
    }
}

impl stack::Statistics {
    /// Both together.
    fn plus(self, other: StackStatistics) -> StackStatistics {
        StackStatistics {
            slabs: self.slabs + other.slabs,
            mapped: self.mapped + other.mapped,
            reserved: self.reserved + other.reserved,
            taken: self.taken + other.taken,
            returned: self.returned + other.returned,
            warm: self.warm + other.warm,
            cold: self.cold + other.cold,
            fresh: self.fresh + other.fresh,
            trims: self.trims + other.trims,
            releases: self.releases + other.releases,
        }
    }
}
