//! What a worker does when it has nothing to run: it looks for work elsewhere, then sleeps.
//!
//! # Invariants
//!
//! 1. Nothing wakes periodically: a sleeping worker waits for events, its next timer or a ring.
//! 2. The order of falling asleep is: say so in the inbox, then in the idle list, then, unless
//!    somebody else searches, look at all queues once more. Whoever finds the worker in the list
//!    may ring it, and whoever added work before the last look is found by it (`idle`, Orderings).
//! 3. A worker counts as searching only while it does nothing else.

use super::atomic::Ordering;
use super::coarse;
use super::fiber::{FiberRef, Lane};
use super::remote::Remote;
use super::shared::Runnable;
use super::worker::Worker;
use crossbeam_deque::Steal;
use std::hint;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// How long a worker that was woken for work goes on looking. Long enough that a stream of spawns
/// that their own worker starts at once pays for one ring in hundreds; short enough to be lost in
/// a sleep.
const SEARCH_FOR: Duration = Duration::from_micros(50);

/// How long a worker goes on looking that has just run something from outside, or was woken from
/// there: whoever sent that often sends more at once. Far below what a ring costs both sides.
const EXPECT_FOR: Duration = Duration::from_micros(10);

/// How long the newest task is left to its own worker, whose spawner most often waits for it at
/// once (Go's figure is 3 µs).
const NEXT_IS_SPARED_FOR: Duration = Duration::from_micros(5);

/// The same by a worker that has more fibers than the task's own: it takes the task only because
/// that one is stuck. Less than `SEARCH_FOR`, so that one search can find that out.
const NEXT_IS_SPARED_BY_THE_LOADED_FOR: Duration = Duration::from_micros(40);

/// Events after which a worker lingers before it sleeps: where requests come one at a time, they
/// are answered soonest by sleeping at once.
const BUSY_FROM: usize = 2;

/// How long other OS threads may keep the processor that was left to them: a slice of the kernel's
/// scheduler. Nobody lingers whose next timer is nearer.
const SLICE_OF_OTHERS: Duration = Duration::from_millis(4);

/// Spins between two looks at the others, so that their cache lines stay theirs most of the time.
const SPINS_BETWEEN_LOOKS: u32 = 64;

/// Stacks whose memory is given back between two looks for work: some 100 µs.
const STACKS_SETTLED_AT_ONCE: usize = 256;

/// Free fibers that a worker, which is busy, takes out of the injector at a look: half of what it
/// runs until the next one.
const INJECTED_AT_A_LOOK: usize = 32;

/// A task seen in somebody's `next`, and since when.
type Sighting = Option<(usize, NonNull<super::fiber::Header>, Instant)>;

/// What becomes of a worker that lies down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It stays up: something lies in its inbox.
    Refused,
    /// It is to rise at once: there is something to do.
    Disturbed,
    /// It may sleep.
    Sound,
}

impl Worker {
    /// Finds something to run, or sleeps until there may be something.
    pub(super) fn idle(&self) {
        if self.fire_due_timers() && self.has_own_work() {
            return self.spread();
        }
        if self.reactor.take_told() >= BUSY_FROM && self.linger() {
            return;
        }
        let expects_more = self.expects_more.replace(false);
        let can_search = (expects_more || self.is_work_elsewhere()) && !self.is_superfluous();
        let mut is_searching = can_search && self.shared.idle.start_search(expects_more);
        let mut time = if expects_more { EXPECT_FOR } else { SEARCH_FOR };
        // A ring that was for nothing leads back to sleep, by this loop: any number of them may
        // follow one another.
        loop {
            if is_searching && self.search(time) {
                return;
            }
            is_searching = self.sleep(is_searching);
            if !is_searching {
                return;
            }
            self.drain_inbox();
            time = if self.ready.is_empty() { SEARCH_FOR } else { Duration::ZERO };
        }
    }

    /// Lets other OS threads have the processor once before this worker sleeps, and looks at the
    /// reactor again. True if there is something to run.
    ///
    /// Where processors are scarce, whoever sends the next requests is most often waiting for this
    /// very one. Then it sends several before this worker goes on, and they cost one look instead
    /// of a sleep and a wake-up for each.
    fn linger(&self) -> bool {
        if self.time_to_next_timer().is_some_and(|time| time < SLICE_OF_OTHERS) {
            return false;
        }
        std::thread::yield_now();
        self.reactor.wait(Some(Duration::ZERO));
        self.spread();
        self.has_own_work()
    }

