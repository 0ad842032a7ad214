//! A result that many may ask for: `JoinHandle::share`.
//!
//! The first who finds the green thread ended takes its outcome out of the one handle, and puts it
//! where everybody can look at it.

use crate::engine::{self, EndArm, JoinHandle, Killed, Thread, handle_methods};
use crate::future::Wait;
use crate::park::Mutex;
use crate::select::Mapped;
use crate::time;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The right to see the result of a green thread, as often as one likes, and from many threads at
/// once. Made by [`JoinHandle::share`]. Dropping the last one detaches the green thread.
///
/// As a gevent greenlet, whose `get` all can call.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
///
/// let sum = thread::spawn(|| 40 + 2).share();
/// let other = sum.clone();
/// let reader = thread::spawn(move || *other.get().expect("it does not fail"));
/// assert_eq!(sum.get().ok(), Some(&42));
/// assert_eq!(reader.join().ok(), Some(42));
/// ```
pub struct SharedJoinHandle<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    thread: Thread,
    /// Until the outcome is taken.
    handle: Mutex<Option<JoinHandle<T>>>,
    outcome: OnceLock<Result<T, Failure>>,
}

/// Why a green thread has no result: it has panicked, or was killed. Cheap to clone.
#[derive(Clone)]
pub struct Failure {
    inner: Arc<FailureInner>,
}

struct FailureInner {
    is_killed: bool,
    message: String,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<T> JoinHandle<T> {
    /// Keeps the result for all who ask: the handle that this returns can be cloned, and the
    /// result be looked at from each clone. Never blocks.
    #[must_use]
    pub fn share(self) -> SharedJoinHandle<T> {
        let thread = self.thread().clone();
        let (handle, outcome) = (Mutex::new(Some(self)), OnceLock::new());
        SharedJoinHandle { inner: Arc::new(Inner { thread, handle, outcome }) }
    }
}

impl<T> SharedJoinHandle<T> {
    /// The handle to the green thread itself.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.inner.thread
    }

    /// Blocks the calling thread, of either kind, until the green thread has ended, and looks at
    /// its result. Everybody gets the same one.
    ///
    /// # Errors
    ///
    /// The [`Failure`] if it has panicked or was killed: each time the same one.
    ///
    /// # Panics
    ///
    /// If the green thread asks for its own result.
    pub fn get(&self) -> Result<&T, &Failure> {
        let has_ended = self.wait_before(None);
        debug_assert!(has_ended, "there is no deadline");
        self.outcome()
    }

    /// [`get`](SharedJoinHandle::get) for at most `timeout`. None if the green thread has not ended
    /// in time.
    ///
    /// # Panics
    ///
    /// If the green thread asks for its own result.
    #[must_use]
    pub fn get_timeout(&self, timeout: Duration) -> Option<Result<&T, &Failure>> {
        self.wait_before(time::now().checked_add(timeout)).then(|| self.outcome())
    }

    handle_methods!();

    fn wait_before(&self, deadline: Option<Instant>) -> bool {
        assert!(!self.thread().is_current(), "a green thread cannot wait for its own result");
        self.thread().wait_until(deadline)
    }

    /// The outcome of the green thread, which has ended.
    fn outcome(&self) -> Result<&T, &Failure> {
        let outcome = self.inner.outcome.get_or_init(|| {
            let handle = self.inner.handle.lock().take();
            let handle = handle.expect("whoever takes the handle stores its outcome");
            handle.into_outcome().map_err(Failure::new)
        });
        if outcome.as_ref().is_err_and(Failure::is_killed) {
            engine::share_end();
        }
        outcome.as_ref()
    }
}

/// [`get`](SharedJoinHandle::get) as a future, for tasks of any executor; it never blocks.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{block_on, thread};
///
/// let sum = thread::spawn(|| 40 + 2).share();
/// assert_eq!(block_on(async { (&sum).await.ok() }), Some(&42));
/// ```
impl<'h, T> IntoFuture for &'h SharedJoinHandle<T> {
    type Output = Result<&'h T, &'h Failure>;
    type IntoFuture = Wait<Mapped<EndArm<'h>, Self, Self::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        Wait::new(Mapped::new(EndArm::new(self.thread()), self, |handle, ()| handle.outcome()))
    }
}

impl<T> Clone for SharedJoinHandle<T> {
    fn clone(&self) -> SharedJoinHandle<T> {
        SharedJoinHandle { inner: self.inner.clone() }
    }
}

impl<T> AsRef<Thread> for SharedJoinHandle<T> {
    fn as_ref(&self) -> &Thread {
        self.thread()
    }
}

impl<T> fmt::Debug for SharedJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedJoinHandle").field("thread", self.thread()).finish_non_exhaustive()
    }
}

impl Failure {
    fn new(payload: Box<dyn Any + Send>) -> Failure {
        let is_killed = payload.is::<Killed>();
        let message = match payload.downcast_ref::<Killed>() {
            Some(killed) => killed.to_string(),
            None => engine::panic_message(&*payload).to_owned(),
        };
        let inner = FailureInner { is_killed, message, payload: Mutex::new(Some(payload)) };
        Failure { inner: Arc::new(inner) }
    }

    /// Whether the green thread was killed, and did not panic.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.inner.is_killed
    }

    /// The message of the panic.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Takes the payload of the panic, as a join would have returned it. There is one, for the
    /// first who asks.
    #[must_use]
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        self.inner.payload.lock().take()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_killed() {
            f.write_str(self.message())
        } else {
            write!(f, "the green thread panicked: {}", self.message())
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("is_killed", &self.is_killed())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

impl Error for Failure {}
