//! A kill ends whatever a green thread waits for, and what it waited for is as good as before.
//!
//! Each law is checked in each line of the table of `waiting`, on one worker and on two, with a
//! killer that is a green thread, and one that is an OS thread.

use crate::fixture::{Count, Guard, SOON, was_killed};
use crate::flavour::Watchdog;
use crate::waiting::{Grants, Row, Scene, waiting};
use greenstd::runtime::Builder;
use greenstd::thread::{self, JoinHandle, Killed};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Spawns where the waiters are to live.
type Spawn<'s> = &'s dyn Fn(Box<dyn FnOnce() + Send>) -> JoinHandle<()>;

type Law = fn(&Row, &Scene, Spawn);

/// Turns between a grant and a kill: some grants take a few until they are with the waiter. `None`
/// is a kill before the grant, which finds the waiter in its line yet.
const TURNS: [Option<usize>; 5] = [None, Some(0), Some(1), Some(2), Some(3)];

macro_rules! each {
    ($($(#[$attribute:meta])* $law:ident: $check:expr;)*) => {$(
        mod $law {
            use super::*;
            $(#[$attribute])*
            #[test] fn on_one_worker() { by_green_threads(1, $check); }
            #[test] fn on_two_workers() { by_green_threads(2, $check); }
            #[test] fn by_an_os_thread() { by_os_threads(1, $check); by_os_threads(2, $check); }
        }
    )*};
}

each! {
    /// C12
    destructors_have_run_and_others_can_use_it: ends_the_wait;
    /// C39, C47
    what_is_granted_in_the_turn_of_the_kill_is_not_lost: hands_on;
    /// C48
    what_is_granted_after_all_were_killed_is_there: stays_there;
    swallowed_it_ends_the_next_wait_as_well: cannot_be_swallowed;
    held_off_by_a_shield_it_acts_when_that_is_over: waits_for_the_shield;
}

/// C39
#[test]
fn a_permit_that_is_granted_in_the_turn_of_the_kill_goes_to_the_next() {
    by_green_threads(1, |row, scene, spawn| {
        if row.grants != Grants::Permit {
            return;
        }
        let [victim, next] = [(); 2].map(|()| {
            let wait = scene.wait.clone();
            blocked(spawn, move || wait())
        });
        (scene.grant)();
        victim.kill().unwrap();
        assert!(was_killed(victim), "it has kept the permit");
        assert!(next.wait(SOON), "the permit has gone to nobody");
        next.join().unwrap();
        works(row, scene, spawn);
    });
}

/// C10
#[test]
fn unstarted_they_never_wait() {
    for workers in [1, 2] {
        by_green_threads(workers, |row, scene, spawn| {
            let (runs, drops) = (Count::default(), Count::default());
            let (wait, inside, guard) = (scene.wait.clone(), runs.clone(), Guard(drops.clone()));
            // Local: nobody else can start it before its spawner waits.
            let unstarted = greenstd::spawn_local(move || {
                let _guard = guard;
                inside.up();
                wait();
            });
            assert!(unstarted.kill_and_wait(None).unwrap());
            assert_eq!((runs.get(), drops.get()), (0, 1));
            works(row, scene, spawn);
        });
    }
}

fn by_green_threads(workers: usize, law: Law) {
    crate::flavour::on_workers(workers, move || check(law, &|body| thread::spawn(body)));
}

fn by_os_threads(workers: usize, law: Law) {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(workers).build().unwrap();
    check(law, &|body| runtime.spawn(body));
    runtime.shutdown();
}

/// Checks a law in each line of the table, and names the line that breaks it.
fn check(law: Law, spawn: Spawn) {
    for row in waiting() {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            // More than one scene for a law that knows several ways.
            (row.set)(&|scene| law(row, &scene, spawn));
        }));
        if let Err(payload) = outcome {
            eprintln!("{} breaks the law", row.name);
            panic::resume_unwind(payload);
        }
    }
}

fn ends_the_wait(row: &Row, scene: &Scene, spawn: Spawn) {
    let drops = Count::default();
    let (wait, guard) = (scene.wait.clone(), Guard(drops.clone()));
    let victim = blocked(spawn, move || {
        let _guard = guard;
        wait();
    });
    assert!(victim.kill_and_wait(None).unwrap());
    assert_eq!(drops.get(), 1);
    assert!(was_killed(victim));
    works(row, scene, spawn);
}

