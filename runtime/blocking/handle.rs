//! The handle of a job.

use super::crew::Crew;
use super::error::NotRun;
use super::job::Yields;
use super::seat::Seat;
use crate::future::Wait;
use crate::park::{Reason, deadline};
use crate::select::{LineArm, Outcome, Waitable};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

static JOIN: Reason = Reason("JobHandle::join");

/// The right to the outcome of a job. Dropping it detaches the job, which is run all the same.
///
/// All calls work on green threads, which they park, and on plain OS threads. A job can be waited
/// for together with other things: it is [`Waitable`]. If nobody takes the outcome, and it is a
/// panic, that is reported once, as that of a green thread which nobody joins.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::blocking::default_pool;
///
/// let job = default_pool().spawn(|| std::fs::read_to_string("/proc/self/comm"));
/// assert!(!job.join().expect("it does not panic")?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropping it detaches the job"]
pub struct JobHandle<T> {
    job: Arc<dyn Yields<T>>,
    crew: Arc<Crew>,
}

impl<T> JobHandle<T> {
    pub(super) fn new(job: Arc<dyn Yields<T>>, crew: Arc<Crew>) -> JobHandle<T> {
        JobHandle { job, crew }
    }

    /// Blocks the calling thread until the job is over, and takes its result.
    ///
    /// If the caller is killed meanwhile, or its timeout scope expires, it unwinds here, and the
    /// job is detached. A thread of the same pool does not wait for a job that has not started: it
    /// runs it in place.
    ///
    /// # Errors
    ///
    /// The payload of the job's panic, or a [`NotRun`] if it never ran.
    pub fn join(self) -> std::thread::Result<T> {
        let is_over = self.wait_until(None);
        debug_assert!(is_over, "there is no deadline");
        self.job.take_outcome()
    }

    /// [`join`](JobHandle::join) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The handle, if the job was not over in time.
    pub fn join_timeout(self, timeout: Duration) -> Result<std::thread::Result<T>, JobHandle<T>> {
        if self.wait(timeout) { Ok(self.job.take_outcome()) } else { Err(self) }
    }

    /// Blocks the calling thread until the job is over, or `timeout` has passed; `None` never does.
    /// True if it is over. Takes nothing.
    pub fn wait(&self, timeout: impl Into<Option<Duration>>) -> bool {
        self.wait_until(deadline(timeout))
    }

    /// Whether the job is over: it has run, or never will. Never blocks.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.job.progress().is_over()
    }

    /// Keeps the job from running, if it has not started. True if it never will: it is over then,
    /// with [`NotRun::Cancelled`], and its closure was dropped here. Never blocks.
    ///
    /// A job that runs cannot be stopped: there is no way to end a call that blocks a thread.
    pub fn cancel(&self) -> bool {
        let is_cancelled = self.job.discard(NotRun::Cancelled);
        if is_cancelled {
            self.crew.withdraw(&*self.job);
        }
        is_cancelled
    }

    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        if deadline.is_none() && Seat::is_of(&self.crew) {
            self.crew.withdraw(&*self.job);
            self.crew.run_in_place(&*self.job);
        }
        self.job.progress().wait(&JOIN, deadline)
    }
}

/// A wait for the end of the job, whose result stays for the join.
impl<T> Waitable for JobHandle<T> {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(LineArm::new(self.job.progress()))
    }
}

/// What a [`join`](JobHandle::join) gives, for tasks of any executor, which it never blocks. A
/// future that is dropped detaches the job.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{block_on, blocking::default_pool};
///
/// let job = default_pool().spawn(|| 40 + 2);
/// assert_eq!(block_on(job).unwrap(), 42);
/// ```
impl<T: Send + 'static> IntoFuture for JobHandle<T> {
    type Output = std::thread::Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            Wait::new(LineArm::new(self.job.progress())).await;
            self.job.take_outcome()
        })
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        let _ = self.job.forsake();
    }
}

// As std's `JoinHandle`. No code of users runs while the state is being changed.
impl<T> UnwindSafe for JobHandle<T> {}
impl<T> RefUnwindSafe for JobHandle<T> {}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_finished = self.is_finished();
        f.debug_struct("JobHandle").field("is_finished", &is_finished).finish_non_exhaustive()
    }
}
