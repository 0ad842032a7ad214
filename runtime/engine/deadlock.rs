//! The deadlock detector: finds out that a `run` waits and that nothing can ever wake anyone.
//!
//! It costs a running program nothing but a look at two words when the last worker falls asleep.
//! That worker sleeps for `WATCH_AFTER` at first. If nothing has happened by then it looks at the
//! whole runtime, once; whatever it finds, it sleeps without a limit afterwards, until somebody has
//! run again. So nothing wakes periodically.
//!
//! # The look
//!
//! It holds the tables of all reactors and, if all workers are in it, the list of sleepers. So no
//! worker of the runtime can hand out an event, and none can get up. The order matters:
//!
//! 1. *Is somebody alive?* A timer that is armed, a descriptor that somebody waits for, work that
//!    is under way outside, an OS thread that nobody knows: any of them ends the look. If there is
//!    none, then from here on nobody is left who could make a green thread runnable.
//! 2. *Is somebody on his way?* One who was woken before that is not parked any more, or lies in an
//!    inbox, as does a task in its queue. Nobody can undo this or hide it: the workers sleep.
//!
//! If neither, each green thread is parked for ever: a deadlock.
//!
//! # Invariants
//!
//! 1. While a worker is in the list of sleepers it does not change its timers; another thread that
//!    holds the list's lock may read them.
//! 2. A `run` is known before its main green thread is spawned, and is looked for by that one's id:
//!    a `run` whose main has not been spawned, or has ended, is not waiting.
//!
//! # Rejected
//!
//! Looking whenever a worker falls asleep: a runtime that is fed by other threads does so for each
//! message. Asking each worker to report: it would have to be woken for it.

use super::atomic::{AtomicBool, AtomicUsize, Mutex, Ordering};
use super::fiber::{FiberRef, Header};
use super::handle::ThreadId;
use super::limits;
use super::outside;
use super::reactor::ReactorHandle;
use super::remote::Remote;
use super::shared::Shared;
use super::worker::Worker;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long all workers sleep before one of them looks: long for a machine, short for whoever
/// waits for the error.
const WATCH_AFTER: Duration = Duration::from_millis(100);

/// Lines of a report. The rest is counted.
const LISTED_AT_MOST: usize = 1000;

/// A runtime in which every green thread waits and nothing can wake any of them.
///
/// What is returned by [`Runtime::try_run`](crate::runtime::Runtime::try_run), and the payload with
/// which [`run`](crate::run) panics. As text it has a line for each green thread.
///
/// The same thing is gevent's `LoopExit` and Go's "all goroutines are asleep".
#[derive(Clone)]
pub struct Deadlock {
    threads: Arc<[ParkedThread]>,
}

/// A green thread that waits for ever.
#[derive(Clone, Debug)]
pub struct ParkedThread {
    id: ThreadId,
    name: Option<Box<str>>,
    spawned_at: &'static Location<'static>,
    waits_in: Option<&'static str>,
    waits_for: Option<ThreadId>,
}

/// What a runtime knows of the `run`s that wait for it.
#[derive(Debug)]
pub(super) struct Detector {
    is_on: bool,
    mains: Mutex<Vec<Arc<Main>>>,
    /// How many there are. Relaxed, as `is_looked`: what they say is passed on with the work that
    /// follows, by queues and by the list of sleepers.
    waiting: AtomicUsize,
    /// Nobody has run since the last look.
    is_looked: AtomicBool,
}

/// A `run` that waits.
#[derive(Debug)]
struct Main {
    os_thread: u32,
    id: OnceLock<ThreadId>,
    deadlock: OnceLock<Deadlock>,
}

/// Keeps a `run` known to the detector of its runtime.
#[derive(Debug)]
pub(super) struct Watched<'r> {
    detector: &'r Detector,
    main: Arc<Main>,
}

/// What a look has found.
enum Finding {
    /// Somebody is on his way: a worker will sleep anew.
    Busy,
    /// Somebody is there who may wake a green thread some day.
    Alive,
    Deadlock(Vec<ParkedThread>),
}

impl Detector {
    pub(super) fn new(is_on: bool) -> Detector {
        Detector {
            is_on,
            mains: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
            is_looked: AtomicBool::new(false),
        }
    }

