//! The loop of a worker.
//!
//! One turn runs what was runnable when it began, each once, so that nobody who becomes runnable
//! during the turn overtakes somebody who waited before it (gevent's order, too):
//!
//! 1. the inbox, because wakes from other threads have waited longest,
//! 2. tasks that the tasks of the last turn spawned, before their spawners go on,
//! 3. fibers that can go on, oldest first, because finishing something frees memory; free ones,
//!    which others might come for, before pinned ones,
//! 4. tasks that those fibers spawned,
//! 5. timers and reactor, without waiting, once every `Pace` switches even in the middle of a
//!    turn, so that neither a long turn nor a chatty peer delays deadlines and other sockets,
//! 6. if there was nothing to run: due timers, work of other workers, and last sleep (`hunt`).
//!
//! # Invariants
//!
//! 1. A park is committed after the switch away from the stack: whoever wakes the fiber finds it
//!    ready to be resumed, even on another worker.
//! 2. After `commit_park` has succeeded, or a free fiber was queued, the fiber is not touched.

use super::atomic::Ordering;
use super::clock;
use super::coarse;
use super::fiber::{FiberCoroutine, FiberRef, Header, Lane, Suspend};
use super::killed::Killed;
use super::shared::{self, Runnable};
use super::stack::{SizeClass, Stack};
use super::worker::Worker;
use corosensei::CoroutineResult;
use std::any::Any;
use std::io;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// Stacks whose memory is given back at a look: some 25 µs, so that a worker that is never idle
/// does it too.
const STACKS_SETTLED_AT_A_LOOK: usize = 64;

impl Worker {
    /// Runs until the runtime closes and everything here has ended.
    pub(crate) fn run(self) {
        self.enter(|| match self.shared.simulation() {
            None => self.run_to_end(),
            Some(simulation) => self.simulate(simulation),
        });
        self.reactor.close();
        self.end_loans();
        self.give_places_back(self.spare_places());
        if self.is_spare {
            self.vacate();
        }
        let Worker { shared, index, is_spare, deque, stacks, blocks, .. } = self;
        stacks.into_inner().close(&shared.stacks);
        blocks.into_inner().close();
        if is_spare {
            shared.remotes()[index].put_deque_back(deque);
        }
        shared.worker_ended();
    }

    fn run_to_end(&self) {
        loop {
            // First, so that nobody is resumed once more before he is killed; and what winding up
            // made runnable is run before the worker thinks of sleep.
            if self.shared.is_closing.load(Ordering::Relaxed) && self.wind_up() {
                break;
            }
            match self.turn(usize::MAX) {
                true => self.has_run.set(true),
                false if self.is_spare && self.retires() => break,
                false => self.idle(),
            }
        }
    }

    /// One turn of the loop, with so many of each queue at most. True if it ran somebody.
    #[inline(always)]
    pub(super) fn turn(&self, at_most: usize) -> bool {
        self.drain_inbox();
        // Before those fibers that gave the worker back after they had spawned them.
        let fibers = self.ready.len().min(at_most);
        let free_fibers = self.remote().backlog.len().min(at_most);
        let left_over = self.run_tasks(at_most);
        if free_fibers > 0 {
            // Shorter than it was only if the sentry took it.
            self.run_fibers(free_fibers, || self.pop_backlog().map(|work| work.0));
        }
        if fibers > 0 {
            // Shorter than it was only if a fiber that unwinds took itself out (`park_in_place`).
            self.run_fibers(fibers, || self.ready.pop_front());
        }
        left_over + free_fibers + fibers + self.run_tasks(at_most) > 0
    }

    /// Runs so many of a queue: fibers that go on, as a rule, so what begins and ends a green
    /// thread is apart, and the loop small enough for the registers.
    #[inline(never)]
    fn run_fibers(&self, fibers: usize, next: impl Fn() -> Option<NonNull<Header>>) {
        for _ in 0..fibers {
            let Some(fiber) = next() else { break };
            // SAFETY: it was queued, so it is alive, and this worker has it to itself now.
            if unsafe { &*fiber.as_ref().coroutine.get() }.is_none() {
                self.run_one(fiber);
                continue;
            }
            if self.resume(fiber) {
                self.end_apart(fiber);
            }
            self.count_switch();
        }
    }

