//! A connection: both directions under one lock, who waits for them, and the one loop of all calls.
//!
//! A call is tried under the lock. If it has to wait, its thread queues itself, gives the lock up,
//! parks, takes itself out, and tries again. Whatever could end a wait wakes all who wait for it,
//! so none depends on another that might give up: as with a socket.
//!
//! # Invariants
//!
//! 1. No user code runs under the lock, and nobody is suspended who holds it.
//! 2. Who queues itself has found under the same lock that it has to wait; each change wakes under
//!    the lock whom it concerns. So no wake is missed.

use std::io;
use std::panic::RefUnwindSafe;
use std::time::Instant;

use greenstd_runtime::fd::Interest;
use greenstd_runtime::park::{Outcome, Unparker, park_until, spend_budget, unwind_killed};
use greenstd_runtime::time;
use parking_lot::{Mutex, MutexGuard};

use super::duplex::Link;
use super::pipe::{Attempt, Pipe};
use crate::socket::Mode;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Second,
}

pub(super) struct Connection {
    state: Mutex<State>,
}

pub(super) struct State {
    /// By the side that writes to it.
    pipes: [Pipe; 2],
    readers: [Vec<Unparker>; 2],
    writers: [Vec<Unparker>; 2],
    is_reset: bool,
}

/// It is whole whenever the lock is free, since nothing that can panic runs under it.
impl RefUnwindSafe for Connection {}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }

    /// Who writes to the pipe that this side uses for calls of this direction.
    fn writer(self, interest: Interest) -> Side {
        match interest {
            Interest::Read => self.other(),
            Interest::Write => self,
        }
    }
}

impl Connection {
    /// One of several that are alike, each with draws of its own.
    pub(super) fn new(links: &[Link; 2], number: u64) -> Connection {
        let pipes = [0, 1].map(|side| Pipe::new(&links[side], 2 * number + side as u64));
        let is_reset = pipes.iter().any(Pipe::is_used_up);
        let state = State {
            pipes,
            readers: [Vec::new(), Vec::new()],
            writers: [Vec::new(), Vec::new()],
            is_reset,
        };
        Connection { state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Tries `attempt` until it is done, or once if the mode says so, or the mode's timeout,
    /// counted from here, has passed; blocks the calling thread between the attempts.
    pub(super) fn call(
        &self,
        side: Side,
        interest: Interest,
        mode: &Mode,
        mut attempt: impl FnMut(&mut State, Instant) -> Attempt<io::Result<usize>>,
    ) -> io::Result<usize> {
        // Before the first attempt: what it takes must not be lost if this is where a kill ends it.
        spend_budget();
        // As they are now: a change concerns the calls that come after it.
        let (deadline, is_nonblocking) = (mode.deadline(interest), mode.is_nonblocking());
        loop {
            let mut state = self.lock();
            let now = time::now();
            let until = match attempt(&mut state, now) {
                Attempt::Done(outcome) => return outcome,
                Attempt::Wait(until) => until,
            };
            if is_nonblocking || deadline.is_some_and(|deadline| deadline <= now) {
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
            let caller = Unparker::current();
            state.waiters(side, interest).push(caller.clone());
            drop(state);
            let outcome = park_until(earliest(deadline, until));
            self.lock().waiters(side, interest).retain(|waiter| *waiter != caller);
            if outcome == Outcome::Killed {
                return Err(io::Error::other(unwind_killed()));
            }
        }
    }
}

impl State {
    /// The direction that a side reads, or that it writes.
    pub(super) fn pipe(&mut self, side: Side, interest: Interest) -> &mut Pipe {
        &mut self.pipes[side.writer(interest) as usize]
    }

    /// The error of every call on a connection that was reset.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.is_reset {
            true => Err(io::Error::from_raw_os_error(libc::ECONNRESET)),
            false => Ok(()),
        }
    }

    /// A side has taken bytes out of what it reads.
    pub(super) fn has_read(&mut self, side: Side) {
        if self.pipe(side, Interest::Read).is_used_up() {
            self.reset();
        }
        wake(self.waiters(side.other(), Interest::Write));
    }

    /// A side has put bytes into what it writes, or ended it.
    pub(super) fn has_written(&mut self, side: Side) {
        wake(self.waiters(side.other(), Interest::Read));
    }

    /// A side is going to read, or to write, no more. Calls that are parked for it return, too.
    pub(super) fn shut(&mut self, side: Side, interest: Interest) {
        let now = time::now();
        match interest {
            Interest::Read => self.pipe(side, Interest::Read).refuse(now),
            Interest::Write => self.pipe(side, Interest::Write).end(now),
        }
        self.wake_all();
    }

    /// A side has gone. If it leaves bytes unread the other one is told so, as by the kernel.
    pub(super) fn close(&mut self, side: Side) {
        let now = time::now();
        if self.pipe(side, Interest::Read).len() > 0 {
            self.pipe(side, Interest::Write).end_in_reset(now);
        } else {
            self.pipe(side, Interest::Write).end(now);
        }
        let incoming = self.pipe(side, Interest::Read);
        incoming.refuse(now);
        incoming.lose();
        self.wake_all();
    }

    /// Breaks the connection down: whatever was not read is lost.
    pub(super) fn reset(&mut self) {
        self.is_reset = true;
        self.pipes.iter_mut().for_each(Pipe::lose);
        self.wake_all();
    }

    pub(super) fn wake_all(&mut self) {
        self.readers.iter_mut().chain(&mut self.writers).for_each(wake);
    }

    fn waiters(&mut self, side: Side, interest: Interest) -> &mut Vec<Unparker> {
        match interest {
            Interest::Read => &mut self.readers[side as usize],
            Interest::Write => &mut self.writers[side as usize],
        }
    }
}

fn wake(waiters: &mut Vec<Unparker>) {
    waiters.drain(..).for_each(|waiter| waiter.unpark());
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
