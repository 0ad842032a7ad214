//! Much at once: holders that are killed, panic and run out of time, things that break, fail and
//! grow old. There are never more than there may be, and in the end none is missing.

use crate::fixture::{Maker, SHORT, Where, audit, until};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::resource::{Condition, ResourcePool};
use greenstd::thread;
use greenstd::time::timeout;
use std::sync::Mutex;
use std::time::Duration;

const USERS: usize = 50;
const ROUNDS: usize = 60;
const MAX: usize = 5;

/// Fails one time out of so many.
fn moody(random: &mut Random, one_of: u64) -> impl Fn() -> Result<(), &'static str> + use<> {
    let random = Mutex::new(random.fork());
    move || if random.lock().unwrap().below(one_of) == 0 { Err("moody") } else { Ok(()) }
}

fn pause(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(300))
}

/// One loan, of any kind.
fn borrow(pool: &ResourcePool<Maker>, random: &mut Random) {
    let (pause, condition) = (pause(random), random.below(12));
    let condition = match condition {
        0 => Condition::Broken,
        1 | 2 => Condition::Dirty,
        _ => Condition::Ready,
    };
    match random.below(7) {
        0 => {
            let Ok(mut guard) = pool.get() else { return };
            guard.alone(|| thread::sleep(pause));
            guard.condition = condition;
        }
        1 => {
            let Ok(mut guard) = pool.get_timeout(pause) else { return };
            guard.run(move |thing| thing.alone(|| std::thread::sleep(pause)));
            guard.run(move |thing| thing.condition = condition);
        }
        2 => {
            let Some(guard) = pool.try_get() else { return };
            guard.alone(thread::yield_now);
            guard.discard();
        }
        3 => drop(timeout(pause, || {
            pool.with(move |thing| thing.alone(|| std::thread::sleep(pause)))
        })),
        4 => drop(timeout(pause, || {
            let guard = pool.get()?;
            guard.alone(|| thread::sleep(pause));
            Ok::<_, greenstd::resource::GetError<_>>(())
        })),
        _ => drop(pool.with(move |thing| {
            thing.alone(|| ());
            thing.condition = condition;
        })),
    }
}

/// Waits in the way that is in order there: what blocks in place would stop its neighbours.
fn nap(place: Where, pause: Duration) {
    match place {
        Where::InPlace => thread::sleep(pause),
        Where::OnThreads => std::thread::sleep(pause),
    }
}

fn storm(workers: usize, place: Where) {
    let mut random = Random::from_environment();
    on_workers(workers, move || {
        let maker = Maker::new()
            .on_create(moody(&mut random, 8))
            .on_check(moody(&mut random, 8))
            .on_clean(moody(&mut random, 4));
        let pool = place
            .builder(maker)
            .max(MAX)
            .min(1)
            .check_after(Duration::from_micros(100))
            .max_idle(Duration::from_millis(1))
            .max_age(SHORT)
            .create_timeout(Duration::from_millis(100))
            .build();
        let users: Vec<_> = (0..USERS)
            .map(|_| {
                let (pool, mut random) = (pool.clone(), random.fork());
                thread::spawn(move || (0..ROUNDS).for_each(|_| borrow(&pool, &mut random)))
            })
            .collect();
        let foreign: Vec<_> = (0..2)
            .map(|_| {
                let (pool, mut random) = (pool.clone(), random.fork());
                std::thread::spawn(move || (0..ROUNDS).for_each(|_| borrow(&pool, &mut random)))
            })
            .collect();
        for victim in 0..USERS / 2 {
            thread::sleep(Duration::from_micros(random.below(2000)));
            users[victim * 2].kill().unwrap();
        }
        let killed = users.into_iter().filter_map(|user| user.join().err()).count();
        foreign.into_iter().for_each(|thread| thread.join().unwrap());
        println!("{killed} were killed; {:?}", pool.statistics());
        // The server is in a good mood again, so that all can be had at once.
        until("all places come back", || {
            let guards: Vec<_> = (0..MAX).map_while(|_| pool.get().ok()).collect();
            guards.len() == MAX
        });
        pool.close();
        assert!(pool.join(crate::fixture::SOON), "a place was lost: {pool:?}");
        assert_eq!(pool.manager().audit.alive(), 0, "a thing was lost");
        assert!(pool.manager().audit.most() <= MAX);
        assert_eq!(pool.statistics().waiting, 0);
    });
}

#[test]
fn nothing_is_lost_in_place_on_one_worker() {
    storm(1, Where::InPlace);
}

#[test]
fn nothing_is_lost_in_place_on_two_workers() {
    storm(2, Where::InPlace);
}

#[test]
fn nothing_is_lost_on_threads_on_one_worker() {
    storm(1, Where::OnThreads);
}

#[test]
fn nothing_is_lost_on_threads_on_two_workers() {
    storm(2, Where::OnThreads);
}

#[test]
fn a_crowd_that_is_killed_leaves_the_pool_as_it_was() {
    let mut random = Random::from_environment();
    on_workers(2, move || {
        for place in [Where::InPlace, Where::OnThreads] {
            let pool = place.pool(MAX, Maker::new());
            let users: Vec<_> = (0..200)
                .map(|_| {
                    let (pool, pause) = (pool.clone(), pause(&mut random));
                    thread::spawn(move || {
                        loop {
                            pool.with(move |thing| thing.alone(|| nap(place, pause))).unwrap();
                        }
                    })
                })
                .collect();
            thread::sleep(SHORT);
            assert!(thread::kill_all(&users, crate::fixture::SOON).unwrap());
            audit(&pool);
        }
    });
}
