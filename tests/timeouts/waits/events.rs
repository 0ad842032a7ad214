//! Semaphores, events, results to come, wait groups.

use super::{Wait, plain, wait};
use greenstd::sync::{AsyncResult, BoundedSemaphore, Event, GetError, Semaphore, WaitGroup};

pub const WAITS: &[Wait] = &[
    wait(
        "Semaphore::acquire",
        || Semaphore::new(0).acquire(),
        |time| !Semaphore::new(0).acquire_timeout(time),
    ),
    plain("Semaphore::acquire_many", || Semaphore::new(2).acquire_many(3)),
    wait(
        "Semaphore::access",
        || drop(Semaphore::new(0).access()),
        |time| Semaphore::new(0).access_timeout(time).is_none(),
    ),
    wait("BoundedSemaphore::acquire", || taken().acquire(), |time| !taken().acquire_timeout(time)),
    wait("Event::wait", || Event::new().wait(), |time| !Event::new().wait_timeout(time)),
    wait(
        "AsyncResult::wait",
        || AsyncResult::<()>::new().wait(),
        |time| !AsyncResult::<()>::new().wait_timeout(time),
    ),
    wait(
        "AsyncResult::get",
        || assert!(AsyncResult::<(), ()>::new().get().is_ok()),
        |time| AsyncResult::<(), ()>::new().get_timeout(time) == Err(GetError::TimedOut),
    ),
    plain("block_on", || greenstd::block_on(std::future::pending())),
    plain("future::sleep_until", || {
        greenstd::block_on(greenstd::future::sleep_until(std::time::Instant::now() + super::AGES));
    }),
    wait("WaitGroup::wait", || never_done().wait(), |time| !never_done().wait_timeout(time)),
];

fn taken() -> BoundedSemaphore {
    let semaphore = BoundedSemaphore::new(1);
    semaphore.acquire();
    semaphore
}

fn never_done() -> WaitGroup {
    let group = WaitGroup::new();
    group.add(1);
    group
}
