//! Waiting for the first of several arms, as a thread of either kind.
//!
//! An arm is tried, under the lock of its primitive. If none can go on each of them is linked, and
//! the caller parks until somebody grants one of them. An arm that finds while it is linked that it
//! could go on by now has the others unlinked, and all of them tried again.
//!
//! Where the first try begins is drawn by lot: with several arms that are always ready, each gets
//! its share.

use super::choice;
use super::clock;
use super::limits;
use super::line::{ARMS_AT_MOST, Detail, Detailed, Reason, WaitingFor};
use super::park::{self, Outcome};
use super::wait_list::{List, Ticket};
use super::waiter::Waiter;
use super::worker::Worker;
use std::cell::Cell;
use std::fmt;
use std::thread;
use std::time::Instant;

/// Room of an arm for its place in one line.
pub(crate) type Place<P> = choice::Place<P, Waiter>;

/// One of several things that a thread waits for at once.
///
/// An implementation keeps its `Place`s where they are between `link` and `unlink` or `complete`,
/// and its methods do not panic. Only this crate can make a [`Choice`], so nobody else calls them.
pub trait Arm {
    /// Does what the arm is for, if that is possible at once.
    fn try_now(&mut self) -> bool;

    /// Queues the arm. False, and it is not queued, if it could go on by now.
    fn link(&mut self, choice: &Choice<'_>) -> bool;

    /// Undoes `link`: another arm has won, or nobody has.
    fn unlink(&mut self);

    /// Takes what was granted. All others are unlinked.
    fn complete(&mut self);

    /// When the arm is to be tried again, whatever happens.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// What it is called in reports: the call that it stands for.
    fn name(&self) -> &'static str {
        "an arm"
    }

    /// Whether the arm, which nobody grants but somebody may have woken the caller for, could go
    /// on.
    fn is_ready(&mut self) -> bool {
        false
    }
}

/// An arm that has something to tell when it was chosen.
#[doc(hidden)]
pub trait ArmOutcome: Arm {
    /// What it tells.
    type Output;

    /// What it tells, if it was chosen.
    fn take_output(&mut self) -> Option<Self::Output>;
}

/// The wait that an arm is linked for.
pub struct Choice<'t> {
    ticket: &'t Ticket<Waiter>,
    arm: u32,
}

impl Choice<'_> {
    /// That of a wait for one arm.
    pub(super) fn only(ticket: &Ticket<Waiter>) -> Choice<'_> {
        Choice { ticket, arm: 0 }
    }

    /// Queues a payload at the end of a line, for this arm.
    pub(crate) fn link<P>(&self, place: &mut Place<P>, line: &mut List<P, Waiter>, payload: P) {
        self.link_tagged(place, line, 0, payload);
    }

    /// [`link`](Choice::link) with a tag for the granter to see.
    pub(crate) fn link_tagged<P>(
        &self,
        place: &mut Place<P>,
        line: &mut List<P, Waiter>,
        tag: usize,
        payload: P,
    ) {
        place.link(self.ticket, self.arm, line, tag, payload);
    }

    /// Whether anybody waits in the line but another arm of this wait: no wait meets itself.
    pub(crate) fn has_other<P>(&self, line: &mut List<P, Waiter>) -> bool {
        line.has_other(self.ticket)
    }
}

impl fmt::Debug for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choice").field("arm", &self.arm).finish_non_exhaustive()
    }
}

/// Tries the arms, without waiting. The one that went on.
pub(crate) fn choose_now(arms: &mut [&mut dyn Arm]) -> Option<usize> {
    let first = draw(arms.len());
    let (before, after) = arms.split_at_mut(first);
    let after = after.iter_mut().zip(first..);
    let mut order = after.chain(before.iter_mut().zip(0..));
    order.find_map(|(arm, index)| arm.try_now().then_some(index))
}