    /// Looks for stealable work for so long. Counted as searching; false if it still is, and the
    /// worker is to sleep.
    pub(super) fn search(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut sighting = None;
        loop {
            let found = self.steal(&mut sighting);
            if found.is_some() || time.is_zero() || self.has_own_work() {
                // The last one that stops to search with work in sight sends the next one out.
                if self.shared.idle.end_search() && self.is_work_elsewhere() {
                    self.shared.notify();
                }
                if let Some(work) = found {
                    self.has_run.set(true);
                    self.run_or_pass_on(work, true);
                }
                return true;
            }
            if start.elapsed() > time {
                return false;
            }
            // The inbox is the worker's own: a look costs nothing while nobody writes to it.
            for _ in 0..SPINS_BETWEEN_LOOKS {
                if self.remote().inbox.has_mail() {
                    break;
                }
                hint::spin_loop();
            }
        }
    }

    pub(super) fn has_own_work(&self) -> bool {
        self.drain_inbox();
        // A timer may have made a free fiber runnable, which goes to a queue of its own.
        self.queued() > 0
            || !self.ready.is_empty()
            || self.shared.is_closing.load(Ordering::Relaxed)
    }

    /// Sleeps in the reactor until an event, the next timer, or a ring. True if a notifier rang:
    /// the worker counts as searching then.
    pub(super) fn sleep(&self, was_searching: bool) -> bool {
        match self.lie_down(was_searching) {
            Rest::Refused => return false,
            Rest::Disturbed => self.note_sleep(),
            Rest::Sound => {
                self.note_sleep();
                match self.shared.simulation() {
                    None => self.sleep_in_reactor(self.time_to_next_duty()),
                    Some(simulation) => self.let_time_pass(simulation),
                }
                self.note_wakeup();
            }
        }
        self.rise()
    }

    /// Says to everybody that the worker sleeps (invariant 2). From here on, and until it rises,
    /// whoever has something for it rings.
    pub(super) fn lie_down(&self, was_searching: bool) -> Rest {
        let (inbox, idle) = (&self.remote().inbox, &self.shared.idle);
        if !inbox.fall_asleep() {
            if was_searching && idle.end_search() && self.is_work_elsewhere() {
                self.shared.notify();
            }
            return Rest::Refused;
        }
        if self.has_run.replace(false) {
            self.shared.detector.has_run();
        }
        if self.shared.census.wants_places() {
            self.give_places_back(self.spare_places());
        }
        // While somebody searches, the look at all queues is his to take when he stops.
        let must_look = idle.sleep(self.index, was_searching);
        // Whoever waits for the places may be here.
        let stays_awake = must_look && self.is_work_elsewhere()
            || self.must_wind_up()
            || !self.ready.is_empty()
            || self.queued() > 0;
        if stays_awake { Rest::Disturbed } else { Rest::Sound }
    }

    /// Takes back what [`lie_down`](Worker::lie_down) has said, unless it was refused. True if a
    /// notifier rang: the worker counts as searching then.
    pub(super) fn rise(&self) -> bool {
        self.remote().inbox.get_up();
        self.come_back();
        let is_searching = self.shared.idle.get_up(self.index);
        self.fire_due_timers();
        self.spread();
        self.pace.slept(&self.pulse);
        self.pulse.set_time(coarse::now());
        is_searching
    }

    /// How long the worker may sleep: until its next timer, or until unused stacks are to be given
    /// back, which it does first if it is due.
    pub(super) fn time_to_next_duty(&self) -> Option<Duration> {
        let next_timer = self.time_to_next_timer();
        if !self.shared.stacks.has_unsettled() {
            return next_timer;
        }
        let now = Instant::now();
        let next_settling = self.shared.stacks.settle_unused(STACKS_SETTLED_AT_ONCE, now);
        let time = next_settling.map(|next| next.saturating_duration_since(now));
        [next_timer, time].into_iter().flatten().min()
    }

