//! Jobs of blocking pools, room in their queues, their ends.

use super::{Wait, plain, wait};
use crate::held::Held;
use greenstd::blocking::{BlockingPool, JobHandle, call_from_thread};
use greenstd::{channel, select};
use std::sync::mpsc;

pub const WAITS: &[Wait] = &[
    plain("BlockingPool::run", || {
        let (_end, is_over) = mpsc::channel::<()>();
        BlockingPool::new(1).run(move || is_over.recv().unwrap_or_default());
    }),
    plain("BlockingPool::run, queued", || Held::new().pool.run(|| ())),
    plain("BlockingPool::run, for room", || Held::full().pool.run(|| ())),
    plain("BlockingPool::map", || drop(Held::new().pool.map([1, 2, 3], |number| number))),
    wait(
        "BlockingPool::spawn",
        || drop(Held::full().pool.spawn(|| ())),
        |time| Held::full().pool.spawn_timeout(time, || ()).is_err(),
    ),
    wait(
        "BlockingPool::shutdown",
        || Held::new().pool.shutdown(None).unwrap(),
        |time| Held::new().pool.shutdown(time).is_err(),
    ),
    wait(
        "JobHandle::join",
        || queued().1.join().unwrap(),
        |time| {
            let (_held, job) = queued();
            job.join_timeout(time).is_err()
        },
    ),
    wait(
        "JobHandle::wait",
        || assert!(queued().1.wait(None)),
        |time| {
            let (_held, job) = queued();
            !job.wait(time)
        },
    ),
    wait(
        "wait_any of jobs",
        || {
            let (_held, job) = queued();
            select::wait_any([&job]);
        },
        |time| {
            let (_held, job) = queued();
            select::wait_any_timeout([&job], time).is_none()
        },
    ),
    plain("call_from_thread", || {
        let (_end, is_over) = channel::unbounded::<()>();
        call_from_thread(move || is_over.recv().unwrap_or_default());
    }),
];

fn queued() -> (Held, JobHandle<()>) {
    let held = Held::new();
    let job = held.pool.spawn(|| ());
    (held, job)
}
