//! Kills of those who wait: in the line, and in the moment of the grant.

use super::Semaphore;
use crate::engine::Waiter;
use crate::runtime::Builder;
use crate::thread::{self, Killed, LocalJoinHandle};
use std::rc::Rc;
use std::sync::mpsc;

/// Spawns a thread on this worker that acquires so many permits; it waits once this returns.
fn acquirer(semaphore: &Rc<Semaphore>, count: usize) -> (Waiter, LocalJoinHandle<()>) {
    let (semaphore, (sender, receiver)) = (semaphore.clone(), mpsc::channel());
    let thread = thread::spawn_local(move || {
        sender.send(Waiter::current()).unwrap();
        semaphore.acquire_many(count);
        semaphore.release_many(count);
    });
    thread::yield_now();
    (receiver.recv().unwrap(), thread)
}

fn was_killed(thread: LocalJoinHandle<()>) -> bool {
    thread.join().is_err_and(|payload| payload.is::<Killed>())
}

fn run(body: impl FnOnce() + Send + 'static) {
    Builder::new().workers(1).build().unwrap().run(body);
}

/// C39
#[test]
fn one_who_is_killed_in_the_moment_of_the_grant_hands_it_on() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let (victim, killed) = acquirer(&semaphore, 1);
        let (_, next) = acquirer(&semaphore, 1);
        semaphore.release();
        victim.kill();
        assert!(was_killed(killed));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// C39
#[test]
fn one_who_is_killed_before_the_grant_is_passed_over() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let (victim, killed) = acquirer(&semaphore, 1);
        let (_, next) = acquirer(&semaphore, 1);
        victim.kill();
        // It has not run since, so it is in the line yet, and may be granted this permit.
        semaphore.release();
        assert!(was_killed(killed));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// C39
#[test]
fn those_behind_one_who_is_killed_go_on() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(1));
        let (victim, killed) = acquirer(&semaphore, 5);
        let (_, next) = acquirer(&semaphore, 1);
        assert!(!semaphore.try_acquire(), "the permit is kept for those who wait");
        victim.kill();
        assert!(was_killed(killed));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn one_who_is_shielded_keeps_what_he_is_granted() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let (other, (sender, receiver)) = (semaphore.clone(), mpsc::channel());
        let shielded = thread::spawn_local(move || {
            sender.send(Waiter::current()).unwrap();
            crate::thread::shield(|| {
                other.acquire();
                other.release_many(2);
            });
            thread::yield_now();
            unreachable!("the kill takes effect after the shield");
        });
        thread::yield_now();
        receiver.recv().unwrap().kill();
        thread::yield_now();
        semaphore.release();
        assert!(was_killed(shielded));
        assert_eq!(semaphore.available_permits(), 2);
    });
}
