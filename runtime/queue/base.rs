//! What all queues are: a limit, an order, lines of those who wait, and an end.
//!
//! Items go from hand to hand: whoever puts one gives it to the getter who has waited longest, and
//! whoever takes one lets the first putter's item in. Nobody can take it in between, and a waiter
//! that gives up in the same moment finds what it was given.
//!
//! Two things call code of the user in the middle of an operation: looking at an item clones it,
//! and a priority queue compares items. Neither may happen under the lock, and meanwhile nobody may
//! take an item past the one that is looked at. So there is a *turn*: whoever has it may carry the
//! container out of the lock. Others wait for the turn in a line; what is put meanwhile gathers in
//! an empty container. If the user's code unwinds, a guard brings the container back. If it blocks,
//! the others wait for as long, but they can be killed and their deadlines pass. If it uses the
//! same queue, it waits for itself.

use super::error::{PutTimeoutError, TryPutError};
use super::order::Order;
use super::state::{Phase, State, Wish, refuse};
use crate::park::{self, Ask, Line, Reason, Waited, Wakeups};
use crate::park::{Mutex, MutexGuard};
use std::mem;
use std::time::Instant;

static PUT: Reason = Reason("Queue::put");
static GET: Reason = Reason("Queue::get");
static TURN: Reason = Reason("Queue::get (another thread looks at the items)");
static JOIN: Reason = Reason("Queue::join");

/// The capacity of a queue without a limit.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// How a queue is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// What is in the queue is still handed out.
    Draining,
    /// What is in the queue is dropped, and counts as done.
    Immediate,
}

/// A queue, whatever its order.
pub(super) struct Base<T, S> {
    capacity: usize,
    state: Mutex<State<T, S>>,
}

/// How long a getter waits.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    None,
    Until(Option<Instant>),
}

/// Why there is no item.
pub(super) enum Refused {
    /// Nor was there one for as long as the getter would wait.
    Empty,
    ShutDown,
}

/// How a getter has got to an item.
enum Reached<'q, T, S> {
    Item(T),
    /// There is one, and the turn is the caller's.
    Turn(MutexGuard<'q, State<T, S>>),
}

/// The items outside of the lock, in the hands of him whose turn it is.
struct Carried<'q, T, S: Order<T>> {
    queue: &'q Base<T, S>,
    items: S,
}

impl<T, S> Base<T, S> {
    pub(super) const fn new(items: S, capacity: usize) -> Base<T, S> {
        Base { capacity, state: Mutex::new(State::new(items)) }
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.capacity != UNBOUNDED).then_some(self.capacity)
    }

    pub(super) fn unfinished(&self) -> usize {
        self.state.lock().unfinished
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.state.lock().phase != Phase::Open
    }

    /// Counts an item as done. False if all are.
    pub(super) fn task_done(&self) -> bool {
        let mut wakeups = Wakeups::new();
        let mut state = self.state.lock();
        let is_one_left = state.unfinished > 0;
        state.count_done(usize::from(is_one_left), &mut wakeups);
        drop(state);
        drop(wakeups);
        is_one_left
    }

    /// False if the deadline has passed before all items were done.
    pub(super) fn join(&self, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.unfinished == 0 {
            return true;
        }
        let ask = Ask::new(&JOIN, deadline);
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.for_end, (), ask);
        matches!(waited, Waited::Granted(()))
    }
}

impl<T, S: Order<T>> Base<T, S> {
    pub(super) fn len(&self) -> usize {
        self.state.lock().len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.lock().len() >= self.capacity
    }

