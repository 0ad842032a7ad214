//! `wait_all` and `wait_some`: waiting for several of things of one kind.
//!
//! All that are left are looked at in their order, and if too few of them could go on the caller
//! waits for the first of them to come. So what has come between two looks is in the order of the
//! things, and else in the order in which it came.

use super::{Outcome, SELECT, Waitable, wait_any};
use crate::engine;
use crate::park::{self, Arm};
use crate::time;
use std::time::{Duration, Instant};

/// Blocks the calling thread until each of `things` has given what it is waited for; all that, in
/// their order.
///
/// As [`wait_any`] otherwise. What was given before the wait is ended by a kill or a timeout scope
/// is dropped: a permit that was taken is not given back.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{channel, select, thread};
///
/// let (receivers, workers): (Vec<_>, Vec<_>) = (0..3)
///     .map(|n| {
///         let (sender, receiver) = channel::rendezvous();
///         (receiver, thread::spawn(move || sender.send(n * n).unwrap()))
///     })
///     .unzip();
/// assert_eq!(select::wait_all(&receivers), [Ok(0), Ok(1), Ok(4)]);
/// workers.into_iter().for_each(|worker| worker.join().unwrap());
/// ```
pub fn wait_all<W: Waitable>(things: impl IntoIterator<Item = W>) -> Vec<W::Output> {
    // One after another: what comes early keeps.
    things.into_iter().map(|thing| wait_any([thing]).1).collect()
}

/// [`wait_all`] for at most `timeout`: what was given in time, in the order in which it came, each
/// with the number of its thing.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{select, thread};
/// use std::time::Duration;
///
/// let endless = thread::spawn(thread::park);
/// let quick = thread::spawn(|| ());
/// let ended = select::wait_all_timeout([&endless, &quick], Duration::from_millis(20));
/// assert_eq!(ended, [(1, ())]);
/// ```
pub fn wait_all_timeout<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    timeout: Duration,
) -> Vec<(usize, W::Output)> {
    several(things, usize::MAX, time::now().checked_add(timeout))
}

/// [`wait_all_timeout`] until `deadline`.
pub fn wait_all_deadline<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    deadline: Instant,
) -> Vec<(usize, W::Output)> {
    several(things, usize::MAX, Some(deadline))
}

/// Blocks the calling thread until `count` of `things`, or all if they are fewer, have given what
/// they are waited for; that, in the order in which it came, each with the number of its thing.
///
/// Of those that could go on at once the first in their order are taken; the others have given
/// nothing. Each wake-up looks at all that are left: for the ends of many green threads there is
/// [`join_all`](crate::thread::join_all). Works on threads of either kind. What was given before
/// the wait is ended by a kill or a timeout scope is dropped. As gevent's `wait(objects, count=…)`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::select;
/// use greenstd_runtime::sync::Event;
///
/// let events = [const { Event::new() }; 3];
/// events[0].set();
/// events[2].set();
/// assert_eq!(select::wait_some(&events, 2), [(0, ()), (2, ())]);
/// ```
pub fn wait_some<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    count: usize,
) -> Vec<(usize, W::Output)> {
    several(things, count, None)
}

/// [`wait_some`] for at most `timeout`: what was given in time, which may be nothing.
pub fn wait_some_timeout<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    count: usize,
    timeout: Duration,
) -> Vec<(usize, W::Output)> {
    several(things, count, time::now().checked_add(timeout))
}

/// [`wait_some_timeout`] until `deadline`.
pub fn wait_some_deadline<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    count: usize,
    deadline: Instant,
) -> Vec<(usize, W::Output)> {
    several(things, count, Some(deadline))
}

fn several<W: Waitable>(
    things: impl IntoIterator<Item = W>,
    count: usize,
    deadline: Option<Instant>,
) -> Vec<(usize, W::Output)> {
    let things: Vec<W> = things.into_iter().collect();
    let mut left: Vec<_> = things.iter().map(W::arm).enumerate().collect();
    let count = count.min(left.len());
    let mut given = Vec::with_capacity(count);
    park::spend_budget();
    loop {
        left.retain_mut(|(number, outcome)| {
            let is_given = given.len() < count && outcome.try_now();
            if is_given {
                given.push((*number, output(&mut **outcome)));
            }
            !is_given
        });
        if given.len() == count {
            return given;
        }
        let mut arms: Vec<&mut dyn Arm> =
            left.iter_mut().map(|(_, outcome)| &mut **outcome as &mut dyn Arm).collect();
        let Some(chosen) = engine::choose(&mut arms, deadline, &SELECT) else { return given };
        let (number, mut outcome) = left.remove(chosen);
        given.push((number, output(&mut *outcome)));
    }
}

/// What an arm tells that was chosen.
fn output<O>(outcome: &mut (dyn Outcome<Output = O> + '_)) -> O {
    outcome.take_output().expect("it was chosen, so it has something to tell")
}
