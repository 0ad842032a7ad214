//! What a pool knows, and what follows from it: who goes on, and which thread is to be called.
//!
//! Everything here is done under the pool's one lock. Each change ends with [`State::settle`],
//! which lets callers go on for whom there is room now, and names the one thread that is to be
//! called: an idle one is woken, the one that fell idle last first, so that the others come to
//! their idle timeout; else one is started. What was named is done once the lock was given up.
//!
//! # Invariants
//!
//! 1. While a job is queued a thread is on its way, or each thread that there may be is busy. A
//!    thread that comes takes a job, and has the next one called before it begins: so a burst of
//!    short jobs wakes few threads, and one of long jobs soon has all that there may be.
//! 2. Nobody waits for room while there is some.
//! 3. A thread is idle (in the list), on its way (a token in `coming`), or busy. Threads that are
//!    on their way or busy count as [`ExternalWork`], but not while they wait for green code: then
//!    they wake nobody. The jobs in the queue need no token of their own: if nobody is busy nobody
//!    will run them either, and that is a deadlock if it does not end.
//! 4. The limit of the queue holds for what no thread is about to take: threads that are idle, on
//!    their way, or may be started, make room for a job each.
//! 5. Only `Arc`s of jobs move under the lock; no closure and no result is touched.

use super::error::Refusal;
use super::job::Work;
use super::pool::Statistics;
use super::waits::Waits;
use crate::park::{ExternalWork, Line, Unparker, Wakeup, Wakeups};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a pool says that it is piled up, at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What does not change about a pool.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    pub(super) idle_timeout: Duration,
    pub(super) stack_size: Option<usize>,
    pub(super) queue_limit: usize,
    pub(super) spare_threads: usize,
}

/// What changes.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) queue: VecDeque<Arc<dyn Work>>,
    pub(super) room: Line<Asking>,
    /// Those who wait for the last job of a pool that was shut down.
    pub(super) drained: Line<()>,
    /// The one that fell idle last comes last.
    pub(super) idle: Vec<Idle>,
    /// A token for each thread that was woken or started, and has not come yet.
    pub(super) coming: Vec<ExternalWork>,
    pub(super) threads: usize,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) running: usize,
    /// Of those that run: jobs that wait for green code.
    pub(super) in_green: usize,
    pub(super) done: u64,
    pub(super) waits: Waits,
    /// Threads that were ever started, for their names.
    started: u64,
    pub(super) is_closed: bool,
    /// The system has refused a thread, and no job has ended since.
    pub(super) is_starved: bool,
    /// There are spare threads.
    is_piled_up: bool,
    /// The spare threads wait for green code, too.
    is_stuck: bool,
    /// When each of the two was last reported.
    piled_up_at: Option<Instant>,
    stuck_at: Option<Instant>,
}

/// A thread that waits to be called.
pub(super) struct Idle {
    pub(super) number: u64,
    pub(super) unparker: Unparker,
}

/// What passes between who waits for room and who lets him go on.
pub(super) struct Asking {
    /// Taken by whoever queues it.
    pub(super) job: Option<Arc<dyn Work>>,
    pub(super) refusal: Option<Refusal>,
}

/// What is to be done when the lock was given up.
#[must_use = "whoever is called has to hear of it"]
pub(super) struct Orders {
    pub(super) wakeups: Wakeups,
    pub(super) call: Call,
}

/// Which thread is to be called for the next job.
pub(super) enum Call {
    Nobody,
    Wake(Unparker),
    /// One is to be started, and counts as such; by its number.
    Start(u64),
    /// One beyond the bound is to be started, because all others wait for green code.
    StartSpare {
        number: u64,
        is_news: bool,
    },
    /// There may be no more of those either, which is news.
    Stuck,
}

impl State {
    pub(super) fn new(settings: Settings, min: usize, max: usize) -> State {
        State {
            settings,
            queue: VecDeque::new(),
            room: Line::new(),
            drained: Line::new(),
            idle: Vec::new(),
            coming: Vec::new(),
            threads: 0,
            min,
            max,
            running: 0,
            in_green: 0,
            done: 0,
            waits: Waits::default(),
            started: 0,
            is_closed: false,
            is_starved: false,
            is_piled_up: false,
            is_stuck: false,
            piled_up_at: None,
            stuck_at: None,
        }
    }