    /// Runs the tasks that are there, but none that they spawn. Returns how many.
    fn run_tasks(&self, at_most: usize) -> usize {
        let tasks = self.queued_stealable().min(at_most);
        for _ in 0..tasks {
            let Some(work) = self.pop_stealable() else { break };
            self.run_or_pass_on(work, false);
        }
        tasks
    }

    /// Runs somebody until it waits, yields or ends.
    pub(super) fn run_one(&self, fiber: NonNull<Header>) {
        // SAFETY: it was queued, so it is alive, and this worker has it to itself now.
        let is_started = unsafe { &*fiber.as_ref().coroutine.get() }.is_some();
        if (is_started || self.start(fiber)) && self.resume(fiber) {
            self.end(fiber);
        }
        self.count_switch();
    }

    #[inline(always)]
    fn count_switch(&self) {
        self.measure_slice();
        if self.pulse.count() {
            self.look();
        }
    }

    pub(super) fn pop_stealable(&self) -> Option<Runnable> {
        if let Some(work) = self.deque.pop() {
            return Some(work);
        }
        self.exchange_next(ptr::null_mut())
    }

    /// Looks at timers, reactor and injector in the middle of a turn.
    #[cold]
    fn look(&self) {
        let now = Instant::now();
        self.note_look(now);
        self.pulse.set_time(coarse::now());
        self.fire_timers(clock::now_at(now));
        self.reactor.wait(Some(Duration::ZERO));
        self.drain_inbox();
        if self.remote().muster.is_called() {
            self.answer_muster();
        }
        match self.is_superfluous() {
            true => self.hand_over(),
            false => self.take_some_injected(),
        }
        self.spread();
        self.shared.stacks.settle_unused(STACKS_SETTLED_AT_A_LOOK, now);
    }

    /// Gives a task its stack. False if it does not start: because it was killed, because its time
    /// has not come, or because there is no stack to be had; then it has ended with an error.
    fn start(&self, task: NonNull<Header>) -> bool {
        // SAFETY: alive and ours, as in `run_one`.
        let header = unsafe { task.as_ref() };
        let is_closing = self.shared.is_closing.load(Ordering::Relaxed);
        if header.life.is_killed() || is_closing {
            if is_closing && !header.life.is_killed() {
                // SAFETY: as above; the queue or the list of fibers holds a reference.
                self.shared.leaks.note(&unsafe { FiberRef::share(task) }, false);
            }
            self.end_unstarted(task, Box::new(Killed::new()));
            return false;
        }
        if let Some(at) = header.deadline.get() {
            // That of the timer which ended the delay; what comes later is for its own waits.
            header.life.take_expiry();
            if clock::now() < at {
                self.put_off(header, task, at);
                return false;
            }
            header.deadline.set(None);
        }
        let stack = match self.take_stack(header.stack_class) {
            Ok(stack) => stack,
            Err(error) => {
                // As if it had panicked.
                let payload = Box::new(format!("no stack for the green thread: {error}"));
                self.end_unstarted(task, payload);
                return false;
            }
        };
        if header.lane == Lane::Free {
            match self.blocks.borrow_mut().take() {
                Ok(block) => {
                    header.block.set(Some(block));
                    // SAFETY: a block of the pool.
                    header.own.set(Some(unsafe { block.as_ref() }.pointer()));
                }
                Err(error) => {
                    let payload = format!("no thread-locals for the green thread: {error}");
                    self.put_stack(header.stack_class, stack);
                    self.end_unstarted(task, Box::new(payload));
                    return false;
                }
            }
        }
        let body = TaskPointer(task);
        let extent = stack.range();
        let coroutine = FiberCoroutine::with_stack(stack, move |yielder, ()| {
            let task = body.get();
            // SAFETY: the header lives as long as the fiber.
            unsafe { task.as_ref() }.yielder.set(yielder);
            // SAFETY: this is the start.
            unsafe { Header::run(task, extent) };
        });
        // SAFETY: `fiber` invariant 2.
        unsafe { *header.coroutine.get() = Some(coroutine) };
        self.settle(header, task);
        true
    }

