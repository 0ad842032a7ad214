//! How a green thread has ended, and who is told of it: waiters, observers and links.
//!
//! Whoever wants to be told is in one list behind a lock (`watch`). Waiters are woken and
//! observers are called by the ending worker. Links are closures of the user, which run elsewhere
//! (`links`).
//!
//! # Invariants
//!
//! 1. The cause is written before `FINISHED` is set, and read after it was seen.

use super::fiber::{FiberRef, Header};
use super::handle::Thread;
use super::killed::Killed;
use super::line::{self, Ask, Line, Reason, Waited};
use super::links::Runner;
use super::report;
use super::shared;
use super::waiter::Waiter;
use super::watch::Watch;
use super::worker::Worker;
use std::any::Any;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

static WAIT: Reason = Reason("the end of a green thread");

/// How a green thread has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Its closure has returned.
    Finished,
    /// It has panicked, with this message.
    Panicked(String),
    /// It was killed, before its start or later.
    Killed,
}

/// A green thread that has ended: what links and the error hook are told.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread;
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// let handle = thread::spawn(|| 42);
/// handle.link(move |ended| sender.send(ended.end().clone()).expect("it is received"));
/// assert_eq!(receiver.recv(), Ok(thread::End::Finished));
/// ```
#[derive(Clone, Debug)]
pub struct Ended {
    pub(super) thread: Thread,
    /// None if it has returned.
    pub(super) cause: Option<Arc<End>>,
}

/// Names a link, to take it back by `unlink`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

impl Ended {
    /// The handle to the green thread.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// How it has ended.
    #[must_use]
    pub fn end(&self) -> &End {
        self.cause.as_deref().unwrap_or(&End::Finished)
    }

    /// How it has ended, as an outcome without a value.
    ///
    /// # Errors
    ///
    /// The [`end`](Ended::end) if it has panicked or was killed.
    pub fn outcome(&self) -> Result<(), End> {
        self.cause.as_deref().map_or(Ok(()), |end| Err(end.clone()))
    }

    /// Where the green thread was spawned.
    pub(super) fn site(&self) -> &'static Location<'static> {
        self.thread.fiber().header().site
    }

    /// Takes a further link of this green thread back, as `unlink` of its handle does.
    pub fn unlink(&self, link: LinkId) -> bool {
        self.thread.unlink(link)
    }
}

/// Is told of an end by the thread that ends, on a worker's own stack: it neither blocks nor
/// panics, and calls nothing of the user's.
pub(crate) trait OnEnd: Send + Sync {
    fn on_end(&self, token: usize);
}

/// After which ends a link is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Any,
    Success,
    Failure,
}

/// A closure that is called after the end.
pub(super) struct Link {
    id: LinkId,
    pub(super) when: When,
    pub(super) site: &'static Location<'static>,
    pub(super) call: Box<dyn FnOnce(&Ended) + Send>,
}

struct Observer {
    id: LinkId,
    token: usize,
    target: Arc<dyn OnEnd>,
}

/// Those who want to be told of one end.
pub(super) struct Watchers {
    pub(super) waiting: Line<()>,
    observers: Vec<Observer>,
    pub(super) links: VecDeque<Link>,
    /// `links` invariant 2.
    pub(super) is_running: bool,
}

impl Default for Watchers {
    fn default() -> Watchers {
        let (waiting, observers, links) = (Line::new(), Vec::new(), VecDeque::new());
        Watchers { waiting, observers, links, is_running: false }
    }
}

/// The part of a header that concerns its end.
pub(super) struct Ending {
    pub(super) watch: Watch<Watchers>,
    /// Why it did not return; guarded by invariant 1.
    pub(super) cause: UnsafeCell<Option<Arc<End>>>,
}

impl Ending {
    pub(super) fn new() -> Ending {
        Ending { watch: Watch::new(), cause: UnsafeCell::new(None) }
    }
}

