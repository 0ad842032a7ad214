//! `wait_any`: waiting for the first of things of one kind; and points in time, to wait for.

use super::{Outcome, Patience, Waitable};
use crate::park::{Arm, Choice};
use crate::time;
use crate::time::Ticker;
use std::time::{Duration, Instant};

/// Blocks the calling thread until one of `things` gives what it is waited for. Which one it was,
/// counted from 0, and what it gave.
///
/// Things of several types pass as `&dyn Waitable<Output = ()>`. With none it never returns. Works
/// on threads of either kind; a kill and a timeout scope that expires end the wait, and nothing is
/// taken then.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::select;
/// use greenstd_runtime::sync::Semaphore;
///
/// let semaphores = [Semaphore::new(0), Semaphore::new(1)];
/// assert_eq!(select::wait_any(&semaphores), (1, ()));
/// assert!(!semaphores[1].try_acquire());
/// ```
pub fn wait_any<W: Waitable>(things: impl IntoIterator<Item = W>) -> (usize, W::Output) {
    first(things, Patience::Endless).expect("there is no deadline")
}

/// [`wait_any`] for at most `timeout`; `None` if nothing came in time.
pub fn wait_any_timeout<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    timeout: Duration,
) -> Option<(usize, W::Output)> {
    first(things, Patience::For(timeout))
}

/// [`wait_any`] until `deadline` at most; `None` if nothing came in time.
pub fn wait_any_deadline<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    deadline: Instant,
) -> Option<(usize, W::Output)> {
    first(things, Patience::Until(deadline))
}

fn first<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    patience: Patience,
) -> Option<(usize, W::Output)> {
    let things: Vec<W> = things.into_iter().collect();
    let mut outcomes: Vec<_> = things.iter().map(W::arm).collect();
    let mut arms: Vec<&mut dyn Arm> =
        outcomes.iter_mut().map(|outcome| &mut **outcome as &mut dyn Arm).collect();
    let chosen = super::run(&mut arms, patience)?;
    let output = outcomes[chosen].take_output();
    Some((chosen, output.expect("it was chosen, so it has something to tell")))
}

/// A point in time as something to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Instant);

/// A wait that ends once `time` has come.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::select::{self, Waitable};
/// use greenstd_runtime::sync::Semaphore;
/// use std::time::{Duration, Instant};
///
/// let semaphore = Semaphore::new(0);
/// let end = select::at(Instant::now() + Duration::from_millis(3));
/// let things: [&dyn Waitable<Output = ()>; 2] = [&semaphore, &end];
/// assert_eq!(select::wait_any(things), (1, ()));
/// ```
#[must_use]
pub fn at(time: Instant) -> Moment {
    Moment(time)
}

impl Waitable for Moment {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(MomentArm { time: self.0, has_come: false })
    }
}

/// A wait until the next tick is due. It takes no tick: [`try_tick`](Ticker::try_tick) does then.
impl Waitable for Ticker {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(MomentArm { time: self.next_tick(), has_come: false })
    }
}

struct MomentArm {
    time: Instant,
    has_come: bool,
}

impl Arm for MomentArm {
    fn name(&self) -> &'static str {
        "a time"
    }

    fn try_now(&mut self) -> bool {
        self.has_come = self.time <= time::now();
        self.has_come
    }

    fn link(&mut self, _choice: &Choice<'_>) -> bool {
        true
    }

    fn unlink(&mut self) {}

    fn complete(&mut self) {}

    fn deadline(&self) -> Option<Instant> {
        Some(self.time)
    }
}

impl Outcome for MomentArm {
    type Output = ();

    fn take_output(&mut self) -> Option<()> {
        self.has_come.then_some(())
    }
}
