//! Simulated runtimes, for tests: one worker, an order drawn by lot, and a clock that jumps.
//!
//! The worker has another loop than the usual one (`cycle`): all that is runnable lies in one
//! queue, out of which each turn draws one. The numbers drawn come from a seed, so the order is
//! that of the seed for as long as nothing from outside takes part. When nobody is left to run:
//!
//! 1. events that have come are handed out, without waiting,
//! 2. who waits for all others to wait ([`settle`]) goes on,
//! 3. if nothing outside could wake anybody, the clock jumps to the next deadline,
//! 4. if something could (somebody waits for a descriptor, or work is under way outside) the
//!    worker waits for it, and the clock goes on as fast as the system's, up to the next deadline,
//! 5. if there is neither, every green thread waits for ever; the runtime is closed, and whoever
//!    waits in `run` is told, as by the deadlock detector. Some time later, in case that an OS
//!    thread that nobody knows is about to wake somebody.
//!
//! # Invariants
//!
//! 1. There is one worker and no spare one: its loop has all fibers and timers to itself.
//! 2. The clock stands still while somebody runs. It never passes a deadline that was not fired.
//! 3. Work under way outside is asked for before events and mail are looked at: a wake comes before
//!    the work that it was ends.

use super::atomic::{AtomicU64, Mutex, Ordering};
use super::clock::VirtualClock;
use super::fiber::Header;
use super::line::{self, Ask, Line, Reason};
use super::living::LivingThread;
use super::outside;
use super::worker::Worker;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

static SETTLE: Reason = Reason("test::settle");

/// How long nothing happens before a runtime in which nobody can go on counts as deadlocked: as
/// long as the deadlock detector waits.
const DEADLOCKED_AFTER: Duration = Duration::from_millis(100);

/// How soon the worker looks again whether work outside has ended, which wakes nobody if it was
/// for somebody else. The only wake-ups that come periodically, and in tests only.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// Turns after which [`settle_at_last`] takes those who are still runnable for endless.
const PATIENCE_TURNS: u64 = 100_000;

/// What a simulated runtime has beyond others.
#[derive(Debug)]
pub(super) struct Simulation {
    pub(super) clock: VirtualClock,
    /// The state of the generator. Relaxed: the worker alone draws.
    lot: AtomicU64,
    settling: Mutex<Line<()>>,
    /// Turns until those who settle go on in any case. Relaxed: worker only.
    patience_turns: AtomicU64,
}

impl Simulation {
    pub(super) fn new(seed: u64) -> Simulation {
        Simulation {
            clock: VirtualClock::new(),
            lot: AtomicU64::new(seed),
            settling: Mutex::new(Line::new()),
            patience_turns: AtomicU64::new(u64::MAX),
        }
    }

    /// A number below `bound`: the splitmix generator of Steele, Lea and Flood.
    pub(super) fn draw(&self, bound: usize) -> usize {
        let state = self.lot.load(Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.lot.store(state, Ordering::Relaxed);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }

    /// Lets those go on who wait for all others to wait. False if there are none.
    fn let_settled_go(&self) -> bool {
        self.patience_turns.store(u64::MAX, Ordering::Relaxed);
        let mut settling = self.settling.lock();
        let is_somebody_there = !settling.is_empty();
        line::grant_each(&self.settling, settling, |line| Some(line.grant(|()| ())?.1));
        is_somebody_there
    }

    fn settle(&self) {
        let settling = self.settling.lock();
        let ask = Ask::new(&SETTLE, None);
        let _ = line::wait(&self.settling, settling, |line| line, (), ask);
    }
}

/// Blocks the calling green thread until all others of its runtime wait. False if it is not one of
/// a simulated runtime.
pub(crate) fn settle() -> bool {
    let Some((worker, _)) = Worker::on_fiber() else { return false };
    let Some(simulation) = worker.shared().simulation() else { return false };
    simulation.settle();
    true
}

/// [`settle`] for one who ends, and lets others have so many turns. Who is alive then, but for the
/// caller.
pub(crate) fn settle_at_last() -> Vec<LivingThread> {
    let current = || Worker::on_fiber().expect("the main green thread runs on the worker");
    let shared = current().0.shared();
    let simulation = shared.simulation().expect("its runtime is simulated");
    simulation.patience_turns.store(PATIENCE_TURNS, Ordering::Relaxed);
    simulation.settle();
    let (worker, fiber) = current();
    worker.gather();
    let mut living = worker.living();
    // SAFETY: the calling fiber runs.
    let id = unsafe { fiber.as_ref() }.id;
    living.retain(|thread| thread.id().number() != id);
    living
}

impl Worker {
    /// The loop of a worker in a simulated runtime.
    pub(super) fn simulate(&self, simulation: &Simulation) {
        loop {
            if self.shared.is_closing.load(Ordering::Relaxed) && self.wind_up() {
                break;
            }
            match self.turn_by_lot(simulation) {
                true => self.has_run.set(true),
                false => self.idle_in_simulation(simulation),
            }
        }
    }

