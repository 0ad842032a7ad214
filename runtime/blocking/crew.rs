//! The threads of one pool: how jobs get to them, and how they are started and sent away.
//!
//! Every change of the state is followed by `settle`, and what that orders is carried out here,
//! once the lock was given up.

use super::error::{NotRun, Refusal, Unfinished};
use super::job::Work;
use super::pile_up;
use super::register;
use super::seat::Seat;
use super::service;
use super::state::{Asking, Call, Orders, Settings, State};
use crate::park::{self, Ask, Reason, Unparker, Waited};
use crate::park::{Mutex, MutexGuard};
use std::io;
use std::ptr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

static ROOM: Reason = Reason("BlockingPool::spawn, for room");
static SHUTDOWN: Reason = Reason("BlockingPool::shutdown");

/// A pool without its handle. Its threads keep it alive.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) name: Arc<str>,
    stack_size: Option<usize>,
    pub(super) state: Mutex<State>,
}

/// How long somebody waits for room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    None,
    Until(Option<Instant>),
}

impl Crew {
    pub(super) fn new(settings: Settings, min: usize, max: usize) -> Arc<Crew> {
        let (name, stack_size) = (settings.name.clone(), settings.stack_size);
        let state = Mutex::new(State::new(settings, min, max));
        let crew = Arc::new(Crew { name, stack_size, state });
        register::enter(&crew);
        crew
    }

