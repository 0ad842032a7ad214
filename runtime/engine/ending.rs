//! How a green thread has ended, and who is told of it: waiters, observers and links.
//!
//! Whoever wants to be told is in one list behind a lock (`watch`). Waiters are woken and
//! observers are called by the ending worker. Links are closures of the user, so each runs in a
//! green thread of its own: the first one takes the first link out of the list, spawns the next
//! green thread, and then calls its link. As all of them are local to one worker they begin in
//! linking order, however long each takes.
//!
//! # Invariants
//!
//! 1. A link is out of the list before it is called, and whoever took it out calls it. So it is
//!    called once at most, and never after `unlink` has found it.
//! 2. `is_running` is set while a green thread or an OS thread is to look into the list of links.
//!    It is set and cleared under the lock; so no link is left behind.
//! 3. A `Runner` that is dropped without having run, because there is no place for its green
//!    thread or its runtime closes, passes its duty on to an OS thread.
//! 4. The cause is written before `FINISHED` is set, and read after it was seen.

use super::fiber::{FiberRef, Header, Lane};
use super::handle::Thread;
use super::killed::Killed;
use super::line::{self, Ask, Line, Reason, Waited};
use super::report;
use super::shared;
use super::spawn::{self, Options, Target};
use super::waiter::Waiter;
use super::watch::Watch;
use super::worker::Worker;
use std::any::Any;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread;
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
    thread: Thread,
    /// None if it has returned.
    cause: Option<Arc<End>>,
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

struct Link {
    id: LinkId,
    when: When,
    site: &'static Location<'static>,
    call: Box<dyn FnOnce(&Ended) + Send>,
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
    links: VecDeque<Link>,
    is_running: bool,
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
    /// Why it did not return; guarded by invariant 4.
    cause: UnsafeCell<Option<Arc<End>>>,
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
        // SAFETY: invariant 4: nobody reads before the end.
        let cause = unsafe { &mut *fiber.header().ending.cause.get() };
        if cause.is_some() {
            return;
        }
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
    pub(super) fn fiber(&self) -> &FiberRef {
        match &self.waiter {
            Waiter::Fiber(fiber) => fiber,
            Waiter::Os(_) => unreachable!("only handles of green threads are waited for"),
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

/// The duty to call the links of a green thread that has ended.
struct Runner {
    /// None once the duty is done.
    fiber: Option<FiberRef>,
}

impl Runner {
    /// Starts the green thread that calls the first link, on this worker if there is one.
    fn spawn(fiber: &FiberRef) {
        let Some(site) = first_site(fiber) else { return };
        let lane = if Worker::current().is_some() { Lane::Local } else { Lane::Pinned };
        let runner = Runner { fiber: Some(fiber.clone()) };
        // SAFETY: the closure is `Send` and borrows nothing; a local one has a worker to be on.
        // An error drops the runner, which sees to its duty (invariant 3).
        let _ = unsafe {
            spawn::spawn(Target::Here, lane, Options::default(), site, move || runner.run())
        };
    }

    fn run(mut self) {
        let Some(fiber) = self.fiber.take() else { return };
        if let (Some(link), ended) = next_link(&fiber) {
            Runner::spawn(&fiber);
            drop(fiber);
            (link.call)(&ended);
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let Some(fiber) = self.fiber.take() else { return };
        let elsewhere = fiber.clone();
        let body = move || call_all(&elsewhere);
        if thread::Builder::new().name("greenstd-links".into()).spawn(body).is_err() {
            // Nobody else is left to do it.
            call_all(&fiber);
        }
    }
}

/// Where the first link that is to be called was made. If there is none, whoever asks is freed
/// from looking into the list again.
fn first_site(fiber: &FiberRef) -> Option<&'static Location<'static>> {
    let list = fiber.header().ending.watch.existing()?;
    let mut list = list.lock();
    let site = list.links.front().map(|link| link.site);
    list.is_running = site.is_some();
    site
}

/// Takes the first link out that this end concerns. `is_running` goes with the last one.
fn next_link(fiber: &FiberRef) -> (Option<Link>, Ended) {
    let header = fiber.header();
    // SAFETY: invariant 4: links are run after the end.
    let cause = unsafe { &*header.ending.cause.get() }.clone();
    let has_failed = cause.as_deref().is_some_and(|end| matches!(end, End::Panicked(_)));
    let ended = Ended { thread: Thread::of(fiber.clone()), cause };
    let Some(list) = header.ending.watch.existing() else { return (None, ended) };
    loop {
        let link = {
            let mut list = list.lock();
            let link = list.links.pop_front();
            list.is_running = link.is_some();
            link
        };
        let concerns = link.as_ref().is_none_or(|link| match link.when {
            When::Any => true,
            When::Success => !has_failed,
            When::Failure => has_failed,
        });
        if concerns {
            return (link, ended);
        }
        // One that does not is dropped here, outside of the lock: it is the user's closure.
        let dropped = panic::catch_unwind(AssertUnwindSafe(move || drop(link)));
        mem::forget(dropped);
    }
}

/// Calls all links, one after another, on an OS thread.
fn call_all(fiber: &FiberRef) {
    while let (Some(link), ended) = next_link(fiber) {
        let site = link.site;
        let called = panic::catch_unwind(AssertUnwindSafe(move || (link.call)(&ended)));
        if let Err(payload) = called {
            report::report_and_drop(payload, "link", site);
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("links", &self.links.len()).finish_non_exhaustive()
    }
}
