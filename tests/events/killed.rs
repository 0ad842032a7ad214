//! Kills of those who wait for permits: in the line, and in the moment of the grant.

use greenstd::spawn_local;
use greenstd::sync::Semaphore;
use greenstd::thread::{self, Killed, LocalJoinHandle};
use std::rc::Rc;

/// Spawns a thread on this worker that acquires so many permits; it waits once this returns.
fn acquirer(semaphore: &Rc<Semaphore>, count: usize) -> LocalJoinHandle<()> {
    let semaphore = semaphore.clone();
    let thread = spawn_local(move || {
        semaphore.acquire_many(count);
        semaphore.release_many(count);
    });
    thread::yield_now();
    thread
}

fn was_killed(thread: LocalJoinHandle<()>) -> bool {
    thread.join().is_err_and(|payload| payload.is::<Killed>())
}

fn run(body: impl FnOnce() + Send + 'static) {
    crate::flavour::on_workers(1, body);
}

/// C39
#[test]
fn one_who_is_killed_in_the_moment_of_the_grant_hands_it_on() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let victim = acquirer(&semaphore, 1);
        let next = acquirer(&semaphore, 1);
        semaphore.release();
        victim.kill().unwrap();
        assert!(was_killed(victim));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// C39
#[test]
fn one_who_is_killed_before_the_grant_is_passed_over() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let victim = acquirer(&semaphore, 1);
        let next = acquirer(&semaphore, 1);
        victim.kill().unwrap();
        // It has not run since, so it is in the line yet, and may be granted this permit.
        semaphore.release();
        assert!(was_killed(victim));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// C39
#[test]
fn those_behind_one_who_is_killed_go_on() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(1));
        let victim = acquirer(&semaphore, 5);
        let next = acquirer(&semaphore, 1);
        assert!(!semaphore.try_acquire(), "the permit is kept for those who wait");
        victim.kill().unwrap();
        assert!(was_killed(victim));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn one_who_is_shielded_keeps_what_he_is_granted() {
    run(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let other = semaphore.clone();
        let shielded = spawn_local(move || {
            thread::shield(|| {
                other.acquire();
                other.release_many(2);
            });
            thread::yield_now();
            unreachable!("the kill takes effect after the shield");
        });
        thread::yield_now();
        shielded.kill().unwrap();
        thread::yield_now();
        semaphore.release();
        assert!(was_killed(shielded));
        assert_eq!(semaphore.available_permits(), 2);
    });
}
