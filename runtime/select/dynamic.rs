//! `Select`: operations that are put together while the program runs.

use super::{Outcome, Patience, RecvArm, SendArm, Waitable};
use crate::channel::{Receiver, RecvError, SendError, Sender};
use crate::park::{Arm, Choice};
use std::fmt;
use std::time::{Duration, Instant};

/// A list of operations, of which each wait does one, and what is to be done afterwards.
///
/// As [`select!`](crate::select!), for a number of operations that is known only when the program
/// runs. It can be waited for again and again: receives and things to wait for stay in it; a send
/// has one message, and is never chosen again once that is gone.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::channel;
/// use greenstd_runtime::select::Select;
///
/// let channels: Vec<_> = (0..3).map(|_| channel::unbounded()).collect();
/// channels[2].0.send("hello").unwrap();
/// let mut select = Select::new();
/// for (number, (_, receiver)) in channels.iter().enumerate() {
///     select.recv(receiver, move |message| (number, message));
/// }
/// assert_eq!(select.wait(), (2, Ok("hello")));
/// ```
pub struct Select<'a, R> {
    cases: Vec<Box<dyn Case<R> + 'a>>,
}

/// An arm, and what is done when it was chosen.
trait Case<R>: Arm {
    fn finish(&mut self) -> R;
}

struct Then<O, F> {
    outcome: O,
    then: F,
}

impl<'a, R> Select<'a, R> {
    /// Makes a list without operations. A wait for it never ends.
    #[must_use]
    pub const fn new() -> Select<'a, R> {
        Select { cases: Vec::new() }
    }

    /// Adds a receive. `then` makes the result of a wait of what was received.
    pub fn recv<T>(
        &mut self,
        receiver: &'a Receiver<T>,
        then: impl FnMut(Result<T, RecvError>) -> R + 'a,
    ) -> &mut Self {
        self.add(RecvArm::new(receiver), then)
    }

    /// Adds a send. A message that was not sent is dropped with the list.
    pub fn send<T>(
        &mut self,
        sender: &'a Sender<T>,
        message: T,
        then: impl FnMut(Result<(), SendError<T>>) -> R + 'a,
    ) -> &mut Self
    where
        T: 'a,
    {
        self.add(SendArm::new(sender, message), then)
    }

    /// Adds a send. A message that was not sent is back in `owner` when the list is dropped;
    /// without a message the send is never chosen.
    pub fn send_from<T>(
        &mut self,
        sender: &'a Sender<T>,
        owner: &'a mut Option<T>,
        then: impl FnMut(Result<(), SendError<T>>) -> R + 'a,
    ) -> &mut Self {
        self.add(SendArm::from(sender, owner), then)
    }

    /// Adds something to wait for.
    pub fn wait_for<W: Waitable + ?Sized>(
        &mut self,
        thing: &'a W,
        then: impl FnMut(W::Output) -> R + 'a,
    ) -> &mut Self
    where
        W::Output: 'a,
    {
        self.add(thing.arm(), then)
    }

    /// Blocks the calling thread until one of the operations was done; what its function makes of
    /// it.
    ///
    /// Works on threads of either kind. A kill and a timeout scope that expires end the wait, and
    /// nothing is done then.
    pub fn wait(&mut self) -> R {
        self.run(Patience::Endless).expect("there is no deadline")
    }

    /// Does one of the operations if that is possible without waiting.
    pub fn try_now(&mut self) -> Option<R> {
        self.run(Patience::None)
    }

    /// [`wait`](Select::wait) for at most `timeout`; `None` if nothing could go on in time.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<R> {
        self.run(Patience::For(timeout))
    }

    /// [`wait`](Select::wait) until `deadline` at most; `None` if nothing could go on in time.
    pub fn wait_deadline(&mut self, deadline: Instant) -> Option<R> {
        self.run(Patience::Until(deadline))
    }

    fn add<O: Outcome + 'a>(
        &mut self,
        outcome: O,
        then: impl FnMut(O::Output) -> R + 'a,
    ) -> &mut Self {
        self.cases.push(Box::new(Then { outcome, then }));
        self
    }

    fn run(&mut self, patience: Patience) -> Option<R> {
        let mut arms: Vec<&mut dyn Arm> =
            self.cases.iter_mut().map(|case| &mut **case as &mut dyn Arm).collect();
        let chosen = super::run(&mut arms, patience)?;
        Some(self.cases[chosen].finish())
    }
}

impl<R> Default for Select<'_, R> {
    fn default() -> Self {
        Select::new()
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("operations", &self.cases.len()).finish()
    }
}

impl<R, O: Outcome, F: FnMut(O::Output) -> R> Case<R> for Then<O, F> {
    fn finish(&mut self) -> R {
        let output =
            self.outcome.take_output().expect("it was chosen, so it has something to tell");
        (self.then)(output)
    }
}

impl<O: Outcome, F> Arm for Then<O, F> {
    fn name(&self) -> &'static str {
        self.outcome.name()
    }

    fn try_now(&mut self) -> bool {
        self.outcome.try_now()
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        self.outcome.link(choice)
    }

    fn unlink(&mut self) {
        self.outcome.unlink();
    }

    fn complete(&mut self) {
        self.outcome.complete();
    }

    fn deadline(&self) -> Option<Instant> {
        self.outcome.deadline()
    }

    fn is_ready(&mut self) -> bool {
        self.outcome.is_ready()
    }
}