impl Header {
    /// Notes why the green thread does not return, and tells the error hook if it is a panic. Only
    /// the first cause counts.
    ///
    /// # Safety
    ///
    /// The caller runs, ends or discards the green thread, and has not finished it.
    pub(super) unsafe fn note_cause(fiber: &FiberRef, payload: &(dyn Any + Send)) {
        let is_killed = payload.is::<Killed>();
        let end = if is_killed {
            End::Killed
        } else {
            End::Panicked(report::message(payload).to_owned())
        };
        // SAFETY: invariant 1: nobody reads before the end.
        let cause = unsafe { &mut *fiber.header().ending.cause.get() };
        if cause.is_some() {
            return;
        }
        super::metrics::count_end(is_killed);
        let end = Arc::new(end);
        *cause = Some(end.clone());
        if !is_killed {
            report::call_error_hook(&Ended { thread: Thread::of(fiber.clone()), cause: Some(end) });
        }
    }
}

/// Notes why the calling green thread is not going to return by itself.
pub(super) fn note_own_cause(payload: &(dyn Any + Send)) {
    if let Some(fiber) = Worker::current_fiber() {
        // SAFETY: the caller runs it.
        unsafe { Header::note_cause(&fiber, payload) };
    }
}

/// Tells everybody who is in the list of a green thread that has just finished.
#[cold]
pub(super) fn tell(fiber: &FiberRef) {
    let watch = &fiber.header().ending.watch;
    let list = watch.existing().expect("the list was made before the bit was set");
    loop {
        // The lock is given up before the wake-up is dropped, which wakes.
        let granted = list.lock().waiting.grant(|()| ());
        if granted.is_none() {
            break;
        }
    }
    let (observers, starts) = {
        let mut list = list.lock();
        let starts = !list.links.is_empty() && !mem::replace(&mut list.is_running, true);
        (mem::take(&mut list.observers), starts)
    };
    for observer in observers {
        observer.target.on_end(observer.token);
    }
    if starts {
        Runner::spawn(fiber);
    }
}

impl Thread {
    #[inline]
    pub(super) fn fiber(&self) -> &FiberRef {
        match &self.waiter {
            Waiter::Fiber(fiber) => fiber,
            Waiter::Os(_) | Waiter::Future(_) => {
                unreachable!("only handles of green threads are waited for")
            }
        }
    }

    /// Blocks the calling thread until this green thread has ended or `deadline` passes. True if
    /// it has ended.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let header = self.fiber().header();
        if header.life.is_finished() {
            return true;
        }
        let (list, is_in_time) = header.ending.watch.lock(&header.life);
        if !is_in_time {
            return true;
        }
        let (lock, ask) = (header.ending.watch.list(), Ask::new(&WAIT, deadline));
        let waited = line::wait(lock, list, |list| &mut list.waiting, (), ask);
        matches!(waited, Waited::Granted(()))
    }

    /// Has `target` told of the end. None, and nothing happens, if the end has come.
    pub(crate) fn observe(&self, target: &Arc<dyn OnEnd>, token: usize) -> Option<LinkId> {
        let header = self.fiber().header();
        let id = LinkId(shared::next_id());
        let (mut list, is_in_time) = header.ending.watch.lock(&header.life);
        is_in_time.then(|| list.observers.push(Observer { id, token, target: target.clone() }))?;
        Some(id)
    }

    /// Takes `observe` back.
    pub(crate) fn unobserve(&self, id: LinkId) {
        if let Some(list) = self.fiber().header().ending.watch.existing() {
            list.lock().observers.retain(|observer| observer.id != id);
        }
    }

    pub(crate) fn link(
        &self,
        when: When,
        site: &'static Location<'static>,
        call: Box<dyn FnOnce(&Ended) + Send>,
    ) -> LinkId {
        let header = self.fiber().header();
        let id = LinkId(shared::next_id());
        let (mut list, is_in_time) = header.ending.watch.lock(&header.life);
        list.links.push_back(Link { id, when, site, call });
        let starts = !is_in_time && !mem::replace(&mut list.is_running, true);
        drop(list);
        if starts {
            Runner::spawn(self.fiber());
        }
        id
    }

    pub(crate) fn unlink(&self, id: LinkId) -> bool {
        let Some(list) = self.fiber().header().ending.watch.existing() else { return false };
        let mut list = list.lock();
        let place = list.links.iter().position(|link| link.id == id);
        let link = place.and_then(|place| list.links.remove(place));
        drop(list);
        // Its closure is dropped here, outside of the lock.
        link.is_some()
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("links", &self.links.len()).finish_non_exhaustive()
    }
}
