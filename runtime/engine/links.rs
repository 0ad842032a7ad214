//! Who calls the links of a green thread that has ended.
//!
//! Links are closures of the user, so each runs in a green thread of its own: the first one takes
//! the first link out of the list, spawns the next green thread, and then calls its link. As all of
//! them are local to one worker they begin in linking order, however long each takes.
//!
//! # Invariants
//!
//! 1. A link is out of the list before it is called, and whoever took it out calls it. So it is
//!    called once at most, and never after `unlink` has found it.
//! 2. `is_running` is set while a green thread or an OS thread is to look into the list of links.
//!    It is set and cleared under the lock; so no link is left behind.
//! 3. A `Runner` that is dropped without having run, because its runtime closes or there was no
//!    place for the very first one, passes its duty on to an OS thread. Where there is no place for
//!    a later one its predecessor calls all that are left, in their order.

use super::atomic::{AtomicBool, Ordering};
use super::ending::{End, Ended, Link, When};
use super::fiber::{FiberRef, Lane};
use super::handle::Thread;
use super::report;
use super::spawn::{self, Options, Target};
use super::worker::Worker;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread;

/// The duty to call the links of a green thread that has ended.
pub(super) struct Runner {
    fiber: FiberRef,
    is_done: AtomicBool,
}

impl Runner {
    /// Starts the green thread that calls the first link, on this worker if there is one. If there
    /// is no place for it, an OS thread calls all.
    pub(super) fn spawn(fiber: &FiberRef) {
        // An error drops the runner, which sees to its duty (invariant 3).
        let _ = Runner::new(fiber).start();
    }

    fn new(fiber: &FiberRef) -> Arc<Runner> {
        Arc::new(Runner { fiber: fiber.clone(), is_done: AtomicBool::new(false) })
    }

    fn start(self: Arc<Runner>) -> io::Result<()> {
        let Some(site) = first_site(&self.fiber) else {
            self.is_done.store(true, Ordering::Relaxed);
            return Ok(());
        };
        let lane = if Worker::current().is_some() { Lane::Local } else { Lane::Pinned };
        let body = move || self.run();
        // SAFETY: the closure is `Send` and borrows nothing; a local one has a worker to be on.
        unsafe { spawn::spawn(Target::Here, lane, Options::default(), site, body) }.map(drop)
    }

    fn run(&self) {
        // Relaxed: `Arc` orders it before the drop.
        self.is_done.store(true, Ordering::Relaxed);
        let (Some(link), ended) = next_link(&self.fiber) else { return };
        let next = Runner::new(&self.fiber);
        if next.clone().start().is_ok() {
            drop(next);
            return (link.call)(&ended);
        }
        // No place for another green thread: this one calls them all, for the sake of their order.
        next.is_done.store(true, Ordering::Relaxed);
        call(link, &ended);
        call_all(&self.fiber);
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if *self.is_done.get_mut() {
            return;
        }
        let elsewhere = self.fiber.clone();
        let body = move || call_all(&elsewhere);
        if thread::Builder::new().name("greenstd-links".into()).spawn(body).is_err() {
            // Nobody else is left to do it.
            call_all(&self.fiber);
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
    // SAFETY: `ending` invariant 1: links are run after the end.
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

/// Calls all links, one after another, on the calling thread.
fn call_all(fiber: &FiberRef) {
    while let (Some(link), ended) = next_link(fiber) {
        call(link, &ended);
    }
}

fn call(link: Link, ended: &Ended) {
    let site = link.site;
    let called = panic::catch_unwind(AssertUnwindSafe(move || (link.call)(ended)));
    if let Err(payload) = called {
        report::report_and_drop(payload, "link", site);
    }
}