    /// Whether a job may be queued at once.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < self.settings.queue_limit.saturating_add(self.takers())
    }

    /// How many jobs a thread is about to take, or could.
    fn takers(&self) -> usize {
        self.idle.len() + self.coming.len() + self.startable()
    }

    /// How many more threads there may be now.
    fn startable(&self) -> usize {
        match self.max.saturating_sub(self.threads) {
            _ if self.is_starved => 0,
            0 => usize::from(self.is_all_in_green() && self.has_spare()),
            below => below,
        }
    }

    /// Whether each thread waits for green code.
    fn is_all_in_green(&self) -> bool {
        self.in_green == self.threads
    }

    fn has_spare(&self) -> bool {
        self.threads < self.max.saturating_add(self.settings.spare_threads)
    }

    /// Queues a job, for which there is room.
    pub(super) fn push(&mut self, job: Arc<dyn Work>) {
        self.queue.push_back(job);
        if self.queue.len() > self.takers() {
            self.waits.queued_at(self.queue.len());
        }
    }

    /// To be called after each change: keeps invariants 1 and 2.
    pub(super) fn settle(&mut self) -> Orders {
        let mut wakeups = Wakeups::new();
        while self.has_room()
            && let Some((job, wakeup)) = self.admit()
        {
            self.push(job);
            wakeups.push(wakeup);
        }
        Orders { wakeups, call: self.call() }
    }

    /// Lets the first go on who waits for room, and takes his job.
    fn admit(&mut self) -> Option<(Arc<dyn Work>, Wakeup)> {
        let take = |asking: &mut Asking| asking.job.take().expect("whoever waits has a job");
        self.room.grant(take)
    }

    fn call(&mut self) -> Call {
        if self.queue.is_empty() || !self.coming.is_empty() {
            return Call::Nobody;
        }
        if let Some(idle) = self.idle.pop() {
            self.coming.push(ExternalWork::new());
            return Call::Wake(idle.unparker);
        }
        if self.startable() == 0 {
            let is_stuck = self.is_all_in_green() && (self.is_starved || !self.has_spare());
            let is_news = is_stuck && !mem::replace(&mut self.is_stuck, is_stuck);
            return if is_news && is_due(&mut self.stuck_at) { Call::Stuck } else { Call::Nobody };
        }
        let is_spare = self.threads >= self.max;
        self.threads += 1;
        self.started += 1;
        self.coming.push(ExternalWork::new());
        let number = self.started - 1;
        if !is_spare {
            return Call::Start(number);
        }
        let is_news = !mem::replace(&mut self.is_piled_up, true);
        Call::StartSpare { number, is_news: is_news && is_due(&mut self.piled_up_at) }
    }

    /// The next job for a thread that is free. Without a queue it comes from whoever waits.
    pub(super) fn next_job(&mut self, wakeups: &mut Wakeups) -> Option<Arc<dyn Work>> {
        if let Some(job) = self.queue.pop_front() {
            self.waits.taken();
            return Some(job);
        }
        let (job, wakeup) = self.admit()?;
        wakeups.push(wakeup);
        Some(job)
    }

    /// Whether a thread that is free is to leave at once. The last one that does not wait for green
    /// code stays, for it is what the others may be waiting for.
    pub(super) fn is_overstaffed(&self) -> bool {
        self.threads > self.max && self.threads - self.in_green > 1
    }

    /// A thread leaves, or was never there.
    pub(super) fn leave(&mut self) {
        self.threads -= 1;
        self.is_piled_up &= self.threads > self.max;
    }

    /// A job waits for green code no more.
    pub(super) fn come_back(&mut self) {
        self.in_green -= 1;
        self.is_stuck = false;
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            threads: self.threads,
            idle: self.idle.len(),
            queued: self.queue.len(),
            running: self.running,
            calling: self.in_green,
            done: self.done,
        }
    }

    /// Whether a pool that was shut down has nothing left to do.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed && self.queue.is_empty() && self.running == 0
    }
}

/// Whether something is to be reported that was reported at `last`: a pool that is always too small
/// for what its jobs do would fill the log.
fn is_due(last: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let is_due = last.is_none_or(|last| now.duration_since(last) >= REPORT_EVERY);
    *last = if is_due { Some(now) } else { *last };
    is_due
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("threads", &self.threads)
            .field("queued", &self.queue.len())
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}
