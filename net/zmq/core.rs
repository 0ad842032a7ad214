//! What all calls on a socket go through: one lock, one loop, and who else is to be told.
//!
//! libzmq's sockets are not for several threads at once, and its descriptor is edge-triggered: it
//! tells of commands in the socket's mailbox that nobody has looked at, not of messages. So every
//! call is made under the lock of the socket, which is never held across a wait. A call that would
//! block has emptied the mailbox before it says so; whatever comes later, comes with an edge.
//!
//! # Invariants
//!
//! 1. Whoever waits has, under the lock and after the mailbox was emptied, found nothing, and has
//!    left an alarm in the same critical section.
//! 2. A call that may have emptied the mailbox ends by `tell_others`, under the same lock: so an
//!    edge that it has eaten is told to everybody whom it concerns. Without waiters that costs
//!    nothing.
//! 3. All of those are told, not one: who is told might be killed before he looks.
//! 4. A message leaves or enters as a whole, under one hold of the lock.
//!
//! # Orderings
//!
//! libzmq wants a full fence when a socket goes from one OS thread to another. The lock is one: it
//! is given up by a release and taken by an acquire, so all that one thread did happened before.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use greenstd_runtime::fd::{Fd, Interest, wait_for_any};
use greenstd_runtime::park::{self, Unparker};
use greenstd_runtime::poller::PollFlags;
use greenstd_runtime::time;
use parking_lot::{Mutex, MutexGuard};

use super::alarm::{self, Alarm, Waiter};
use super::error::io_error;
use super::{Context, SocketType};
use crate::socket::sys;

/// A socket of libzmq, and who waits for it. The fields are dropped in this order.
pub(super) struct Core {
    /// A duplicate of libzmq's descriptor, so that its number is ours to register and to close.
    pub(super) fd: Fd,
    state: Mutex<State>,
    pub(super) kind: SocketType,
    /// After the socket: the context may end with it.
    pub(super) context: Context,
}

pub(super) struct State {
    pub(super) raw: ::zmq::Socket,
    pub(super) receive_timeout: Option<Duration>,
    pub(super) send_timeout: Option<Duration>,
    waiters: Vec<Waiter>,
    last_number: u64,
}

/// How long a call waits. The clock is read only if it does.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// As the option for receiving, or sending, says.
    Option,
    For(Option<Duration>),
}

