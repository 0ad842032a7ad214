//! The sentry: an OS thread that stands in for workers which are stuck.
//!
//! It looks at each worker's pulse (`pace`) once in a while. One that has run the same fiber, with
//! no switch in between, since the last look is *stuck*: by a hog, by a system call that blocks, or
//! by a machine that gives it no processor. What other workers may run is taken off it:
//!
//! 1. its events are handed out: the sentry waits for them, too, so that they are told at once,
//! 2. its free fibers' timers are fired,
//! 3. its stealable work, and its free fibers that can go on, go to the injector, where busy
//!    workers look now and then.
//!
//! Pinned fibers that are woken so lie in the stuck worker's inbox until it comes back: that is the
//! price of sharing its thread-locals. If all workers are stuck and something waits in the
//! injector, a spare one is started.
//!
//! # Invariants
//!
//! 1. A ring that was meant for a worker and was taken by the sentry is passed on as soon as that
//!    worker is not stuck any more; as long as it is, it needs none, for it looks into its inbox
//!    before it sleeps. The sentry does not rest while it owes a ring.
//! 2. The sentry rests, without a timeout, once all workers are away, it owes nothing, and no spare
//!    worker is there that could leave (`vigil`): an idle process makes no system call.
//! 3. It runs nobody, and holds no lock while it wakes somebody but that of a reactor's table.
//!
//! # Rejected
//!
//! Taking over on the first suspicion, by the idle workers themselves: they would have to wake up
//! for it. Handing the whole epoll set over to another worker: it would have to be handed back.

use super::atomic::{Ordering, fence};
use super::pace::Beat;
use super::reactor::ReactorHandle;
use super::remote::Remote;
use super::shared::Shared;
use super::spare;
use super::stand_in;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at the pulses: a worker is taken for stuck after one to two of these.
/// Long beside any slice of a fiber that behaves, short beside what a user notices.
const PERIOD: Duration = Duration::from_millis(10);

/// How long as many spare workers are kept as were needed last: hogs come in rows.
const SPARES_LINGER_FOR: Duration = Duration::from_secs(1);

/// How long the system is left alone that has refused a spare worker.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The sentry's own state.
pub(super) struct Sentry<'s> {
    shared: &'s Arc<Shared>,
    /// By worker.
    watches: Vec<Watch>,
    events: Vec<libc::epoll_event>,
    next_look: Instant,
    /// Since when no more spare workers were needed than now.
    needed_since: Instant,
    next_start: Instant,
}

/// What was seen of a worker.
#[derive(Clone, Copy, Default)]
struct Watch {
    beat: Option<Beat>,
    is_stuck: bool,
    owes_ring: bool,
}

impl Watch {
    /// Whether the worker runs what it ran at the last look.
    fn is_unchanged(&self, remote: &Remote) -> bool {
        let beat = remote.post.beat();
        beat.is_some_and(|beat| !beat.fiber.is_null())
            && beat == self.beat
            && !remote.inbox.is_away()
    }
}

impl<'s> Sentry<'s> {
    pub(super) fn new(shared: &'s Arc<Shared>) -> Sentry<'s> {
        let places = shared.regular().len() + shared.spare_places().len();
        let now = Instant::now();
        Sentry {
            shared,
            watches: vec![Watch::default(); places],
            events: Vec::new(),
            next_look: now + PERIOD,
            needed_since: now,
            next_start: now,
        }
    }

    /// Watches until the runtime has ended.
    pub(super) fn run(&mut self) {
        let vigil = &self.shared.relief.vigil;
        while !vigil.is_closed() {
            self.wait();
            let has_looked = Instant::now() >= self.next_look;
            if has_looked {
                self.look();
            }
            self.relieve();
            self.staff();
            if has_looked && self.may_rest() && vigil.rest(|| self.is_everybody_away()) {
                while vigil.is_resting() {
                    thread::park();
                }
                self.next_look = Instant::now() + PERIOD;
            }
        }
    }

    /// Waits for the next look, and for whatever is to be done for those who are stuck.
    fn wait(&self) {
        let mut until = self.next_look;
        let mut reactors: Vec<Arc<ReactorHandle>> = Vec::new();
        for remote in self.stuck() {
            until = until.min(remote.free_timers.lock().next().unwrap_or(until));
            reactors.extend(remote.reactor());
        }
        let time = until.saturating_duration_since(Instant::now());
        match reactors.is_empty() {
            true if self.shared.relief.vigil.is_closed() => {}
            true => thread::park_timeout(time),
            false => stand_in::wait_for_any(&reactors, time),
        }
    }

    fn stuck(&self) -> impl Iterator<Item = &'s Remote> {
        let watched = self.shared.remotes().iter().zip(&self.watches);
        watched.filter(|(_, watch)| watch.is_stuck).map(|(remote, _)| remote)
    }

