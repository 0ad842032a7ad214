//! The handles that spawning returns, and what all of them can do to a green thread.

use super::fiber::Outcome;
use super::handle::{Join, Thread};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What every handle offers besides the join: of `self.thread()`.
macro_rules! handle_methods {
    () => {
        /// Whether the green thread has ended: its closure has returned, or unwound, and its stack
        /// is gone. Never blocks.
        #[must_use]
        pub fn is_finished(&self) -> bool {
            self.thread().has_ended()
        }

        /// Asks the green thread to end, as [`Thread::kill`](crate::thread::Thread::kill) does.
        /// Never blocks.
        ///
        /// # Errors
        ///
        /// As [`Thread::kill`](crate::thread::Thread::kill).
        pub fn kill(&self) -> ::std::io::Result<()> {
            self.thread().kill()
        }

        /// Kills the green thread, and blocks the calling thread, of either kind, until it has
        /// ended, or until `timeout` has passed; `None` never does. True if it has ended.
        ///
        /// When it has ended all its destructors have run. One that goes on without blocking, or
        /// inside a [`shield`](crate::thread::shield), can take as long as it likes.
        ///
        /// # Errors
        ///
        /// As [`Thread::kill`](crate::thread::Thread::kill).
        pub fn kill_and_wait(
            &self,
            timeout: impl Into<Option<::std::time::Duration>>,
        ) -> ::std::io::Result<bool> {
            self.thread().kill()?;
            Ok(self.wait(timeout))
        }

        /// Blocks the calling thread, of either kind, until the green thread has ended, or until
        /// `timeout` has passed; `None` never does. True if it has ended.
        ///
        /// Takes nothing: the result stays for the join. Several threads may wait at once. If the
        /// caller is killed meanwhile it unwinds here. As gevent's `join(timeout)`.
        pub fn wait(&self, timeout: impl Into<Option<::std::time::Duration>>) -> bool {
            self.thread().wait_until($crate::engine::deadline(timeout))
        }

        /// Has `f` called when the green thread has ended, in a green thread of its own, which may
        /// block. Never blocks.
        ///
        /// Links are called in the order in which they were made, each once, in the runtime in
        /// which the green thread has ended. If that has no place left for them, or closes, an OS
        /// thread calls them. If the green thread has ended already the link is called at once. A
        /// link that panics is reported, like every green thread that nobody joins, and the others
        /// are called all the same. As gevent's `link`.
        #[track_caller]
        pub fn link(
            &self,
            f: impl FnOnce(&$crate::engine::Ended) + Send + 'static,
        ) -> $crate::engine::LinkId {
            self.thread().link(
                $crate::engine::When::Any,
                ::std::panic::Location::caller(),
                Box::new(f),
            )
        }

        /// [`link`](Self::link) for an end without a panic: a kill counts as success, as in
        /// gevent.
        #[track_caller]
        pub fn link_value(
            &self,
            f: impl FnOnce(&$crate::engine::Ended) + Send + 'static,
        ) -> $crate::engine::LinkId {
            self.thread().link(
                $crate::engine::When::Success,
                ::std::panic::Location::caller(),
                Box::new(f),
            )
        }

        /// [`link`](Self::link) for an end by a panic.
        #[track_caller]
        pub fn link_failure(
            &self,
            f: impl FnOnce(&$crate::engine::Ended) + Send + 'static,
        ) -> $crate::engine::LinkId {
            self.thread().link(
                $crate::engine::When::Failure,
                ::std::panic::Location::caller(),
                Box::new(f),
            )
        }

        /// Takes a link back. False if it is none of this green thread's, or is being called, or
        /// was; true if it will never be. A link may take a later one back, which has not been
        /// called then.
        pub fn unlink(&self, link: $crate::engine::LinkId) -> bool {
            self.thread().unlink(link)
        }
    };
}
pub(crate) use handle_methods;

/// The right to join a green thread. Dropping it detaches the green thread, which goes on.
///
/// As [`std::thread::JoinHandle`], without the access to a pthread. It is a future, too, of what a
/// join gives: any executor may poll it, and the green thread wakes it at its end. To drop it then
/// detaches the green thread, as at any time. It panics if it is polled, or joined, after it has
/// given its outcome, and if the green thread itself polls it.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{block_on, thread};
///
/// let handle = thread::spawn(|| 40 + 2);
/// let answer = block_on(async { handle.await.expect("it does not panic") });
/// assert_eq!(answer, 42);
/// ```
pub struct JoinHandle<T> {
    join: Join<T>,
}

/// The right to join a green thread that was spawned by
/// [`spawn_local`](crate::thread::spawn_local); stays on its thread. A future, as
/// [`JoinHandle`] is.
pub struct LocalJoinHandle<T> {
    join: Join<T>,
    /// The result need not be `Send`, so whoever takes or drops it is on the right thread.
    stays_here: PhantomData<*mut T>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(join: Join<T>) -> JoinHandle<T> {
        JoinHandle { join }
    }

    /// The handle to the green thread itself.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.join.thread()
    }

    /// Blocks the calling thread, of either kind, until the green thread has ended, and takes its
    /// result. If the caller is killed meanwhile the green thread is detached.
    ///
    /// # Errors
    ///
    /// The payload of its panic, or [`Killed`](crate::thread::Killed) if it was killed.
    ///
    /// # Panics
    ///
    /// If a green thread joins itself.
    pub fn join(self) -> std::thread::Result<T> {
        self.join.join()
    }

    handle_methods!();

    /// The outcome of a green thread that has ended, whoever may be about to end now.
    pub(crate) fn into_outcome(self) -> Outcome<T> {
        self.join.into_outcome()
    }
}

impl<T> LocalJoinHandle<T> {
    pub(super) fn new(join: Join<T>) -> LocalJoinHandle<T> {
        LocalJoinHandle { join, stays_here: PhantomData }
    }

    /// The handle to the green thread itself.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.join.thread()
    }

    /// As [`JoinHandle::join`].
    ///
    /// # Errors
    ///
    /// The payload of its panic, or [`Killed`](crate::thread::Killed) if it was killed.
    pub fn join(self) -> std::thread::Result<T> {
        self.join.join()
    }

    handle_methods!();
}

impl<T> Future for JoinHandle<T> {
    type Output = std::thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.join.poll(context.waker())
    }
}

impl<T> Future for LocalJoinHandle<T> {
    type Output = std::thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.join.poll(context.waker())
    }
}

impl<T> AsRef<Thread> for JoinHandle<T> {
    fn as_ref(&self) -> &Thread {
        self.thread()
    }
}

impl<T> AsRef<Thread> for LocalJoinHandle<T> {
    fn as_ref(&self) -> &Thread {
        self.thread()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for LocalJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalJoinHandle").finish_non_exhaustive()
    }
}