impl Core {
    pub(super) fn new(raw: ::zmq::Socket, kind: SocketType, context: Context) -> io::Result<Core> {
        let fd = Fd::new(sys::duplicate(raw.get_fd().map_err(io_error)?)?);
        let state = State {
            raw,
            receive_timeout: None,
            send_timeout: None,
            waiters: Vec::new(),
            last_number: 0,
        };
        Ok(Core { fd, state: Mutex::new(state), kind, context })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Makes a call that never blocks, for its value.
    pub(super) fn with<T>(
        &self,
        call: impl FnOnce(&::zmq::Socket) -> ::zmq::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let outcome = call(&state.raw);
        state.tell_others();
        outcome.map_err(io_error)
    }

    /// Makes a call once, which does not block but says `WouldBlock`.
    pub(super) fn once<T>(
        &self,
        interest: PollFlags,
        mut call: impl FnMut(&::zmq::Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        park::spend_budget();
        self.lock().attempt(interest, &mut call)
    }

    /// Makes a call until it does something else than say `WouldBlock`, and blocks the calling
    /// thread between the attempts. `WouldBlock` when its time is over.
    pub(super) fn retry<T>(
        &self,
        interest: PollFlags,
        patience: Patience,
        mut call: impl FnMut(&::zmq::Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        // Before the call: what it has received must not be lost if a kill ends the thread here.
        park::spend_budget();
        let mut wait = Wait { core: self, number: None, deadline: None };
        loop {
            let mut value = None;
            // The reactor's news are looked at before the call that they are judged by.
            let tried = self.fd.try_bytes(Interest::Read, None, || {
                value = Some(wait.attempt(interest, patience, &mut call)?);
                Ok(1)
            });
            match tried {
                Ok(_) => return Ok(value.expect("a call that went well has a value")),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) => {}
            }
            if !wait.park()? {
                // Once more: a worker that is late finds the time over before it hears of the news.
                return self.lock().attempt(interest, &mut call);
            }
        }
    }

    /// What holds of `asked` now; otherwise leaves an alarm, to be withdrawn by its number.
    pub(super) fn look(
        &self,
        asked: PollFlags,
        alarm: impl FnOnce() -> Alarm,
    ) -> io::Result<Result<PollFlags, u64>> {
        let mut state = self.lock();
        let found = state.look(asked)?;
        Ok(if found.is_empty() { Err(state.enlist(asked, alarm())) } else { Ok(found) })
    }

    /// Takes an alarm back, if it has not rung.
    pub(super) fn withdraw(&self, number: u64) {
        self.lock().waiters.retain(|waiter| waiter.number != number);
    }
}

impl State {
    /// One attempt of a call, after which the mailbox is empty if it would block.
    pub(super) fn attempt<T>(
        &mut self,
        interest: PollFlags,
        call: &mut impl FnMut(&::zmq::Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut outcome = uninterrupted(|| call(&self.raw));
        // A receive empties the mailbox before it gives up; a send looks into it only now and then.
        if interest != PollFlags::IN && would_block(&outcome) && !self.look(interest)?.is_empty() {
            outcome = uninterrupted(|| call(&self.raw));
        }
        self.tell_others();
        outcome
    }

    /// What holds of `asked`. Empties the mailbox, and tells the others what that has brought.
    pub(super) fn look(&mut self, asked: PollFlags) -> io::Result<PollFlags> {
        let events = flags(uninterrupted(|| self.raw.get_events().map_err(io_error))?);
        self.ring(events);
        Ok(events & asked)
    }

    /// Invariant 2.
    fn tell_others(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        // An error is everybody's: all try again, and meet it.
        let events = uninterrupted(|| self.raw.get_events().map_err(io_error));
        self.ring(events.map_or(PollFlags::IN | PollFlags::OUT, flags));
    }

    fn ring(&mut self, events: PollFlags) {
        for waiter in self.waiters.extract_if(.., |waiter| waiter.interest.intersects(events)) {
            waiter.alarm.ring();
        }
    }

    pub(super) fn enlist(&mut self, interest: PollFlags, alarm: Alarm) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        self.waiters.push(Waiter { number, interest, alarm });
        number
    }

    fn is_waiting(&self, number: u64) -> bool {
        self.waiters.iter().any(|waiter| waiter.number == number)
    }
}

/// A call that may have to wait. Takes its alarm back however it ends.
struct Wait<'c> {
    core: &'c Core,
    number: Option<u64>,
    /// `None` until the call first had to wait; then what it is waiting until.
    deadline: Option<Option<Instant>>,
}

impl Wait<'_> {
    /// An attempt that leaves an alarm if it would block.
    fn attempt<T>(
        &mut self,
        interest: PollFlags,
        patience: Patience,
        call: &mut impl FnMut(&::zmq::Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.core.lock();
        // Its own alarm need not ring: it is looking.
        if let Some(number) = self.number.take() {
            state.waiters.retain(|waiter| waiter.number != number);
        }
        let outcome = state.attempt(interest, call);
        if !would_block(&outcome) {
            return outcome;
        }
        self.deadline.get_or_insert_with(|| {
            let timeout = match patience {
                Patience::For(timeout) => timeout,
                Patience::Option if interest == PollFlags::IN => state.receive_timeout,
                Patience::Option => state.send_timeout,
            };
            timeout.and_then(|timeout| time::now().checked_add(timeout))
        });
        let alarm = if park::is_on_green_thread() {
            Alarm::Parked(Unparker::current())
        } else {
            let bell = alarm::own_bell()?;
            alarm::silence(&bell);
            Alarm::Bell(bell)
        };
        self.number = Some(state.enlist(interest, alarm));
        outcome
    }

    /// Blocks until there may be news. False when the time is over.
    fn park(&self) -> io::Result<bool> {
        let deadline = self.deadline.flatten();
        let fd = &self.core.fd;
        if !park::is_on_green_thread() {
            let bell = alarm::own_bell()?;
            return wait_for_any(&[(fd, Interest::Read), (&bell, Interest::Read)], deadline);
        }
        // An alarm ends it too: it unparks.
        match fd.wait(Interest::Read, deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.core.lock();
            if state.is_waiting(number) {
                state.waiters.retain(|waiter| waiter.number != number);
            }
        }
    }
}

/// Makes a call until no signal disturbs it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn would_block<T>(outcome: &io::Result<T>) -> bool {
    matches!(outcome, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

pub(super) fn flags(events: ::zmq::PollEvents) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, events.contains(::zmq::POLLIN));
    flags.set(PollFlags::OUT, events.contains(::zmq::POLLOUT));
    flags
}
