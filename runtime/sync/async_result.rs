//! Results to come: a place that is filled once, and for which threads wait.

use crate::future::Wait;
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use crate::select::{LineArm, Mapped, Outcome, Queued, Waitable};
use crate::time;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static WAIT: Reason = Reason("AsyncResult::wait");

/// A value, or an error, that somebody will set once, and that any number of green threads and OS
/// threads wait for and then share.
///
/// [`get`](AsyncResult::get) and [`wait`](AsyncResult::wait) park a green thread and block an OS
/// thread; those who wait go on in the order in which they came. Setting it never blocks, so it can
/// be done by whatever runs at the end of something else, such as a link.
///
/// The semantics are gevent's, except that a second setting is an error.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::AsyncResult, thread};
/// use std::sync::Arc;
///
/// let answer = Arc::new(AsyncResult::<i32>::new());
/// let other = answer.clone();
/// thread::spawn(move || other.set(42));
/// assert_eq!(*answer.get().expect("no error is set"), 42);
/// assert_eq!(answer.set(43), Err(43));
/// ```
///
/// A link sets one when a green thread ends:
///
/// ```
/// use greenstd_runtime::{sync::AsyncResult, thread};
/// use std::sync::Arc;
///
/// let end = Arc::new(AsyncResult::<(), thread::End>::new());
/// let other = end.clone();
/// thread::spawn(|| ()).link(move |ended| {
///     other.set_outcome(ended.outcome()).expect("nobody else sets it");
/// });
/// assert_eq!(end.get(), Ok(&()));
/// ```
pub struct AsyncResult<T, E = Box<dyn Error + Send + Sync>> {
    /// Filled under the lock, so that filling it never waits for another who does.
    outcome: OnceLock<Result<T, E>>,
    waiting: Mutex<Line<()>>,
}

/// Why [`AsyncResult::get_timeout`] gives no value.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError<'a, E> {
    /// Nothing was set in time.
    TimedOut,
    /// An error was set.
    Failed(&'a E),
}

impl<T, E> AsyncResult<T, E> {
    /// Makes one that is not set.
    #[must_use]
    pub const fn new() -> AsyncResult<T, E> {
        AsyncResult { outcome: OnceLock::new(), waiting: Mutex::new(Line::new()) }
    }