fn hands_on(row: &Row, _: &Scene, spawn: Spawn) {
    for turns in TURNS {
        // Each time from the beginning.
        (row.set)(&|scene| hands_on_after(turns, row, &scene, spawn));
    }
}

fn hands_on_after(turns: Option<usize>, row: &Row, scene: &Scene, spawn: Spawn) {
    if row.grants == Grants::None {
        return;
    }
    let went_on = Count::default();
    let waiter = || {
        let (wait, went_on) = (scene.wait.clone(), went_on.clone());
        blocked(spawn, move || {
            wait();
            went_on.up();
        })
    };
    let (victim, next) = (waiter(), waiter());
    match turns {
        None => {
            victim.kill().unwrap();
            (scene.grant)();
        }
        Some(turns) => {
            (scene.grant)();
            (0..turns).for_each(|_| thread::yield_now());
            victim.kill().unwrap();
        }
    }
    assert!(victim.wait(SOON));
    let has_gone_on = victim.join().is_ok();
    if row.grants == Grants::All || !has_gone_on {
        assert!(next.wait(SOON), "killed after {turns:?} turns it has left nothing to the next");
        next.join().unwrap();
    } else {
        assert!(next.kill_and_wait(SOON).unwrap());
        assert!(was_killed(next), "one grant was taken twice");
    }
    if row.grants.are_for_one() {
        assert_eq!(went_on.get(), 1);
        assert!(!(scene.take)(), "what was taken is there yet");
    }
    works(row, scene, spawn);
}

fn stays_there(row: &Row, scene: &Scene, spawn: Spawn) {
    let victims = [(); 2].map(|()| {
        let wait = scene.wait.clone();
        blocked(spawn, move || wait())
    });
    assert!(thread::kill_all(&victims, None).unwrap());
    assert!(victims.into_iter().all(was_killed));
    if row.grants.are_for_one() {
        assert!(!(scene.take)());
        (scene.grant)();
        comes(|| (scene.take)());
        assert!(!(scene.take)());
    }
    works(row, scene, spawn);
}

fn cannot_be_swallowed(row: &Row, scene: &Scene, spawn: Spawn) {
    let (wait, swallowed) = (scene.wait.clone(), Count::default());
    let swallows = swallowed.clone();
    let victim = blocked(spawn, move || {
        for _ in 0..3 {
            let unwound = panic::catch_unwind(AssertUnwindSafe(|| wait()));
            assert!(unwound.unwrap_err().is::<Killed>());
            swallows.up();
        }
    });
    assert!(victim.kill_and_wait(None).unwrap());
    victim.join().unwrap();
    assert_eq!(swallowed.get(), 3);
    works(row, scene, spawn);
}

fn waits_for_the_shield(row: &Row, scene: &Scene, spawn: Spawn) {
    if row.grants == Grants::None {
        return;
    }
    let (shielded, went_on) = (Count::default(), Count::default());
    let (wait, inside, beyond) = (scene.wait.clone(), shielded.clone(), went_on.clone());
    let victim = spawn(Box::new(move || {
        thread::shield(|| {
            inside.up();
            wait();
        });
        beyond.up();
        thread::yield_now();
        unreachable!("it was killed");
    }));
    comes(|| shielded.get() == 1);
    assert!(!victim.kill_and_wait(Duration::from_millis(2)).unwrap());
    assert_eq!(went_on.get(), 0);
    (scene.grant)();
    assert!(victim.wait(SOON));
    assert_eq!(went_on.get(), 1);
    assert!(was_killed(victim));
    works(row, scene, spawn);
}

/// A thread that is blocked in `body`, unless the machine is so slow that it is on its way there.
fn blocked(spawn: Spawn, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let entered = Arc::new(greenstd::sync::Event::new());
    let enters = entered.clone();
    let thread = spawn(Box::new(move || {
        enters.set();
        body();
    }));
    entered.wait();
    thread::sleep(Duration::from_millis(1));
    thread
}

/// Fails unless somebody who waits in the scene goes on when that is granted.
fn works(row: &Row, scene: &Scene, spawn: Spawn) {
    if row.grants == Grants::None {
        return;
    }
    let wait = scene.wait.clone();
    let waiter = blocked(spawn, move || wait());
    (scene.grant)();
    assert!(waiter.wait(SOON), "nobody can use it any more");
    waiter.join().unwrap();
    assert!(row.grants == Grants::All || !(scene.take)());
}

fn comes(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "what was waited for never came");
        thread::sleep(Duration::from_micros(200));
    }
}
