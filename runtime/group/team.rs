//! Groups: green threads that are waited for, and ended, together.

use super::members::Members;
use super::panicked::MemberPanicked;
use crate::park::deadline;
use crate::thread::{Builder, JoinHandle, Thread};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Green threads that are waited for, and ended, together.
///
/// A member leaves when it ends, however it does. A clone is the same group; dropping it ends
/// nobody. All calls work on green threads and on plain OS threads. As gevent's `Group`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{group::Group, thread};
///
/// let group = Group::new();
/// for _ in 0..10 {
///     group.spawn(thread::yield_now);
/// }
/// group.join(None);
/// assert!(group.is_empty());
/// ```
#[derive(Clone)]
pub struct Group {
    members: Arc<Members>,
}

impl Group {
    /// Makes a group without members.
    #[must_use]
    pub fn new() -> Group {
        Group { members: Members::new(None) }
    }

    /// Spawns a green thread that is a member until it ends. Never blocks.
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`](crate::thread::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(Builder::new(), f).expect("failed to spawn a green thread")
    }

    /// [`spawn`](Group::spawn) with the settings of `builder`.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.members.spawn(builder, f)
    }

    /// Makes a member of a green thread that was spawned elsewhere, until it ends. Never blocks.
    /// False if it is one already.
    ///
    /// It leaves by a link, so a moment after it has finished.
    pub fn add<T>(&self, handle: &JoinHandle<T>) -> bool {
        self.members.add(handle)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the thread is a member.
    #[must_use]
    pub fn contains(&self, thread: &Thread) -> bool {
        self.members.contains(thread.id())
    }

    /// The members, in the order in which they came.
    #[must_use]
    pub fn threads(&self) -> Vec<Thread> {
        self.members.threads()
    }

    /// Makes a member leave, which goes on. False if it was none.
    pub fn discard(&self, thread: &Thread) -> bool {
        self.members.discard(thread.id())
    }

    /// Blocks the calling thread until there is no member, if only for a moment, or `timeout` has
    /// passed; `None` never does. False if there was always one.
    ///
    /// A member leaves with the return of its closure, a moment before its `JoinHandle` says that
    /// it has finished. One that joins its own group waits for itself.
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> bool {
        self.members.join(deadline(timeout))
    }

    /// [`join`](Group::join), and tells whether a member has panicked. Asks those only who are
    /// members when it is called.
    ///
    /// # Errors
    ///
    /// [`MemberPanicked`] for the first of them that did. To be killed is no panic.
    pub fn join_raising(
        &self,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<bool, MemberPanicked> {
        self.members.join_raising(deadline(timeout))
    }

    /// Kills all members, and those that come meanwhile; blocks the calling thread until there is
    /// none, or `timeout` has passed, as [`join`](Group::join). A timeout of zero does not wait.
    ///
    /// Each member is killed once, however often this is called.
    ///
    /// # Errors
    ///
    /// As [`Thread::kill`].
    pub fn kill(&self, timeout: impl Into<Option<Duration>>) -> io::Result<bool> {
        self.members.kill(deadline(timeout))
    }

    /// Kills one member, unless it was killed by this group before, and blocks the calling thread
    /// until it has left or `timeout` has passed. False if it is still a member, or was none.
    ///
    /// # Errors
    ///
    /// As [`Thread::kill`].
    pub fn kill_one(
        &self,
        thread: &Thread,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<bool> {
        self.members.kill_one(thread.id(), deadline(timeout))
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("len", &self.len()).finish_non_exhaustive()
    }
}
