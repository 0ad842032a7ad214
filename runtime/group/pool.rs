//! Pools: groups with a limit.

use super::batch::Batch;
use super::imap::{Imap, ImapUnordered};
use super::members::Members;
use super::panicked::MemberPanicked;
use crate::park::deadline;
use crate::thread::{self, Builder, JoinHandle, Killed, Thread};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

/// A group of at most so many green threads: whoever spawns into a full one waits.
///
/// A member leaves when it ends, however it does, and the one who has waited longest gets its
/// place. A clone is the same pool; dropping it ends nobody. All calls work on green threads and on
/// plain OS threads. As gevent's `Pool`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::group::Pool;
///
/// let pool = Pool::new(4);
/// assert_eq!(pool.map(1..=5, |number| number * number), [1, 4, 9, 16, 25]);
/// ```
#[derive(Clone)]
pub struct Pool {
    members: Arc<Members>,
    size: Option<usize>,
}

/// The pool was full; here is the closure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<F>(pub F);

impl Pool {
    /// Makes a pool for at most `size` members. With a `size` of 0 whoever spawns waits for ever.
    #[must_use]
    pub fn new(size: usize) -> Pool {
        Pool { members: Members::new(Some(size)), size: Some(size) }
    }

    /// Makes a pool without a limit: it is never full.
    #[must_use]
    pub fn unlimited() -> Pool {
        Pool { members: Members::new(None), size: None }
    }

    /// How many members there may be; `None` if there is no limit.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        self.size
    }

    /// How many more members there is room for; `None` if there is no limit. An estimate, as soon
    /// as others use the pool.
    #[must_use]
    pub fn free_count(&self) -> Option<usize> {
        self.members.free()
    }

    /// Whether a spawn would have to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free_count() == Some(0)
    }

    /// Blocks the calling thread until there is room for a member, or `timeout` has passed; `None`
    /// never does. False if there was none. Others may take the place before the caller does.
    pub fn wait_available(&self, timeout: impl Into<Option<Duration>>) -> bool {
        self.members.see_slot(deadline(timeout))
    }

    /// Spawns a member; blocks the calling thread while the pool is full.
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(Builder::new(), f).expect("failed to spawn a green thread")
    }

    /// [`spawn`](Pool::spawn) with the settings of `builder`.
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
        let has_slot = self.members.slot(None);
        debug_assert!(has_slot, "there is no deadline");
        self.members.spawn(builder, f)
    }

    /// Spawns a member if the pool is not full. Never blocks.
    ///
    /// # Errors
    ///
    /// [`Full`] with the closure.
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`].
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, Full<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !self.members.try_slot() {
            return Err(Full(f));
        }
        Ok(self.members.spawn(Builder::new(), f).expect("failed to spawn a green thread"))
    }

    /// [`spawn`](Pool::spawn) that waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Full`] with the closure.
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`].
    #[track_caller]
    pub fn spawn_timeout<F, T>(&self, timeout: Duration, f: F) -> Result<JoinHandle<T>, Full<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !self.members.slot(deadline(timeout)) {
            return Err(Full(f));
        }
        Ok(self.members.spawn(Builder::new(), f).expect("failed to spawn a green thread"))
    }

    /// Calls `f` on a member and returns its result; blocks the calling thread meanwhile. If the
    /// caller is a member itself it calls `f` in place, so that it does not wait for its own end.
    ///
    /// If the caller is killed the member goes on.
    ///
    /// # Panics
    ///
    /// With the panic of `f`, if the member was killed, and as [`thread::spawn`].
    #[track_caller]
    pub fn apply<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_member() {
            return f();
        }
        match self.spawn(f).join() {
            Ok(value) => value,
            Err(payload) if payload.is::<Killed>() => panic!("the member of the pool was killed"),
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    /// Spawns a green thread that waits until it can become a member, and calls `f` then. Never
    /// blocks, even if the pool is full.
    ///
    /// What waits is no member yet: no `join` waits for it, and no `kill` ends it, but its own.
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`].
    #[track_caller]
    pub fn apply_async<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let members = self.members.clone();
        thread::spawn(move || {
            let has_slot = members.slot(None);
            debug_assert!(has_slot, "there is no deadline");
            members.enter().run(f)
        })
    }

    /// Calls `f` with each item, on a member for each, and returns the results in the order of the
    /// items. Blocks the calling thread meanwhile.
    ///
    /// If the caller is a member itself it calls `f` in place, one after the other, so that it does
    /// not wait for its own end. If it is killed, so is what is left.
    ///
    /// # Panics
    ///
    /// With the first panic in the order of the items; what is left is killed then.
    pub fn map<I, F, T>(&self, items: I, f: F) -> Vec<T>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        if self.is_member() {
            return items.into_iter().map(f).collect();
        }
        let results = Imap::new(self.batch(items, f));
        // What is not read is kept anyway.
        let results = if self.size.is_none() { results.maxsize(usize::MAX) } else { results };
        results
            .map(|result| result.unwrap_or_else(|payload| panic::resume_unwind(payload)))
            .collect()
    }

    /// Calls `f` with each item, on a member for each, and iterates over the results in the order
    /// of the items. See [`Imap`].
    pub fn imap<I, F, T>(&self, items: I, f: F) -> Imap<T>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        Imap::new(self.batch(items, f))
    }

    /// Calls `f` with each item, on a member for each, and iterates over the results in the order
    /// in which they are ready. See [`ImapUnordered`].
    pub fn imap_unordered<I, F, T>(&self, items: I, f: F) -> ImapUnordered<T>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        ImapUnordered::new(self.batch(items, f))
    }

    fn batch<I, F, T>(&self, items: I, f: F) -> Batch<T>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        Batch::new(self.members.clone(), self.size, items.into_iter(), f)
    }

    fn is_member(&self) -> bool {
        self.contains(&thread::current())
    }
}

/// What a pool has in common with a [`Group`](super::Group).
impl Pool {
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

    /// As [`Group::contains`](super::Group::contains).
    #[must_use]
    pub fn contains(&self, thread: &Thread) -> bool {
        self.members.contains(thread.id())
    }

    /// As [`Group::threads`](super::Group::threads).
    #[must_use]
    pub fn threads(&self) -> Vec<Thread> {
        self.members.threads()
    }

    /// As [`Group::discard`](super::Group::discard). Its place is free at once, while it goes on.
    pub fn discard(&self, thread: &Thread) -> bool {
        self.members.discard(thread.id())
    }

    /// As [`Group::join`](super::Group::join).
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> bool {
        self.members.join(deadline(timeout))
    }

    /// As [`Group::join_raising`](super::Group::join_raising).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn join_raising(
        &self,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<bool, MemberPanicked> {
        self.members.join_raising(deadline(timeout))
    }

    /// As [`Group::kill`](super::Group::kill). What waits for a place becomes a member, and is
    /// killed, too.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn kill(&self, timeout: impl Into<Option<Duration>>) -> io::Result<bool> {
        self.members.kill(deadline(timeout))
    }

    /// As [`Group::kill_one`](super::Group::kill_one).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn kill_one(
        &self,
        thread: &Thread,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<bool> {
        self.members.kill_one(thread.id(), deadline(timeout))
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("size", &self.size)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<F> Full<F> {
    /// The closure.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<F> fmt::Display for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is full")
    }
}

impl<F> Error for Full<F> {}