    /// To be called by a thread that is about to spawn a main green thread and to wait for it.
    /// `None` if it need not be watched: something else may end its wait.
    pub(super) fn watch(&self) -> Option<Watched<'_>> {
        if !self.is_on || Worker::on_fiber().is_some() || limits::is_limited() {
            return None;
        }
        let (id, deadlock) = (OnceLock::new(), OnceLock::new());
        let main = Arc::new(Main { os_thread: outside::current_thread(), id, deadlock });
        let mut mains = self.mains.lock();
        mains.push(main.clone());
        self.waiting.store(mains.len(), Ordering::Relaxed);
        self.is_looked.store(false, Ordering::Relaxed);
        drop(mains);
        Some(Watched { detector: self, main })
    }

    #[inline]
    fn is_to_look(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 && !self.is_looked.load(Ordering::Relaxed)
    }

    /// Somebody has run: the next time that all sleep is another one.
    #[inline]
    pub(super) fn has_run(&self) {
        if self.is_looked.load(Ordering::Relaxed) {
            self.is_looked.store(false, Ordering::Relaxed);
        }
    }
}

impl Watched<'_> {
    /// The main green thread has been spawned; from now on the caller only waits.
    pub(super) fn spawned(&self, main: ThreadId) {
        let is_first = self.main.id.set(main).is_ok();
        debug_assert!(is_first, "a `run` has one main green thread");
    }

    /// The deadlock in which the wait has ended, if it was one.
    pub(super) fn deadlock(&self) -> Option<Deadlock> {
        self.main.deadlock.get().cloned()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let mut mains = self.detector.mains.lock();
        mains.retain(|main| !Arc::ptr_eq(main, &self.main));
        self.detector.waiting.store(mains.len(), Ordering::Relaxed);
    }
}

impl Worker {
    /// Waits in the reactor for so long, as a worker that counts as sleeping. Looks for a deadlock
    /// if nothing happens.
    #[inline]
    pub(super) fn sleep_in_reactor(&self, time: Option<Duration>) {
        if !self.shared.detector.is_to_look() || !self.shared.idle.is_everybody_asleep() {
            return self.reactor.wait(time);
        }
        self.sleep_and_look(time);
    }

    fn sleep_and_look(&self, time: Option<Duration>) {
        // Who wakes up before that looks the next time. A server, in which somebody always waits
        // for a descriptor, is spared the timer, which costs more than all the rest of a sleep.
        let has_waiters = || {
            let at_hand = |reactor: &Arc<ReactorHandle>| reactor.lock_table().has_waiters_at_hand();
            self.shared.remotes().iter().any(|it| it.with_reactor(at_hand).unwrap_or(false))
        };
        if time.is_some_and(|time| time <= WATCH_AFTER) || has_waiters() {
            return self.reactor.wait(time);
        }
        let start = Instant::now();
        self.reactor.wait(Some(WATCH_AFTER));
        if start.elapsed() >= WATCH_AFTER {
            self.look_for_deadlock();
        }
    }

    #[cold]
    fn look_for_deadlock(&self) {
        let shared = &*self.shared;
        // In the order of the workers: nobody else holds two of them.
        let reactors: Vec<_> = shared.remotes().iter().filter_map(Remote::reactor).collect();
        let tables: Vec<_> = reactors.iter().map(|reactor| reactor.lock_table()).collect();
        let finding = shared.idle.while_everybody_sleeps(|| {
            let has_waiters = || tables.iter().any(|table| table.has_waiters());
            let finding = look(shared, has_waiters);
            if matches!(finding, Finding::Alive) {
                // Under the lock: a worker that gets up and runs somebody takes it back.
                shared.detector.is_looked.store(true, Ordering::Relaxed);
            }
            finding
        });
        drop(tables);
        if let Some(Finding::Deadlock(threads)) = finding {
            shared.end_deadlocked(threads);
        }
    }

    /// Ends a runtime whose only worker has found out that nothing can wake anybody, if it is so
    /// that everybody waits.
    #[cold]
    pub(super) fn tell_deadlock(&self) {
        if self.shared.is_closing.load(Ordering::Relaxed) || !self.ready.is_empty() {
            return;
        }
        let finding = find(&self.shared, &self.shared.detector.mains.lock());
        if let Finding::Deadlock(threads) = finding {
            self.shared.end_deadlocked(threads);
        }
    }
}