    /// Runs one of those that can go on. False if there are none.
    fn turn_by_lot(&self, simulation: &Simulation) -> bool {
        // A deadline that had passed when the wait began.
        self.fire_due_timers();
        self.gather();
        if self.ready.is_empty() {
            return false;
        }
        self.ready.bring_forward(simulation.draw(self.ready.len()));
        let fiber = self.ready.pop_front().expect("it is not empty");
        self.run_one(fiber);
        let turns = simulation.patience_turns.load(Ordering::Relaxed);
        if turns < u64::MAX {
            simulation.patience_turns.store(turns.saturating_sub(1), Ordering::Relaxed);
            if turns == 0 {
                simulation.let_settled_go();
            }
        }
        true
    }

    /// Brings all that can go on into one queue.
    fn gather(&self) {
        self.drain_inbox();
        let next = || self.pop_stealable().or_else(|| self.pop_backlog());
        while let Some(work) = next().or_else(|| self.take_injected()) {
            self.push_ready(work.0);
        }
    }

    fn idle_in_simulation(&self, simulation: &Simulation) {
        self.reactor.wait(Some(Duration::ZERO));
        self.gather();
        if self.ready.is_empty() && !simulation.let_settled_go() {
            self.sleep(false);
        }
    }

    /// What the worker does in place of a sleep until the next timer, once it counts as sleeping:
    /// points 3 to 5 of the module head. May return early.
    pub(super) fn let_time_pass(&self, simulation: &Simulation) {
        let clock = &simulation.clock;
        // Invariant 3.
        let is_work_under_way = outside::is_work_under_way();
        self.reactor.wait(Some(Duration::ZERO));
        if self.reactor.take_told() > 0 || !self.remote().inbox.is_away() {
            return;
        }
        if !is_work_under_way && !self.reactor.handle().lock_table().has_waiters() {
            if !self.jump(clock) {
                self.wait_for_strangers();
            }
            return;
        }
        let next = self.next_timer().filter(|next| clock.reaches(*next));
        let left = next.map(|next| next.saturating_duration_since(clock.now()));
        let look_again = is_work_under_way.then_some(LOOK_AGAIN_AFTER);
        let start = Instant::now();
        self.reactor.wait([left, look_again].into_iter().flatten().min());
        let passed = start.elapsed();
        // Invariant 2.
        clock.advance_to(clock.now() + left.map_or(passed, |left| passed.min(left)));
    }

    /// Sets the clock to the next deadline, and wakes whose it is. False if there is none.
    fn jump(&self, clock: &VirtualClock) -> bool {
        // What comes up first may be a deadline that somebody has given up: that is no time to
        // jump to.
        while let Some(next) = self.next_timer().filter(|next| clock.reaches(*next)) {
            if self.fire_timers(next) {
                clock.advance_to(next);
                return true;
            }
        }
        false
    }

    /// Nobody can go on: waits a while for an OS thread that nobody knows, then says so.
    fn wait_for_strangers(&self) {
        let start = Instant::now();
        self.reactor.wait(Some(DEADLOCKED_AFTER));
        if start.elapsed() >= DEADLOCKED_AFTER && self.remote().inbox.is_away() {
            self.tell_deadlock();
        }
    }

    /// Those who live here, oldest first.
    pub(super) fn living(&self) -> Vec<LivingThread> {
        let mut living = Vec::new();
        // Nobody else is at the list: this is the only worker (invariant 1).
        self.remote().for_each_fiber(|fiber| {
            living.push(LivingThread::new(fiber.header(), fiber.header().has_begun()));
        });
        self.ready.for_each(|fiber: NonNull<Header>| {
            // SAFETY: what is queued is alive.
            let header = unsafe { fiber.as_ref() };
            // Who has a home is in the list already.
            if header.home.load(Ordering::Relaxed).is_null() {
                living.push(LivingThread::new(header, false));
            }
        });
        living.sort_unstable_by_key(|thread| thread.id().number());
        living
    }
}
