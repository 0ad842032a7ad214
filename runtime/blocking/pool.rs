//! The handle of a pool: submitting, settings that can be changed, statistics, shutdown.

use super::builder::Builder;
use super::crew::{Crew, Patience};
use super::error::{NotRun, Refusal, TrySpawnError, Unfinished};
use super::handle::JobHandle;
use super::job::{Job, Work, Yields};
use super::seat::Seat;
use crate::park::{self, Reason, deadline};
use std::fmt;
use std::mem;
use std::panic::{self, Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

static RUN: Reason = Reason("BlockingPool::run");

/// A bounded number of OS threads that run closures which can only block.
///
/// Threads start on demand and leave after some idle time; until the first job there is none. Jobs
/// start in the order in which they were submitted. Whoever submits one while the queue is full is
/// blocked until there is room, first come, first served. All calls work on green threads, which
/// they park, on plain OS threads, and in jobs: a job never waits for room in the queue of its own
/// pool, nor for a job of it that has not started, but runs that in place. Jobs of two pools that
/// wait for each other may use up both.
///
/// A clone is the same pool. When the last one is dropped the jobs that were submitted are run all
/// the same, and then the threads leave; nobody waits for that. To wait, call
/// [`shutdown`](BlockingPool::shutdown) before.
///
/// As gevent's `ThreadPool`, callable from any thread.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::blocking::BlockingPool;
///
/// let pool = BlockingPool::new(4);
/// let sizes = pool.map(["/etc", "/proc"], |path| std::fs::read_dir(path).map(Iterator::count));
/// assert!(sizes.iter().all(Result::is_ok));
/// ```
#[derive(Clone)]
pub struct BlockingPool {
    owner: Arc<Owner>,
}

/// What a pool was doing at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Threads that there are, or that are being started.
    pub threads: usize,
    /// Threads that wait for a job.
    pub idle: usize,
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
    /// Of those, jobs that wait in [`call_from_thread`](super::call_from_thread).
    pub calling: usize,
    /// Jobs that have run, ever.
    pub done: u64,
}