    /// Sets the value, and lets all go on who wait for it. Never blocks.
    ///
    /// # Errors
    ///
    /// The value, if a value or an error is set already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.set_outcome(Ok(value)).map_err(|outcome| match outcome {
            Ok(value) => value,
            Err(_) => unreachable!("a value was given"),
        })
    }

    /// Sets an error instead of a value, and lets all go on who wait for it. Never blocks.
    ///
    /// # Errors
    ///
    /// The error, if a value or an error is set already.
    pub fn set_error(&self, error: E) -> Result<(), E> {
        self.set_outcome(Err(error)).map_err(|outcome| match outcome {
            Err(error) => error,
            Ok(_) => unreachable!("an error was given"),
        })
    }

    /// [`set`](AsyncResult::set) or [`set_error`](AsyncResult::set_error), as it is.
    ///
    /// # Errors
    ///
    /// What was given, if a value or an error is set already.
    pub fn set_outcome(&self, outcome: Result<T, E>) -> Result<(), Result<T, E>> {
        let waiting = self.waiting.lock();
        self.outcome.set(outcome)?;
        park::grant_each(&self.waiting, waiting, |waiting| {
            waiting.grant(|()| ()).map(|((), wakeup)| wakeup)
        });
        Ok(())
    }

    /// Whether a value or an error is set. Never blocks.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// What is set, if anything is. Never blocks.
    #[must_use]
    pub fn try_get(&self) -> Option<Result<&T, &E>> {
        self.outcome.get().map(Result::as_ref)
    }

    /// Blocks the calling thread until a value or an error is set.
    ///
    /// A green thread that is killed meanwhile unwinds here, and so does any thread whose timeout
    /// scope expires.
    ///
    /// # Errors
    ///
    /// The error that was set. All callers share it.
    pub fn get(&self) -> Result<&T, &E> {
        self.wait();
        self.try_get().expect("the wait has ended because it was set, which is for good")
    }

    /// [`get`](AsyncResult::get) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The error that was set, or that nothing was set in time.
    pub fn get_timeout(&self, timeout: Duration) -> Result<&T, GetError<'_, E>> {
        let _ = self.wait_timeout(timeout);
        match self.try_get() {
            Some(outcome) => outcome.map_err(GetError::Failed),
            None => Err(GetError::TimedOut),
        }
    }

    /// [`get`](AsyncResult::get) as a future, for tasks of any executor; it never blocks.
    ///
    /// # Errors
    ///
    /// The error that was set.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, sync::AsyncResult, thread};
    ///
    /// static ANSWER: AsyncResult<i32> = AsyncResult::new();
    ///
    /// thread::spawn(|| ANSWER.set(42));
    /// assert_eq!(*block_on(ANSWER.get_async()).unwrap(), 42);
    /// ```
    pub fn get_async(&self) -> impl Future<Output = Result<&T, &E>> {
        Wait::new(Mapped::new(LineArm::new(self), self, |this: &Self, ()| {
            this.try_get().expect("the wait has ended because it was set, which is for good")
        }))
    }

    /// Blocks the calling thread until a value or an error is set, and returns neither.
    pub fn wait(&self) {
        let is_set = self.wait_for(None);
        debug_assert!(is_set, "there is no deadline");
    }

    /// [`wait`](AsyncResult::wait) for at most `timeout`. False if nothing was set in time.
    #[must_use = "it says whether it was set"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.is_set() || self.wait_for(time::now().checked_add(timeout))
    }

    /// [`wait`](AsyncResult::wait) until `deadline`. False if nothing was set in time.
    #[must_use = "it says whether it was set"]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_for(Some(deadline))
    }

    /// What was set, if anything was.
    #[must_use]
    pub fn into_inner(self) -> Option<Result<T, E>> {
        self.outcome.into_inner()
    }

    fn wait_for(&self, deadline: Option<Instant>) -> bool {
        if self.is_set() {
            return true;
        }
        let waiting = self.waiting.lock();
        // Under the lock, so that it is not set between the look and the queueing.
        if self.is_set() {
            return true;
        }
        let ask = Ask::new(&WAIT, deadline);
        let waited = park::wait_in_line(&self.waiting, waiting, |waiting| waiting, (), ask);
        matches!(waited, Waited::Granted(()))
    }
}

/// A wait is over once a value or an error is set. It gives neither: [`get`](AsyncResult::get)
/// does, which does not block any more.
impl<T, E> Waitable for AsyncResult<T, E> {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(LineArm::new(self))
    }
}

impl<T, E> Queued for AsyncResult<T, E> {
    type State = Line<()>;
    type Payload = ();
    type Output = ();
    const NAME: &'static str = "AsyncResult::wait";

    fn lock(&self) -> &Mutex<Line<()>> {
        &self.waiting
    }

    fn line(waiting: &mut Line<()>) -> &mut Line<()> {
        waiting
    }

    fn is_ready(&self, _waiting: &mut Line<()>) -> bool {
        self.is_set()
    }

    fn take(_waiting: &mut Line<()>) {}

    fn finish(&self, (): ()) {}

    fn put_back(&self, (): ()) {}
}

impl<T, E> Default for AsyncResult<T, E> {
    fn default() -> AsyncResult<T, E> {
        AsyncResult::new()
    }
}

// As std's `OnceLock`. No code of users runs while the state is being changed, so no unwinding
// leaves it half changed.
impl<T: UnwindSafe, E: UnwindSafe> UnwindSafe for AsyncResult<T, E> {}
impl<T: RefUnwindSafe + UnwindSafe, E: RefUnwindSafe + UnwindSafe> RefUnwindSafe
    for AsyncResult<T, E>
{
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for AsyncResult<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult").field("outcome", &self.try_get()).finish_non_exhaustive()
    }
}

impl<E: fmt::Display> fmt::Display for GetError<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::TimedOut => f.write_str("timed out"),
            GetError::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for GetError<'_, E> {}
