//! Waiting for the first of several things.
//!
//! [`select!`](crate::select!) does one of several operations, whichever can go on first, and
//! [`Select`] does so for a number of them that only the running program knows. [`wait_any`],
//! [`wait_some`] and [`wait_all`] wait for things of one kind: whatever is [`Waitable`].
//!
//! A wait lies in the lines of all its things at once, and takes part in one of them only: where it
//! loses it has taken nothing. If several could go on one is drawn by lot. A receive and a send of
//! one and the same wait never meet each other.
//!
//! The shape is that of Go's `select` and of crossbeam-channel's; `wait_some` is gevent's `wait`.

mod dynamic;
mod ends;
mod line_arm;
mod macros;
mod mapped;
mod ready;
mod several;
mod wait;

use crate::engine;
use crate::park::{self, Reason};
use crate::time;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::dynamic::Select;
pub use self::ready::{Readiness, readable, writable};
pub use self::several::{
    wait_all, wait_all_deadline, wait_all_timeout, wait_some, wait_some_deadline, wait_some_timeout,
};
pub use self::wait::{Moment, at, wait_any, wait_any_deadline, wait_any_timeout};

pub(crate) use self::line_arm::{LineArm, Queued};
pub(crate) use self::mapped::Mapped;
pub(crate) use self::ready::ReadinessArm;

#[doc(hidden)]
pub use crate::channel::{RecvArm, SendArm};
#[doc(hidden)]
pub use crate::engine::{Arm, ArmOutcome as Outcome, Awaitable, Choice};

static SELECT: Reason = Reason("select");

/// Something that a thread can wait for, alone or together with others.
///
/// What a wait gives is what the blocking call of the type gives: a semaphore a permit, a receiver
/// a message. Only the thing that ended the wait gives anything. Handles of green threads and
/// [`AsyncResult`](crate::sync::AsyncResult)s only tell that they are done; what they hold is taken
/// afterwards.
pub trait Waitable {
    /// What a wait gives.
    type Output;

    /// The wait as an arm of a [`select!`](crate::select!). Programs do not call this.
    #[doc(hidden)]
    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = Self::Output> + 'a>;
}

impl<W: Waitable + ?Sized> Waitable for &W {
    type Output = W::Output;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = W::Output> + 'a> {
        W::arm(self)
    }
}

impl<W: Waitable + ?Sized> Waitable for Arc<W> {
    type Output = W::Output;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = W::Output> + 'a> {
        W::arm(self)
    }
}

impl<T> Waitable for crate::channel::Receiver<T> {
    type Output = Result<T, crate::channel::RecvError>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = Self::Output> + 'a> {
        Box::new(RecvArm::new(self))
    }
}

/// How long a `select!` waits.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Without end.
    Endless,
    /// Not at all.
    None,
    /// For so long.
    For(Duration),
    /// Until then.
    Until(Instant),
}

/// What a `select!` does: the number of the arm that went on.
#[doc(hidden)]
#[inline]
pub fn run(arms: &mut [&mut dyn Arm], patience: Patience) -> Option<usize> {
    // An arm that is ready for ever, as that of a disconnected channel is, makes a loop around the
    // select one that never waits; polling does so, too. It gives the worker back now and then.
    park::spend_budget();
    let deadline = match patience {
        Patience::Endless => None,
        Patience::For(timeout) => time::now().checked_add(timeout),
        Patience::Until(deadline) => Some(deadline),
        Patience::None => return engine::choose_now(arms),
    };
    engine::choose(arms, deadline, &SELECT)
}

impl<O: ?Sized + Outcome> Arm for Box<O> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn try_now(&mut self) -> bool {
        (**self).try_now()
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        (**self).link(choice)
    }

    fn unlink(&mut self) {
        (**self).unlink();
    }

    fn complete(&mut self) {
        (**self).complete();
    }

    fn deadline(&self) -> Option<Instant> {
        (**self).deadline()
    }

    fn is_ready(&mut self) -> bool {
        (**self).is_ready()
    }
}

impl<O: ?Sized + Outcome> Outcome for Box<O> {
    type Output = O::Output;

    fn take_output(&mut self) -> Option<O::Output> {
        (**self).take_output()
    }
}
