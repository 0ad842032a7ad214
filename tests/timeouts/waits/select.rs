//! Waits for the first of several things, or for several.

use super::{AGES, Wait, plain, wait};
use greenstd::channel;
use greenstd::select::{self, Select};
use greenstd::sync::{Event, Semaphore};
use std::time::{Duration, Instant};

pub const WAITS: &[Wait] = &[
    wait(
        "select!",
        || assert!(!first_of_all(None), "none comes first"),
        |time| first_of_all(Some(time)),
    ),
    wait(
        "Select::wait",
        || with_select(|select| select.wait()),
        |time| {
            let mut is_timed_out = false;
            with_select(|select| is_timed_out = select.wait_timeout(time).is_none());
            is_timed_out
        },
    ),
    plain("Select::wait without operations", || Select::new().wait()),
    wait(
        "wait_any",
        || assert_eq!(select::wait_any([Semaphore::new(0)]), (1, ())),
        |time| select::wait_any_timeout([Semaphore::new(0)], time).is_none(),
    ),
    wait(
        "wait_all",
        || assert_eq!(select::wait_all(one_of_two()), []),
        |time| select::wait_all_timeout(one_of_two(), time) == [(1, ())],
    ),
    wait(
        "wait_some",
        || assert_eq!(select::wait_some(one_of_two(), 2), []),
        |time| select::wait_some_timeout(one_of_two(), 2, time) == [(1, ())],
    ),
    plain("wait_any of a moment", || {
        select::wait_any([select::at(Instant::now() + AGES)]);
    }),
];

fn first_of_all(timeout: Option<Duration>) -> bool {
    let (sender, receiver) = channel::rendezvous::<i32>();
    let (full, _others) = channel::bounded(0);
    let (event, semaphore) = (Event::new(), Semaphore::new(0));
    let (pipe, _writer) = std::io::pipe().unwrap();
    let is_over = greenstd::select! {
        recv(receiver) -> _ => false,
        send(full, 1) -> _ => false,
        wait(event) => false,
        wait(semaphore) => false,
        wait(select::readable(&pipe)) -> _ => false,
        default(timeout.unwrap_or(AGES)) => true,
    };
    drop(sender);
    is_over
}

fn with_select(wait: impl FnOnce(&mut Select<'_, ()>)) {
    let (_sender, receiver) = channel::unbounded::<()>();
    let semaphore = Semaphore::new(0);
    let mut select = Select::new();
    select.recv(&receiver, |_| ()).wait_for(&semaphore, |()| ());
    wait(&mut select);
}

fn one_of_two() -> [Event; 2] {
    let events = [const { Event::new() }; 2];
    events[1].set();
    events
}