impl Shared {
    fn end_deadlocked(&self, threads: Vec<ParkedThread>) {
        let deadlock = Deadlock { threads: threads.into() };
        for main in &*self.detector.mains.lock() {
            // One that has been told before ends already.
            let _ = main.deadlock.set(deadlock.clone());
        }
        self.close();
    }
}

/// The look of the module head. The caller holds the tables and the list of sleepers.
fn look(shared: &Shared, has_waiters: impl Fn() -> bool) -> Finding {
    if shared.is_closing.load(Ordering::Relaxed) {
        return Finding::Busy;
    }
    let mains = shared.detector.mains.lock();
    let is_alive = shared.remotes().iter().any(|remote| {
        // SAFETY: its worker, if any, is in the list of sleepers (invariant 1).
        unsafe { remote.has_armed() }
    });
    if is_alive || outside::is_work_under_way() || has_waiters() {
        return Finding::Alive;
    }
    let workers = shared.remotes().iter().map(Remote::os_thread);
    let known: Vec<u32> = workers.chain(mains.iter().map(|main| main.os_thread)).collect();
    if !outside::are_all_known(&known) {
        return Finding::Alive;
    }
    find(shared, &mains)
}

/// The second half of the look: whether everybody waits. There is nobody who could wake them, and
/// each worker is one that sleeps, or the caller.
fn find(shared: &Shared, mains: &[Arc<Main>]) -> Finding {
    if shared.has_queued() {
        return Finding::Busy;
    }
    let mut fibers: Vec<FiberRef> = Vec::new();
    for remote in shared.remotes() {
        if !remote.for_each_fiber(|fiber| fibers.push(fiber.clone())) {
            return Finding::Busy;
        }
    }
    if !fibers.iter().all(|fiber| fiber.header().life.is_parked()) {
        return Finding::Busy;
    }
    fibers.sort_unstable_by_key(|fiber| fiber.header().id);
    let threads: Vec<_> = fibers.iter().map(|fiber| ParkedThread::new(fiber.header())).collect();
    // Invariant 2. Whoever is not there yet, or not any more, is about to go on.
    let is_parked = |main: &Arc<Main>| {
        main.id.get().is_some_and(|id| threads.iter().any(|thread| thread.id == *id))
    };
    if mains.is_empty() || !mains.iter().all(is_parked) {
        return Finding::Busy;
    }
    Finding::Deadlock(threads)
}

impl ParkedThread {
    fn new(header: &Header) -> ParkedThread {
        ParkedThread {
            id: ThreadId::new(header.id),
            name: header.name().map(Into::into),
            spawned_at: header.site,
            waits_in: header.waits_for.get().map(|reason| reason.0),
            waits_for: header.waits_for.thread().map(ThreadId::new),
        }
    }

    /// The number of the green thread.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// The call in which it waits, such as `Mutex::lock`. None in a wait that has no name: the
    /// bare [`park`](crate::park::park).
    #[must_use]
    pub fn waits_in(&self) -> Option<&'static str> {
        self.waits_in
    }

    /// The green thread for whose end it waits, if it does.
    #[must_use]
    pub fn waits_for(&self) -> Option<ThreadId> {
        self.waits_for
    }
}

impl fmt::Display for ParkedThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, site) = (self.name().unwrap_or("<unnamed>"), self.spawned_at);
        let call = self.waits_in.unwrap_or("park");
        write!(f, "{} '{name}' (spawned at {site}) waits in {call}", self.id.number())?;
        match self.waits_for {
            Some(thread) => write!(f, " for {}", thread.number()),
            None => Ok(()),
        }
    }
}

impl Deadlock {
    /// The green threads of the runtime, oldest first: each of them waits.
    #[must_use]
    pub fn threads(&self) -> &[ParkedThread] {
        &self.threads
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlock").field("threads", &self.threads).finish()
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: every green thread waits and nothing can wake one")?;
        for thread in self.threads.iter().take(LISTED_AT_MOST) {
            write!(f, "\n  green thread {thread}")?;
        }
        match self.threads.len().saturating_sub(LISTED_AT_MOST) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl Error for Deadlock {}