    /// Parks a task until its time has come: it costs a timer here, and no stack. Kills and the
    /// end of the runtime find it as they find a parked fiber.
    #[cold]
    fn put_off(&self, header: &Header, task: NonNull<Header>, until: Instant) {
        self.settle(header, task);
        // At most that of somebody's `Thread::unpark`, which has left its permit, too. Before the
        // timer can fire, which may leave another one.
        header.life.take_token();
        Self::arm(task, header, until);
        if !header.life.commit_park(true) {
            self.push_again(header.lane, task);
        }
    }

    pub(super) fn take_stack(&self, class: SizeClass) -> io::Result<Stack> {
        if class == self.shared.default_class {
            self.stacks.borrow_mut().take(&self.shared.stacks)
        } else {
            self.shared.stacks.take(class)
        }
    }

    pub(super) fn put_stack(&self, class: SizeClass, stack: Stack) {
        if class == self.shared.default_class {
            self.stacks.borrow_mut().put(&self.shared.stacks, stack);
        } else {
            self.shared.stacks.put(stack);
        }
    }

    /// Ends a task that will not start.
    #[cold]
    fn end_unstarted(&self, task: NonNull<Header>, payload: Box<dyn Any + Send>) {
        // SAFETY: unstarted and ours.
        unsafe { Header::discard(task, payload) };
        // SAFETY: alive: the queue has a reference, or the list of those that live here.
        let header = unsafe { task.as_ref() };
        let reference = if header.home.load(Ordering::Relaxed).is_null() {
            // SAFETY: the queue's reference.
            unsafe { FiberRef::from_raw(task) }
        } else {
            self.depart(header)
        };
        self.give_place(reference.header().stack_class);
        shared::finish(reference);
    }

    /// True if the fiber has returned.
    #[inline(always)]
    fn resume(&self, fiber: NonNull<Header>) -> bool {
        // SAFETY: alive: the list of fibers holds a reference until `end`.
        let header = unsafe { fiber.as_ref() };
        self.pulse.enter(fiber);
        self.refill_io_budget();
        // SAFETY: `fiber` invariant 2: nobody else touches the coroutine, and the code that runs
        // inside it does not either.
        let coroutine = unsafe { &mut *header.coroutine.get() };
        let coroutine = coroutine.as_mut().expect("only started fibers are resumed");
        let result = match header.own.get() {
            None => coroutine.resume(()),
            // SAFETY: the fiber's block, and this worker alone has the fiber.
            Some(own) => unsafe { own.resume(self, coroutine) },
        };
        self.pulse.leave();
        // Before a park is committed, after which it may run elsewhere.
        header.since.store(self.pulse.time(), Ordering::Relaxed);
        match result {
            CoroutineResult::Yield(Suspend::Yield) => self.push_again(header.lane, fiber),
            CoroutineResult::Yield(how) => {
                if !header.life.commit_park(how == Suspend::Park) {
                    self.push_again(header.lane, fiber);
                }
            }
            CoroutineResult::Return(()) => return true,
        }
        false
    }

    /// Queues a fiber that has given the worker back, and can go on.
    #[inline]
    fn push_again(&self, lane: Lane, fiber: NonNull<Header>) {
        match lane {
            Lane::Pinned | Lane::Local => self.push_ready(fiber),
            Lane::Free => self.push_yielded(fiber),
        }
    }

    #[inline(never)]
    fn end_apart(&self, fiber: NonNull<Header>) {
        self.end(fiber);
    }

    /// Clears up after a fiber that has returned.
    #[inline(always)]
    fn end(&self, fiber: NonNull<Header>) {
        // SAFETY: alive, as in `resume`.
        let header = unsafe { fiber.as_ref() };
        self.pulse.ended();
        header.own.set(None);
        if let Some(block) = header.block.take() {
            self.blocks.borrow_mut().put(block);
        }
        let reference = self.depart(header);
        debug_assert_eq!(reference.as_raw(), fiber);
        // After that: a part of it was written as the fiber returned, and to read it as a whole
        // would wait for that.
        // SAFETY: `fiber` invariant 2.
        let coroutine = unsafe { (*header.coroutine.get()).take() };
        let stack = coroutine.expect("only started fibers return").into_stack();
        let class = header.stack_class;
        self.put_stack(class, stack);
        self.give_place(class);
        shared::finish(reference);
    }
}

/// Carries the header into the coroutine.
struct TaskPointer(NonNull<Header>);

impl TaskPointer {
    fn get(&self) -> NonNull<Header> {
        self.0
    }
}
