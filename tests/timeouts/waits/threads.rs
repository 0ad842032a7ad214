//! Ends of green threads, groups and pools.

use super::{AGES, Wait, again_and_again, plain, wait};
use greenstd::channel::{self, Sender};
use greenstd::group::{Group, Pool};
use greenstd::thread::{self, Builder, JoinHandle, LocalJoinHandle, Thread};
use greenstd::{runtime, select};
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    plain("JoinHandle::join", || {
        let (handle, _end) = sleeper();
        handle.join().unwrap();
    }),
    wait("JoinHandle::wait", || assert!(!sleeper().0.wait(None)), |time| !sleeper().0.wait(time)),
    plain("LocalJoinHandle::join", || with_local(|handle| handle.join().unwrap())),
    plain("LocalJoinHandle::wait", || with_local(|handle| assert!(!handle.wait(None)))),
    plain("ScopedJoinHandle::join", || {
        thread::scope(|scope| {
            let (_end, is_over) = channel::unbounded::<()>();
            let handle = scope.spawn(move || is_over.recv().unwrap_or_default());
            handle.join().unwrap();
        });
    }),
    wait(
        "ScopedJoinHandle::wait",
        || assert!(!wait_in_a_scope(None)),
        |time| !wait_in_a_scope(Some(time)),
    ),
    wait(
        "SharedJoinHandle::get",
        || {
            let (handle, _end) = sleeper();
            handle.share().get().unwrap();
        },
        |time| {
            let (handle, _end) = sleeper();
            handle.share().get_timeout(time).is_none()
        },
    ),
    wait(
        "join_all",
        || {
            let (handle, _end) = sleeper();
            assert_eq!(thread::join_all([handle]).wait().ended.len(), 0);
        },
        |time| {
            let (handle, _end) = sleeper();
            thread::join_all([handle]).timeout(time).wait().ended.is_empty()
        },
    ),
    wait(
        "wait_any of ends",
        || {
            let (handle, _end) = sleeper();
            select::wait_any([&handle]);
        },
        |time| {
            let (handle, _end) = sleeper();
            select::wait_any_timeout([&handle], time).is_none()
        },
    ),
    wait(
        "JoinHandle::kill_and_wait",
        || assert!(!kill(|handle| handle.kill_and_wait(None).unwrap())),
        |time| !kill(|handle| handle.kill_and_wait(time).unwrap()),
    ),
    wait(
        "kill_all",
        || assert!(!kill(|handle| thread::kill_all([handle], None).unwrap())),
        |time| !kill(|handle| thread::kill_all([handle], time).unwrap()),
    ),
    // Kills its threads when its time is up, and waits for that.
    plain("nursery", || {
        let outcome = thread::nursery(|nursery| {
            nursery.spawn(|| -> Result<(), ()> {
                thread::sleep(AGES);
                Ok(())
            });
            Ok(())
        });
        assert_eq!(outcome, Err(()));
    }),
    plain("Runtime::run", || {
        let runtime = runtime::Builder::new().workers(1).build().unwrap();
        runtime.run(|| thread::sleep(AGES));
    }),
    wait("Group::join", || assert!(!group().0.join(None)), |time| !group().0.join(time)),
    wait(
        "Group::join_raising",
        || assert!(!group().0.join_raising(None).unwrap()),
        |time| !group().0.join_raising(time).unwrap(),
    ),
    wait("Group::kill", || assert!(!kill_group(None)), |time| !kill_group(Some(time))),
    wait(
        "Pool::spawn",
        || drop(full().0.spawn(|| ())),
        |time| full().0.spawn_timeout(time, || ()).is_err(),
    ),
    plain("Pool::apply", || {
        let pool = Pool::new(1);
        let _end = End::of_pool(&pool);
        pool.apply(|| thread::sleep(AGES));
    }),
    plain("Pool::apply to a full pool", || full().0.apply(|| ())),
    plain("Pool::map", || drop(full().0.map([1], |number| number))),
    plain("Pool::imap", || drop(full().0.imap([1], |number| number).next())),
    plain("Pool::imap_unordered", || drop(full().0.imap_unordered([1], |number| number).next())),
    wait(
        "Pool::wait_available",
        || assert!(!full().0.wait_available(None)),
        |time| !full().0.wait_available(time),
    ),
    wait("Pool::join", || assert!(!full().0.join(None)), |time| !full().0.join(time)),
];

/// Kills what a test leaves behind, without waiting for its end.
enum End {
    Thread(Thread),
    Group(Group),
    Pool(Pool),
}

impl End {
    fn of_pool(pool: &Pool) -> End {
        End::Pool(pool.clone())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let outcome = match self {
            End::Thread(thread) => thread.kill(),
            End::Group(group) => group.kill(Duration::ZERO).map(drop),
            End::Pool(pool) => pool.kill(Duration::ZERO).map(drop),
        };
        outcome.unwrap();
    }
}

fn sleeper() -> (JoinHandle<()>, End) {
    let handle = thread::spawn(|| thread::sleep(AGES));
    let end = End::Thread(handle.thread().clone());
    (handle, end)
}

/// Calls `wait` with a local green thread that does not end. An OS thread has none, and parks.
fn with_local(wait: fn(LocalJoinHandle<()>)) {
    let Ok(handle) = Builder::new().spawn_local(|| thread::sleep(AGES)) else {
        return again_and_again(thread::park);
    };
    let _end = End::Thread(handle.thread().clone());
    wait(handle);
}

fn wait_in_a_scope(timeout: Option<Duration>) -> bool {
    thread::scope(|scope| {
        let (_end, is_over) = channel::unbounded::<()>();
        let handle = scope.spawn(move || is_over.recv().unwrap_or_default());
        handle.wait(timeout)
    })
}

/// Calls `kill` for a green thread that holds it off until then. Whether it has ended.
fn kill(kill: impl FnOnce(&JoinHandle<()>) -> bool) -> bool {
    let (handle, _end) = shielded();
    kill(&handle)
}

fn kill_group(timeout: Option<Duration>) -> bool {
    let group = Group::new();
    let (handle, _end) = shielded();
    group.add(&handle);
    group.kill(timeout).unwrap()
}

/// A green thread that is in a shield by now, until the sender goes.
fn shielded() -> (JoinHandle<()>, Sender<()>) {
    let (end, is_over) = channel::unbounded::<()>();
    let (entered, has_entered) = channel::unbounded();
    let handle = thread::spawn(move || {
        thread::shield(|| {
            entered.send(()).unwrap();
            is_over.recv().unwrap_or_default();
        });
    });
    // Whatever is to end the wait in question does not end this one.
    thread::shield(|| has_entered.recv()).unwrap();
    (handle, end)
}

fn group() -> (Group, End) {
    let group = Group::new();
    group.spawn(|| thread::sleep(AGES));
    (group.clone(), End::Group(group))
}

fn full() -> (Pool, End) {
    let pool = Pool::new(1);
    pool.spawn(|| thread::sleep(AGES));
    (pool.clone(), End::Pool(pool))
}