    /// Whether the runtime closes and this worker has something left to do for it.
    fn must_wind_up(&self) -> bool {
        // SeqCst pairs with `Shared::close`, which says so first and rings second.
        if !self.shared.is_closing.load(Ordering::SeqCst) {
            return false;
        }
        // Those that were killed and wait all the same are shielded: they wake the worker.
        let is_alive = |fiber: ManuallyDrop<FiberRef>| !fiber.header().life.is_killed();
        let mut has_free = false;
        for remote in self.shared.remotes() {
            let free = remote.free_fibers.lock();
            has_free |= !free.is_empty();
            if free.iter().any(is_alive) {
                return true;
            }
        }
        self.with_fibers(|fibers| fibers.is_empty() && !has_free || fibers.iter().any(is_alive))
    }

    /// Waits for events without running anybody (`Worker::park_in_place`).
    pub(super) fn turn_without_running(&self) {
        let inbox = &self.remote().inbox;
        if inbox.fall_asleep_absent() {
            if !self.must_wind_up() {
                match self.shared.simulation() {
                    None => self.reactor.wait(self.time_to_next_timer()),
                    Some(simulation) => self.let_time_pass(simulation),
                }
            }
            inbox.get_up();
            self.pulse.go_on();
            self.pulse.set_time(coarse::now());
            self.come_back();
        }
        if self.shared.is_closing.load(Ordering::Relaxed) {
            self.wind_up_in_place();
        }
        self.drain_inbox();
        self.fire_due_timers();
    }

    pub(super) fn siblings(&self) -> impl Iterator<Item = &Remote> {
        let remotes = self.shared.remotes();
        (1..remotes.len()).map(move |step| &remotes[(self.index + step) % remotes.len()])
    }

    pub(super) fn is_work_elsewhere(&self) -> bool {
        !self.shared.injector.is_empty() || self.siblings().any(Remote::has_stealable)
    }

    /// Takes a task that came from outside the workers.
    pub(super) fn take_injected(&self) -> Option<Runnable> {
        let work = self.shared.take_injected()?;
        self.expects_more.set(true);
        Some(work)
    }

    /// Takes a task from outside, or some free fibers.
    pub(super) fn take_some_injected(&self) {
        for _ in 0..INJECTED_AT_A_LOOK {
            let Some(work) = self.take_injected() else { return };
            if work.lane() != Lane::Free {
                // Not to the deque, from where it could go back (`place` invariant 2).
                return self.push_ready(work.0);
            }
            // It may have come off a worker that is stuck, and many more with it.
            self.deque.push(work);
        }
    }

    fn steal(&self, sighting: &mut Sighting) -> Option<Runnable> {
        self.take_injected()
            .or_else(|| self.siblings().find_map(|sibling| self.steal_half(sibling)))
            .or_else(|| self.siblings().find_map(|sibling| self.steal_next(sibling, sighting)))
    }

    fn steal_half(&self, sibling: &Remote) -> Option<Runnable> {
        loop {
            match sibling.stealer().steal_batch_and_pop(&self.deque) {
                Steal::Success(work) => {
                    self.counters().steals.add(1);
                    return Some(work);
                }
                Steal::Empty => return None,
                Steal::Retry => hint::spin_loop(),
            }
        }
    }

    /// Takes a sibling's newest task, if it has lain there for a while.
    fn steal_next(&self, sibling: &Remote, sighting: &mut Sighting) -> Option<Runnable> {
        let task = NonNull::new(sibling.next.load(Ordering::Relaxed))?;
        match *sighting {
            Some((index, seen, since)) if index == sibling.index && seen == task => {
                let is_more_loaded = self.remote().load() > sibling.load();
                let spared_for = if is_more_loaded {
                    NEXT_IS_SPARED_BY_THE_LOADED_FOR
                } else {
                    NEXT_IS_SPARED_FOR
                };
                if since.elapsed() < spared_for {
                    return None;
                }
            }
            _ => {
                *sighting = Some((sibling.index, task, Instant::now()));
                return None;
            }
        }
        // Should the pointer stand for another task by now, at the same address, it is as good.
        sibling
            .next
            .compare_exchange(task.as_ptr(), ptr::null_mut(), Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .inspect(|_| self.counters().steals.add(1))
            .map(|_| Runnable(task))
    }
}