/// All clones of one handle.
struct Owner(Arc<Crew>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl BlockingPool {
    /// Makes a pool of at most so many threads; for all else, as [`Builder::new`].
    ///
    /// # Panics
    ///
    /// If `max_threads` is 0.
    #[must_use]
    pub fn new(max_threads: usize) -> BlockingPool {
        Builder::new().max_threads(max_threads).build()
    }

    pub(super) fn of(crew: Arc<Crew>) -> BlockingPool {
        BlockingPool { owner: Arc::new(Owner(crew)) }
    }

    fn crew(&self) -> &Arc<Crew> {
        &self.owner.0
    }

    /// Runs `f` on a thread of the pool, and blocks the calling thread until it has ended. A job of
    /// this pool calls `f` in place.
    ///
    /// If the caller is killed, or its timeout scope expires, it unwinds here and abandons the job.
    /// One that has not started never will: its closure is dropped by the caller. One that runs
    /// goes on to its end; its result is dropped on its thread, and a panic is reported there.
    ///
    /// # Panics
    ///
    /// With the panic of `f`. Also if the pool was shut down, if the job was cancelled by
    /// [`cancel_queued`](BlockingPool::cancel_queued), and if the system refuses to start the
    /// first thread; while there is one at least, jobs wait for it.
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.run_until(None, f).expect("there is no deadline")
    }

    /// [`run`](BlockingPool::run) until `deadline`. None if that has passed: the job is abandoned
    /// then, as by a kill. One that is called in place comes to its end, however late.
    #[track_caller]
    pub(crate) fn run_until<F, T>(&self, deadline: Option<Instant>, f: F) -> Option<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let crew = self.crew();
        if Seat::is_of(crew) {
            return Some(f());
        }
        if park::is_to_end() && !std::thread::panicking() {
            // A job that was submitted now might start before its caller gives it up.
            let _ = park::unwind_killed();
        }
        let job = self.job(f);
        let abandoning = Abandon { crew, job: &*job };
        match crew.submit(&work(&job), Patience::Until(deadline)) {
            Ok(()) => {}
            Err(Refusal::Full) => return None,
            Err(refusal) => refuse(refusal),
        }
        if !job.progress().wait(&RUN, deadline) {
            return None;
        }
        mem::forget(abandoning);
        match job.take_outcome() {
            Ok(value) => Some(value),
            Err(payload) => match payload.downcast_ref::<NotRun>() {
                Some(why) => panic!("the blocking pool has not run the job: {why}"),
                None => panic::resume_unwind(payload),
            },
        }
    }

    /// Submits `f`, to be run on a thread of the pool. Blocks the calling thread while the queue is
    /// full; if the caller is killed meanwhile `f` is not submitted. A job of this pool that finds
    /// the queue full calls `f` in place.
    ///
    /// # Panics
    ///
    /// If the pool was shut down, and if the system refuses to start the first thread.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JobHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(f, Patience::Until(None)).unwrap_or_else(|(refusal, _closure)| refuse(refusal))
    }

    /// [`spawn`](BlockingPool::spawn) that waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Why the pool does not take the closure, with the closure.
    #[track_caller]
    pub fn spawn_timeout<F, T>(
        &self,
        timeout: Duration,
        f: F,
    ) -> Result<JobHandle<T>, TrySpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(f, Patience::Until(deadline(timeout)))
            .map_err(|(refusal, closure)| refusal.with(closure))
    }

    /// [`spawn`](BlockingPool::spawn) that never blocks.
    ///
    /// # Errors
    ///
    /// Why the pool does not take the closure, with the closure.
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JobHandle<T>, TrySpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(f, Patience::None).map_err(|(refusal, closure)| refusal.with(closure))
    }

    /// Calls `f` with each item, as a job for each, and returns the results in the order of the
    /// items. Blocks the calling thread meanwhile; the items are drawn by it, as there is room in
    /// the queue. A job of this pool calls `f` in place, one item after the other.
    ///
    /// If the caller is killed, or its timeout scope expires, the jobs that have not started are
    /// cancelled.
    ///
    /// # Panics
    ///
    /// With the first panic in the order of the items; those that have not started are cancelled
    /// then. Else as [`run`](BlockingPool::run).
    #[track_caller]
    pub fn map<I, F, T>(&self, items: I, f: F) -> Vec<T>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        if Seat::is_of(self.crew()) {
            return items.into_iter().map(f).collect();
        }
        let f = Arc::new(f);
        let mut jobs = Batch(Vec::new());
        for item in items {
            let f = f.clone();
            jobs.0.push(Some(self.spawn(move || f(item))));
        }
        let mut results = Vec::with_capacity(jobs.0.len());
        for place in &mut jobs.0 {
            // It stays in the batch while it is waited for: who unwinds here cancels it, too.
            if let Some(job) = place {
                job.wait(None);
            }
            let job = place.take().expect("each is joined once");
            results.push(job.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
        }
        results
    }

    /// Whether the calling thread is one of the pool's, for which a call in place is as good.
    pub(crate) fn is_running_here(&self) -> bool {
        Seat::is_of(self.crew())
    }

    /// Sets how many threads stay when they are idle, and how many there may be at once.
    ///
    /// Takes effect at once: more threads are started if jobs wait for them; of those that are too
    /// many the idle ones leave, and others when their job has ended. Never blocks.
    ///
    /// # Panics
    ///
    /// If `max_threads` is 0, or less than `min_threads`.
    pub fn resize(&self, min_threads: usize, max_threads: usize) {
        assert!(max_threads > 0, "a pool has at least one thread");
        assert!(
            min_threads <= max_threads,
            "a pool of at most {max_threads} threads cannot keep {min_threads}"
        );
        self.crew().resize(min_threads, max_threads);
    }

    /// The bound on threads.
    #[must_use]
    pub fn max_threads(&self) -> usize {
        self.crew().state.lock().max
    }

    /// How many threads stay when they are idle.
    #[must_use]
    pub fn min_threads(&self) -> usize {
        self.crew().state.lock().min
    }

    /// The name of the pool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.crew().name
    }

    /// What the pool is doing at the moment.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.crew().state.lock().statistics()
    }

    /// Drops all jobs that have not started, and returns how many that were. Their joins return
    /// [`NotRun::Cancelled`]. Never blocks.
    pub fn cancel_queued(&self) -> usize {
        self.crew().cancel_queued()
    }

    /// Refuses further jobs from now on, and blocks the calling thread until those that were
    /// submitted are done, or `timeout` has passed; `None` never does. Whoever waits for room in
    /// the queue is refused. Threads leave when there is nothing left to do.
    ///
    /// May be called again, to wait on, or after
    /// [`cancel_queued`](BlockingPool::cancel_queued). A job of this very pool does not wait.
    ///
    /// # Errors
    ///
    /// How many jobs are left. They go on.
    pub fn shutdown(&self, timeout: impl Into<Option<Duration>>) -> Result<(), Unfinished> {
        let deadline = deadline(timeout);
        self.crew().close();
        self.crew().wait_until_drained(deadline)
    }

    #[track_caller]
    fn job<F, T>(&self, closure: F) -> Arc<Job<F, T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (home, pool) = (Seat::home_of_caller(), self.crew().name.clone());
        Arc::new(Job::new(closure, home, Location::caller(), pool))
    }

    #[track_caller]
    fn submit<F, T>(&self, closure: F, patience: Patience) -> Result<JobHandle<T>, (Refusal, F)>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let job = self.job(closure);
        match self.crew().submit(&work(&job), patience) {
            Ok(()) => Ok(JobHandle::new(job, self.crew().clone())),
            Err(refusal) => Err((refusal, job.reclaim())),
        }
    }
}

fn work<F, T>(job: &Arc<Job<F, T>>) -> Arc<dyn Work>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    job.clone()
}

#[track_caller]
fn refuse(refusal: Refusal) -> ! {
    panic!("failed to submit a job: {refusal}")
}

/// Gives a job up whose caller unwinds.
struct Abandon<'c, T> {
    crew: &'c Arc<Crew>,
    job: &'c dyn Yields<T>,
}

impl<T> Drop for Abandon<'_, T> {
    fn drop(&mut self) {
        let _ = self.job.forsake();
        if self.job.discard(NotRun::Cancelled) {
            self.crew.withdraw(self.job);
        }
    }
}

/// Jobs of which those that have not started are cancelled when this is dropped.
struct Batch<T>(Vec<Option<JobHandle<T>>>);

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        for job in self.0.iter().flatten() {
            job.cancel();
        }
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl UnwindSafe for BlockingPool {}
impl RefUnwindSafe for BlockingPool {}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool")
            .field("name", &self.name())
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
