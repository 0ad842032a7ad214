//! Spare workers: they come when all others are stuck, and leave when they are not needed.
//!
//! A spare worker is a worker like any other, at a place of its own (`remote`), with a queue, a
//! reactor and timers. It takes what others could run, preferring not to begin with pinned fibers,
//! which would have to stay with it.
//!
//! # Invariants
//!
//! 1. A spare worker leaves only if it has nothing to run and no pinned fiber, and if fewer
//!    workers are stuck than there are spare ones. It is awake then, and does not search
//!    (`Idle::leave`).
//! 2. Who waits for an event or a timer of a spare worker that leaves is woken for no reason, and
//!    waits with another worker then.
//! 3. It counts as a worker (`Idle`, `running`) from before its OS thread is started until it has
//!    given up all that others could look for at its place.
//! 4. Whoever looks for a deadlock while its OS thread ends takes that one for a stranger, who
//!    might wake somebody. So the sentry, when it has joined the thread, has a worker look again.

use super::atomic::Ordering;
use super::os_thread;
use super::reactor::Reactor;
use super::runtime::Builder;
use super::shared::Shared;
use super::stack::LocalCache;
use super::worker::Worker;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Spare workers that there may be at once, unless the builder says otherwise: so many green
/// threads that hold their workers are borne. Beyond, they are too many for any machine.
pub(super) const SPARE_WORKERS: usize = 64;

impl Builder {
    /// Sets how many spare workers there may be at once: OS threads that come when green threads
    /// hold all workers, and leave about a second after that is over. The default is 64; 0 is for
    /// none.
    ///
    /// They run what is bound to no worker: green threads with thread-locals of their own
    /// ([`ThreadLocals::Own`](crate::thread::ThreadLocals::Own)), and those that have not started.
    /// Only where there are some of the former does the runtime notice that workers are held; it
    /// takes some 20 ms. The thread that notices it, `NAME-sentry`, comes with the first of them.
    ///
    /// A green thread that shares its worker's thread-locals and starts on a spare worker keeps it
    /// until it ends.
    pub fn spare_workers(mut self, workers: usize) -> Builder {
        self.spare_workers = Some(workers);
        self
    }
}

/// Starts one more. By the sentry.
///
/// # Errors
///
/// If the system refuses a thread, an epoll set, an eventfd or memory.
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let relief = &shared.relief;
    let seat = {
        let mut roster = relief.roster.lock();
        match roster.spares.iter().position(Option::is_none) {
            Some(seat) => seat,
            None if roster.spares.len() < relief.limit() => {
                roster.spares.push(None);
                roster.spares.len() - 1
            }
            // Somebody is about to leave.
            None => return Ok(()),
        }
    };
    let reactor = Reactor::new()?;
    let stacks = LocalCache::new(&shared.stacks)?;
    if !shared.worker_starts() {
        return Ok(());
    }
    let remote = &shared.spare_places()[seat];
    let index = remote.index;
    remote.open_to_spare(reactor.handle().clone());
    shared.open_place(index);
    shared.idle.join();
    relief.spares.fetch_add(1, Ordering::Relaxed);
    shared.totals.spare_started();
    let its_own = shared.clone();
    let body = move || {
        let deque = its_own.spare_places()[seat].take_deque();
        os_thread::serve(its_own, index, deque, reactor, stacks);
    };
    match thread::Builder::new().name(format!("{}-spare-{seat}", relief.name())).spawn(body) {
        Ok(thread) => {
            relief.roster.lock().spares[seat] = Some(thread);
            Ok(())
        }
        Err(error) => {
            relief.spares.fetch_sub(1, Ordering::Relaxed);
            remote.drop_reactor();
            shared.idle.leave();
            shared.worker_ended();
            Err(error)
        }
    }
}

/// Joins those whose OS threads have ended. By the sentry.
pub(super) fn join_those_who_left(shared: &Shared) {
    let left: Vec<JoinHandle<()>> = {
        let mut roster = shared.relief.roster.lock();
        let has_left = |thread: &mut JoinHandle<()>| thread.is_finished();
        roster.spares.iter_mut().filter_map(|seat| seat.take_if(has_left)).collect()
    };
    if left.is_empty() {
        return;
    }
    for thread in left {
        // A panic aborts the process.
        let _ = thread.join();
    }
    // Invariant 4.
    shared.detector.has_run();
    shared.regular()[0].rouse();
}

/// Whether the OS thread of a spare worker is to be joined that has left, or is about to.
pub(super) fn is_somebody_to_join(shared: &Shared) -> bool {
    let threads = shared.relief.roster.lock().spares.iter().flatten().count();
    threads > shared.relief.spares.load(Ordering::Relaxed)
}

impl Worker {
    /// Whether this is a spare worker that need not be here.
    pub(super) fn is_superfluous(&self) -> bool {
        self.is_spare
            && self.shared.relief.has_superfluous()
            && self.with_fibers(|it| it.is_empty())
    }

    /// Gives away what others could run, so as to leave soon.
    #[cold]
    pub(super) fn hand_over(&self) {
        while let Some(work) = self.pop_stealable().or_else(|| self.pop_backlog()) {
            self.shared.inject(work);
        }
    }

    /// Whether this spare worker, which has nothing to run, leaves.
    pub(super) fn retires(&self) -> bool {
        self.drain_inbox();
        self.is_superfluous()
            && self.ready.is_empty()
            && self.queued() == 0
            && self.shared.relief.lets_go()
    }

    /// Gives up the place of a spare worker, whose loop is over.
    pub(super) fn vacate(&self) {
        let remote = self.remote();
        remote.wake_timed();
        self.hand_over();
        remote.drop_reactor();
        remote.unset_worker();
        self.shared.idle.leave();
        if self.is_work_elsewhere() {
            self.shared.notify();
        }
    }
}
