//! What the two sides of a channel share: the buffer, who waits, and who is gone.
//!
//! # Invariants
//!
//! 1. A receiver waits only while the buffer is empty and no sender waits; a sender only while the
//!    buffer is full. Two arms of one and the same select are the exception: they never meet.
//! 2. What waits with a sender is younger than all that is in the buffer.
//! 3. Once a side is gone nobody waits on the other one, and nobody begins to.
//! 4. The buffer has a message more than its capacity only for a future that was dropped after it
//!    was granted one (`give_back`).
//! 5. A message is dropped, and a thread is woken, after the lock was given up.

use super::errors::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited, Wakeup};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The capacity of a channel that has no limit.
pub(super) const UNBOUNDED: usize = usize::MAX;

static SEND: Reason = Reason("Sender::send");
static RECV: Reason = Reason("Receiver::recv");

/// What the sides share.
pub(crate) struct Core<T> {
    pub(super) state: Mutex<State<T>>,
    capacity: usize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

pub(super) struct State<T> {
    items: VecDeque<T>,
    /// With the message, which is gone once it was granted. If it is still there, all receivers
    /// are gone.
    pub(super) sending: Line<Option<T>>,
    /// With a place for a message. If it was granted empty, all senders are gone.
    pub(super) receiving: Line<Option<T>>,
    pub(super) has_senders: bool,
    pub(super) has_receivers: bool,
}

impl<T> Core<T> {
    /// With one sender and one receiver.
    pub(crate) fn new(capacity: usize) -> Core<T> {
        Core {
            state: Mutex::new(State {
                items: VecDeque::new(),
                sending: Line::new(),
                receiving: Line::new(),
                has_senders: true,
                has_receivers: true,
            }),
            capacity,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    #[inline]
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        let outcome = state.offer(message, self.capacity);
        drop(state);
        outcome.map(drop)
    }

    /// `None` waits without end.
    #[inline]
    pub(crate) fn send(
        &self,
        message: T,
        deadline: Option<Instant>,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut state = self.state.lock();
        let message = match state.offer(message, self.capacity) {
            Ok(wakeup) => {
                drop(state);
                drop(wakeup);
                return Ok(());
            }
            Err(TrySendError::Full(message)) => message,
            Err(TrySendError::Disconnected(message)) => {
                return Err(SendTimeoutError::Disconnected(message));
            }
        };
        let ask = Ask::new(&SEND, deadline);
        match park::wait_in_line(&self.state, state, |s| &mut s.sending, Some(message), ask) {
            Waited::Granted(None) => Ok(()),
            Waited::Granted(Some(message)) => Err(SendTimeoutError::Disconnected(message)),
            Waited::TimedOut(message) => {
                let message = message.expect("only a grant takes the message");
                Err(SendTimeoutError::Timeout(message))
            }
        }
    }

    #[inline]
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let taken = state.take(self.capacity);
        drop(state);
        taken.map(|(message, _wakeup)| message)
    }

    /// `None` waits without end.
    #[inline]
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut state = self.state.lock();
        match state.take(self.capacity) {
            Ok((message, wakeup)) => {
                drop(state);
                drop(wakeup);
                return Ok(message);
            }
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        let ask = Ask::new(&RECV, deadline);
        match park::wait_in_line(&self.state, state, |s| &mut s.receiving, None, ask) {
            Waited::Granted(message) => message.ok_or(RecvTimeoutError::Disconnected),
            Waited::TimedOut(_) => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Takes a message back that was granted to a receiver who will not have it: it is the oldest.
    pub(super) fn give_back(&self, message: T) {
        let mut message = Some(message);
        let mut state = self.state.lock();
        let granted = state.receiving.grant(|place| *place = message.take());
        // Its sender was told that it has arrived, so there is room for it in any case.
        if let Some(message) = message {
            state.items.push_front(message);
        }
        drop(state);
        drop(granted);
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().items.len() >= self.capacity
    }

    pub(crate) fn has_room(&self, state: &State<T>) -> bool {
        state.items.len() < self.capacity
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        (self.capacity != UNBOUNDED).then_some(self.capacity)
    }

    /// Counts another sender. Relaxed, as in `Arc`: it is made from one that is there.
    pub(crate) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_receiver(&self) {
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells the receivers, after the last sender, that nothing more will come. The lock orders
    /// what the senders did before it.
    pub(crate) fn drop_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut state = self.state.lock();
        state.has_senders = false;
        let told = tell_all(&mut state.receiving);
        drop(state);
        drop(told);
    }

    /// Gives the waiting senders, after the last receiver, their messages back, and drops those in
    /// the buffer.
    pub(crate) fn drop_receiver(&self) {
        if self.receivers.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut state = self.state.lock();
        state.has_receivers = false;
        let told = tell_all(&mut state.sending);
        let discarded = mem::take(&mut state.items);
        drop(state);
        drop(told);
        drop(discarded);
    }
}

/// Grants everybody's wait and leaves the payloads as they are.
fn tell_all<P>(line: &mut Line<P>) -> Vec<Wakeup> {
    std::iter::from_fn(|| line.grant(|_| ())).map(|((), wakeup)| wakeup).collect()
}

impl<T> State<T> {
    /// Hands a message to the first receiver that waits, or puts it into the buffer.
    #[inline]
    fn offer(&mut self, message: T, capacity: usize) -> Result<Option<Wakeup>, TrySendError<T>> {
        if !self.has_receivers {
            return Err(TrySendError::Disconnected(message));
        }
        let mut message = Some(message);
        if let Some(((), wakeup)) = self.receiving.grant(|place| *place = message.take()) {
            return Ok(Some(wakeup));
        }
        let message = message.expect("nobody was there to take it");
        if self.items.len() >= capacity {
            return Err(TrySendError::Full(message));
        }
        self.items.push_back(message);
        Ok(None)
    }

    /// Takes the oldest message, and lets the first sender that waits put its own in the place.
    #[inline]
    fn take(&mut self, capacity: usize) -> Result<(T, Option<Wakeup>), TryRecvError> {
        if let Some(message) = self.items.pop_front() {
            // None if the message was one too many, or its place is no place in a rendezvous.
            let has_room = self.items.len() < capacity;
            let granted = has_room.then(|| self.sending.grant(Option::take)).flatten();
            let wakeup = granted.map(|(next, wakeup)| {
                self.items.extend(next);
                wakeup
            });
            return Ok((message, wakeup));
        }
        if let Some((message, wakeup)) = self.sending.grant(Option::take) {
            return Ok((message.expect("a waiting sender has its message"), Some(wakeup)));
        }
        Err(if self.has_senders { TryRecvError::Empty } else { TryRecvError::Disconnected })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<T> fmt::Debug for Core<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