/// Blocks the calling thread until an arm has gone on, or `deadline` has passed. The arm.
///
/// A kill and a timeout scope that expires end the wait by unwinding, as in
/// [`line::wait`](super::line::wait); a grant wins over both.
pub(crate) fn choose(
    arms: &mut [&mut dyn Arm],
    deadline: Option<Instant>,
    what: &'static Reason,
) -> Option<usize> {
    loop {
        let chosen = choose_now(arms);
        if chosen.is_some() {
            return chosen;
        }
        if deadline.is_some_and(|deadline| deadline <= clock::now()) {
            return None;
        }
        let chosen = wait_once(arms, deadline, what);
        if chosen.is_some() {
            return chosen;
        }
    }
}

/// Waits until an arm was granted, or all should be tried again.
fn wait_once(
    arms: &mut [&mut dyn Arm],
    deadline: Option<Instant>,
    what: &'static Reason,
) -> Option<usize> {
    let ticket = Ticket::new(Waiter::current());
    let mut linked = 0;
    for arm in arms.iter_mut() {
        // No arm has a number beyond `u32`: each is several words long.
        if !arm.link(&Choice { ticket: &ticket, arm: linked as u32 }) {
            break;
        }
        linked += 1;
    }
    let is_waiting = linked == arms.len();
    let arm_deadlines = arms.iter().filter_map(|arm| arm.deadline());
    let earliest = arm_deadlines.chain(deadline).min();
    let outcome = if is_waiting { park(&ticket, arms, earliest, what) } else { Outcome::Woken };
    let chosen = settle(&ticket);
    for (index, arm) in arms[..linked].iter_mut().enumerate() {
        if chosen != Some(index) {
            arm.unlink();
        }
    }
    match chosen {
        Some(chosen) => arms[chosen].complete(),
        None if outcome == Outcome::Killed => limits::unwind(),
        None => {}
    }
    chosen
}

/// Parks until the wait was granted or has another reason to end.
fn park(
    ticket: &Ticket<Waiter>,
    arms: &mut [&mut dyn Arm],
    deadline: Option<Instant>,
    what: &'static Reason,
) -> Outcome {
    let mut names = ["select"; ARMS_AT_MOST];
    names.iter_mut().zip(&*arms).for_each(|(name, arm)| *name = arm.name());
    let detail = Detail::Arms(names, arms.len());
    let _detailed = Detailed::new(&detail);
    let _waiting = WaitingFor::new(what);
    loop {
        let outcome = if thread::panicking() {
            park::park_shielded(deadline)
        } else {
            park::park_until(deadline)
        };
        let is_over = ticket.granted().is_some() || outcome != Outcome::Woken;
        if is_over || arms.iter_mut().any(|arm| arm.is_ready()) {
            return outcome;
        }
    }
}

/// Gives up, or finds the arm that was granted.
fn settle(ticket: &Ticket<Waiter>) -> Option<usize> {
    let granted = ticket.granted();
    if granted.is_none() && ticket.cancel() {
        return None;
    }
    let mut granted = granted;
    // The granter is at it, and wakes us when he is done.
    while granted.is_none() {
        let _ = park::park_shielded(None);
        granted = ticket.granted();
    }
    granted.map(|arm| arm as usize)
}

/// A number below `count`, or 0.
fn draw(count: usize) -> usize {
    thread_local! {
        /// Of a plain OS thread. A worker has its own, since each free fiber would begin one anew,
        /// and draw what all others draw first.
        static LOT: Lot = const { Lot::new() };
    }
    let state = match Worker::current() {
        Some(worker) => worker.lot.next(),
        None => LOT.try_with(Lot::next).unwrap_or(0),
    };
    (state as usize).wrapping_mul(count) >> 32
}

/// Numbers in no order that matters: Marsaglia's xorshift, scaled to a range by a multiplication.
#[derive(Debug)]
pub(super) struct Lot(Cell<u32>);

impl Lot {
    pub(super) const fn new() -> Lot {
        Lot(Cell::new(0x9E37_79B9))
    }

    /// From a seed.
    pub(super) fn new_at(seed: usize) -> Lot {
        // The generator never leaves zero.
        Lot(Cell::new(seed as u32 | 1))
    }

    fn next(&self) -> u32 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.0.set(x);
        x
    }
}