    /// Finds out who is stuck.
    fn look(&mut self) {
        self.next_look = Instant::now() + PERIOD;
        for (remote, watch) in self.shared.remotes().iter().zip(&mut self.watches) {
            let is_stuck = watch.is_unchanged(remote);
            self.shared.totals.stuck(is_stuck && !watch.is_stuck);
            watch.is_stuck = is_stuck;
            watch.beat = remote.post.beat();
        }
    }

    /// Does for those who are stuck what they would do for others.
    fn relieve(&mut self) {
        let mut has_moved = false;
        let shared = self.shared;
        for (remote, watch) in shared.remotes().iter().zip(&mut self.watches) {
            watch.is_stuck = watch.is_stuck && watch.is_unchanged(remote);
            if watch.is_stuck {
                let events = &mut self.events;
                watch.owes_ring |= remote.reactor().is_some_and(|it| it.hand_out(events));
                shared.totals.fired(remote.fire_free_timers(shared.now()));
                while let Some(work) = remote.take_stealable() {
                    self.shared.inject(work);
                    has_moved = true;
                }
                for work in remote.backlog.take_all() {
                    self.shared.inject(work);
                    has_moved = true;
                }
                // The ring may have been for one who was not stuck any more (invariant 1). What
                // the kernel told was written before; so is what the worker did before that.
                fence(Ordering::SeqCst);
                watch.is_stuck = watch.is_unchanged(remote);
            }
            if !watch.is_stuck && watch.owes_ring {
                watch.owes_ring = false;
                remote.with_reactor(|reactor| reactor.ring());
            }
        }
        if has_moved {
            self.shared.notify();
        }
    }

    /// Has as many spare workers as are needed.
    fn staff(&mut self) {
        let (shared, relief) = (self.shared, &self.shared.relief);
        let now = Instant::now();
        let stuck = self.stuck().count();
        if stuck >= relief.needed.load(Ordering::Relaxed)
            || now - self.needed_since > SPARES_LINGER_FOR
        {
            relief.needed.store(stuck, Ordering::Relaxed);
            self.needed_since = now;
        }
        let spares = relief.spares.load(Ordering::Relaxed);
        let is_nobody_left = stuck == shared.regular().len() + spares;
        let is_wanted = is_nobody_left
            && !shared.injector.is_empty()
            && !shared.is_closing.load(Ordering::Relaxed);
        if is_wanted && spares < relief.limit() && now >= self.next_start {
            // A new one is not stuck, so there is one at a time.
            if spare::start(shared).is_err() {
                self.next_start = now + RETRY_AFTER;
            }
        }
        spare::join_those_who_left(shared);
        if relief.has_superfluous() {
            self.superfluous().for_each(Remote::rouse);
        }
    }

    /// Spare workers that could leave.
    fn superfluous(&self) -> impl Iterator<Item = &'s Remote> {
        let opened = self.shared.remotes().iter().skip(self.shared.regular().len());
        opened.filter(|remote| remote.post.is_manned() && remote.load() == 0)
    }

    fn may_rest(&self) -> bool {
        let is_settled = |watch: &Watch| !watch.is_stuck && !watch.owes_ring;
        self.watches.iter().all(is_settled)
            && self.superfluous().next().is_none()
            && !spare::is_somebody_to_join(self.shared)
    }

    fn is_everybody_away(&self) -> bool {
        let is_away = |remote: &Remote| remote.inbox.is_away() || !remote.post.is_manned();
        self.shared.remotes().iter().all(is_away)
    }
}