    /// Queues a job. Blocks the calling thread while there is no room, but a thread of this very
    /// pool, which runs the job in place instead: it would wait for itself.
    pub(super) fn submit(
        self: &Arc<Crew>,
        job: &Arc<dyn Work>,
        patience: Patience,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Refusal::ShutDown);
        }
        if !state.has_room() {
            let Patience::Until(deadline) = patience else { return Err(Refusal::Full) };
            if Seat::is_of(self) {
                drop(state);
                self.run_in_place(&**job);
                return Ok(());
            }
            return self.wait_for_room(state, job.clone(), deadline);
        }
        state.push(job.clone());
        let orders = state.settle();
        drop(state);
        self.carry_out(orders, Some(job)).map_err(|error| Refusal::NoThread(error.kind()))
    }

    fn wait_for_room(
        &self,
        state: MutexGuard<'_, State>,
        job: Arc<dyn Work>,
        deadline: Option<Instant>,
    ) -> Result<(), Refusal> {
        let (asking, ask) = (Asking { job: Some(job), refusal: None }, Ask::new(&ROOM, deadline));
        match park::wait_in_line(&self.state, state, |state| &mut state.room, asking, ask) {
            Waited::Granted(asking) => asking.refusal.map_or(Ok(()), Err),
            Waited::TimedOut(_) => Err(Refusal::Full),
        }
    }

    /// Does what the state has ordered. `own` is the job that the caller has queued.
    ///
    /// # Errors
    ///
    /// Why no thread could be started for the caller's own job, which is not queued any more. There
    /// was no other thread: all other jobs that were queued have been discarded.
    pub(super) fn carry_out(
        self: &Arc<Crew>,
        orders: Orders,
        own: Option<&Arc<dyn Work>>,
    ) -> io::Result<()> {
        drop(orders.wakeups);
        match orders.call {
            Call::Nobody => Ok(()),
            Call::Wake(idle) => {
                idle.unpark();
                Ok(())
            }
            Call::Start(number) => self.start(number, own),
            Call::StartSpare { number, is_news } => {
                if is_news {
                    pile_up::report(self);
                }
                self.start(number, own)
            }
            Call::Stuck => {
                pile_up::report_stuck(self);
                Ok(())
            }
        }
    }

    fn start(self: &Arc<Crew>, number: u64, own: Option<&Arc<dyn Work>>) -> io::Result<()> {
        let mut builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let crew = self.clone();
        match builder.spawn(move || service::serve(&crew, number)) {
            Ok(_detached) => Ok(()),
            Err(error) => self.go_without(error, own),
        }
    }

    /// The thread that was counted cannot be had. The others take its job, if there are any.
    #[cold]
    fn go_without(&self, error: io::Error, own: Option<&Arc<dyn Work>>) -> io::Result<()> {
        let mut state = self.state.lock();
        state.leave();
        // Dropped at the end: until then somebody is on his way to those who wait.
        let work = state.coming.pop();
        if state.threads > 0 {
            state.is_starved = true;
            return Ok(());
        }
        let refusal = Refusal::NoThread(error.kind());
        let jobs = std::mem::take(&mut state.queue);
        state.waits.disturbed();
        park::grant_each(&self.state, state, |state| {
            let refuse = |asking: &mut Asking| asking.refusal = Some(refusal);
            state.room.grant(refuse).map(|((), wakeup)| wakeup)
        });
        // Whoever has cancelled the caller's job has taken it out, and has ended it.
        let has_own = jobs.iter().any(|job| is_own(job, own));
        for job in jobs.iter().filter(|job| !is_own(job, own)) {
            job.discard(NotRun::NoThread(error.kind()));
        }
        self.tell_if_drained(self.state.lock());
        drop(work);
        if has_own { Err(error) } else { Ok(()) }
    }

    /// Runs a job on the calling thread, which is one of the pool, unless it has been started.
    pub(super) fn run_in_place(&self, job: &dyn Work) {
        if Seat::perform(job) {
            self.state.lock().done += 1;
        }
    }

    /// Takes a job out of the queue that will not be run by a thread of the pool any more.
    pub(super) fn withdraw(self: &Arc<Crew>, job: &dyn Work) {
        let mut state = self.state.lock();
        let place = state.queue.iter().position(|queued| ptr::addr_eq(&raw const **queued, job));
        let Some(place) = place else { return };
        let job = state.queue.remove(place);
        state.waits.disturbed();
        let orders = state.settle();
        drop(state);
        drop(job);
        // A refusal is told to those whom it concerns.
        let _ = self.carry_out(orders, None);
        self.tell_if_drained(self.state.lock());
    }

    /// Discards all that is queued, and returns how much that was.
    pub(super) fn cancel_queued(self: &Arc<Crew>) -> usize {
        let mut state = self.state.lock();
        let jobs = std::mem::take(&mut state.queue);
        state.waits.disturbed();
        let orders = state.settle();
        drop(state);
        let _ = self.carry_out(orders, None);
        let cancelled = jobs.iter().filter(|job| job.discard(NotRun::Cancelled)).count();
        self.tell_if_drained(self.state.lock());
        cancelled
    }

    /// Sets how many threads there may be, and how many stay when they are idle.
    pub(super) fn resize(self: &Arc<Crew>, min: usize, max: usize) {
        let mut state = self.state.lock();
        (state.min, state.max) = (min, max);
        let orders = state.settle();
        let idle = state.idle_threads();
        drop(state);
        let _ = self.carry_out(orders, None);
        // Each sees for itself whether it is to leave now, or when.
        idle.iter().for_each(Unparker::unpark);
    }

    /// Refuses further jobs, and whoever waits for room, and lets threads leave that are idle.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let idle = state.idle_threads();
        park::grant_each(&self.state, state, |state| {
            let refuse = |asking: &mut Asking| asking.refusal = Some(Refusal::ShutDown);
            state.room.grant(refuse).map(|((), wakeup)| wakeup)
        });
        idle.iter().for_each(Unparker::unpark);
    }

    /// Blocks the calling thread until a pool that was closed has nothing left to do.
    pub(super) fn wait_until_drained(&self, deadline: Option<Instant>) -> Result<(), Unfinished> {
        let state = self.state.lock();
        // A job of the pool would wait for itself.
        if !state.is_drained() && !Seat::is_of(self) {
            let ask = Ask::new(&SHUTDOWN, deadline);
            let waited =
                park::wait_in_line(&self.state, state, |state| &mut state.drained, (), ask);
            if let Waited::Granted(()) = waited {
                return Ok(());
            }
            return self.state.lock().unfinished();
        }
        state.unfinished()
    }

    /// Lets those go on who wait for the last job, if that was it.
    pub(super) fn tell_if_drained(&self, state: MutexGuard<'_, State>) {
        if state.is_drained() {
            park::grant_each(&self.state, state, |state| {
                state.drained.grant(|()| ()).map(|((), wakeup)| wakeup)
            });
        }
    }
}

impl State {
    fn idle_threads(&self) -> Vec<Unparker> {
        self.idle.iter().map(|idle| idle.unparker.clone()).collect()
    }

    fn unfinished(&self) -> Result<(), Unfinished> {
        let left = Unfinished { queued: self.queue.len(), running: self.running };
        if self.is_drained() { Ok(()) } else { Err(left) }
    }
}

fn is_own(job: &Arc<dyn Work>, own: Option<&Arc<dyn Work>>) -> bool {
    own.is_some_and(|own| ptr::addr_eq(Arc::as_ptr(own), Arc::as_ptr(job)))
}