    pub(super) fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let state = self.state.lock();
        if state.phase != Phase::Open {
            drop(state);
            return Err(TryPutError::ShutDown(item));
        }
        if state.len() >= self.capacity {
            drop(state);
            return Err(TryPutError::Full(item));
        }
        self.accept(state, item);
        Ok(())
    }

    pub(super) fn put(&self, item: T, deadline: Option<Instant>) -> Result<(), PutTimeoutError<T>> {
        let state = self.state.lock();
        if state.phase != Phase::Open {
            drop(state);
            return Err(PutTimeoutError::ShutDown(item));
        }
        if state.len() < self.capacity {
            self.accept(state, item);
            return Ok(());
        }
        let ask = Ask::new(&PUT, deadline);
        match park::wait_in_line(&self.state, state, |state| &mut state.for_room, Some(item), ask) {
            Waited::Granted(None) | Waited::TimedOut(None) => Ok(()),
            Waited::Granted(Some(item)) => Err(PutTimeoutError::ShutDown(item)),
            Waited::TimedOut(Some(item)) => Err(PutTimeoutError::Timeout(item)),
        }
    }

    /// Takes the first item.
    pub(super) fn get(&self, patience: Patience) -> Result<T, Refused> {
        let mut state = match self.reach(|| Wish::Take, patience)? {
            Reached::Item(item) => return Ok(item),
            Reached::Turn(state) => state,
        };
        if S::COMPARES && state.items.len() > 1 {
            let mut carried = self.carry(state);
            let item = carried.items.pop();
            drop(carried);
            return Ok(item.expect("whoever has reached the items finds one"));
        }
        let mut wakeups = Wakeups::new();
        let item = state.items.pop().expect("whoever has reached the items finds one");
        state.pass_turn(self.capacity, &mut wakeups);
        drop(state);
        drop(wakeups);
        Ok(item)
    }

    /// Clones the first item.
    pub(super) fn peek(&self, patience: Patience) -> Result<T, Refused>
    where
        T: Clone,
    {
        match self.reach(|| Wish::Look, patience)? {
            Reached::Item(_) => unreachable!("whoever wants to look is not given the item"),
            Reached::Turn(state) => {
                let mut carried = self.carry(state);
                let item = carried.items.first().cloned();
                drop(carried);
                Ok(item.expect("whoever has reached the items finds one"))
            }
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) {
        let mut wakeups = Wakeups::new();
        let mut dropped = None;
        let mut state = self.state.lock();
        while let Some(((), wakeup)) = state.for_room.grant(|_| ()) {
            wakeups.push(wakeup);
        }
        match how {
            Shutdown::Draining if state.phase == Phase::Ended => {}
            Shutdown::Draining => state.phase = Phase::Draining,
            Shutdown::Immediate => {
                state.phase = Phase::Ended;
                let items = mem::take(&mut state.items);
                state.count_done(items.len(), &mut wakeups);
                dropped = Some(items);
                refuse(&mut state.for_item, &mut wakeups);
                refuse(&mut state.for_turn, &mut wakeups);
            }
        }
        if !mem::replace(&mut state.is_out, true) {
            state.pass_turn(self.capacity, &mut wakeups);
        }
        drop(state);
        drop(wakeups);
        drop(dropped);
    }

    fn accept(&self, mut state: MutexGuard<'_, State<T, S>>, item: T) {
        let mut wakeups = Wakeups::new();
        state.push(item);
        if !mem::replace(&mut state.is_out, true) {
            state.pass_turn(self.capacity, &mut wakeups);
        }
        drop(state);
        drop(wakeups);
    }

    /// Waits for an item, or for the turn with an item to be had.
    fn reach(
        &self,
        wish: impl Fn() -> Wish<T>,
        patience: Patience,
    ) -> Result<Reached<'_, T, S>, Refused> {
        let deadline = match patience {
            Patience::None => None,
            Patience::Until(deadline) => deadline,
        };
        let mut state = self.state.lock();
        if mem::replace(&mut state.is_out, true) {
            let ask = Ask::new(&TURN, deadline);
            state = match self.wait(state, |state| &mut state.for_turn, wish(), ask)? {
                Reached::Turn(state) => state,
                item => return Ok(item),
            };
        }
        loop {
            // The turn is ours, and nothing is carried.
            if state.items.len() > 0 {
                return Ok(Reached::Turn(state));
            }
            let mut wakeups = Wakeups::new();
            state.pass_turn(self.capacity, &mut wakeups);
            let refused = match patience {
                _ if state.phase != Phase::Open => Some(Refused::ShutDown),
                Patience::None => Some(Refused::Empty),
                Patience::Until(_) => None,
            };
            if let Some(refused) = refused {
                drop(state);
                drop(wakeups);
                return Err(refused);
            }
            // Under the lock, for once: the wait gives it up when it is too late.
            drop(wakeups);
            let ask = Ask::new(&GET, deadline);
            state = match self.wait(state, |state| &mut state.for_item, wish(), ask)? {
                Reached::Turn(state) => state,
                item => return Ok(item),
            };
        }
    }

    fn wait<'q>(
        &'q self,
        state: MutexGuard<'q, State<T, S>>,
        line: impl Fn(&mut State<T, S>) -> &mut Line<Wish<T>>,
        wish: Wish<T>,
        ask: Ask,
    ) -> Result<Reached<'q, T, S>, Refused> {
        match park::wait_in_line(&self.state, state, line, wish, ask) {
            Waited::Granted(Wish::Item(item)) => Ok(Reached::Item(item)),
            Waited::Granted(Wish::Turn) => Ok(Reached::Turn(self.state.lock())),
            Waited::Granted(_) => Err(Refused::ShutDown),
            Waited::TimedOut(_) => Err(Refused::Empty),
        }
    }

    /// Carries the items out of the lock. The turn is the caller's, and is passed on when he drops
    /// what is returned.
    fn carry(&self, mut state: MutexGuard<'_, State<T, S>>) -> Carried<'_, T, S> {
        let items = mem::take(&mut state.items);
        state.carried = items.len();
        Carried { queue: self, items }
    }
}

impl<T, S: Order<T>> Drop for Carried<'_, T, S> {
    fn drop(&mut self) {
        let mut wakeups = Wakeups::new();
        let mut state = self.queue.state.lock();
        state.carried = 0;
        if state.phase == Phase::Ended {
            // Dropped with this guard, after the lock.
            state.count_done(self.items.len(), &mut wakeups);
        } else {
            let later = mem::replace(&mut state.items, mem::take(&mut self.items));
            state.items.append(later);
        }
        state.pass_turn(self.queue.capacity, &mut wakeups);
        drop(state);
        drop(wakeups);
    }
}
