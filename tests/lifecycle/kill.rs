//! One green thread is killed: before its start, while it waits, while it does not listen.

use crate::fixture::{Count, Guard, LONG, SOON, let_others_run, until, was_killed};
use crate::flavour::on_workers;
use greenstd::thread::Killed;
use std::io::ErrorKind;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

laws! {
    // C12
    fn destructors_have_run_when_kill_and_wait_returns() {
        let (drops, (entered, has_entered)) = (Count::default(), mpsc::channel());
        let guard = Guard(drops.clone());
        let sleeper = greenstd::thread::spawn(move || {
            let _guard = guard;
            entered.send(()).unwrap();
            thread::sleep(LONG);
        });
        until(|| has_entered.try_recv().is_ok());
        let start = Instant::now();
        assert!(sleeper.kill_and_wait(None).unwrap());
        assert_eq!(drops.get(), 1);
        assert!(sleeper.is_finished());
        assert!(start.elapsed() < SOON);
        assert!(was_killed(sleeper));
    }

    // C13
    fn one_that_swallows_the_kill_and_finishes_has_finished() {
        let entered = Count::default();
        let inside = entered.clone();
        let dormant = greenstd::thread::spawn(move || {
            let killed = panic::catch_unwind(|| {
                inside.up();
                thread::sleep(LONG);
            });
            assert!(killed.unwrap_err().is::<Killed>());
            42
        });
        until(|| entered.get() == 1);
        assert!(dormant.kill_and_wait(None).unwrap());
        assert_eq!(dormant.join().unwrap(), 42);
    }

    // C13: unlike gevent's, a kill is sticky.
    fn one_that_swallows_the_kill_ends_at_its_next_wait() {
        let (entered, went_on) = (Count::default(), Count::default());
        let (inside, beyond) = (entered.clone(), went_on.clone());
        let stubborn = greenstd::thread::spawn(move || {
            let _ = panic::catch_unwind(|| {
                inside.up();
                thread::sleep(LONG);
            });
            beyond.up();
            thread::sleep(Duration::from_millis(1));
            beyond.up();
        });
        until(|| entered.get() == 1);
        assert!(stubborn.kill_and_wait(None).unwrap());
        assert_eq!(went_on.get(), 1);
        assert!(was_killed(stubborn));
    }

    // C14
    fn a_kill_with_a_timeout_gives_up_on_one_that_does_not_listen() {
        let (entered, release) = (Count::default(), Arc::new(AtomicBool::new(false)));
        let (inside, released) = (entered.clone(), release.clone());
        let immortal = greenstd::thread::spawn(move || {
            thread::shield(|| {
                inside.up();
                while !released.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
            });
        });
        until(|| entered.get() == 1);
        let start = Instant::now();
        assert!(!immortal.kill_and_wait(Duration::from_millis(100)).unwrap());
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_millis(100) && elapsed < SOON, "{elapsed:?}");
        assert!(!immortal.is_finished());
        release.store(true, Ordering::SeqCst);
        assert!(immortal.wait(None));
    }

    // C15
    fn to_kill_again_changes_nothing() {
        let handle = greenstd::thread::spawn(greenstd::thread::park);
        handle.kill().unwrap();
        handle.kill().unwrap();
        assert!(handle.kill_and_wait(None).unwrap());
        handle.kill().unwrap();
        assert!(handle.kill_and_wait(None).unwrap());
        assert!(handle.kill_and_wait(Duration::ZERO).unwrap());
        assert!(was_killed(handle));
        let finished = greenstd::thread::spawn(|| 42);
        assert!(finished.wait(None));
        assert!(finished.kill_and_wait(None).unwrap());
        assert_eq!(finished.join().unwrap(), 42);
    }

    fn one_that_never_waits_ends_at_a_yield() {
        let spinner = greenstd::thread::spawn(|| loop {
            greenstd::thread::yield_now();
        });
        thread::sleep(Duration::from_millis(1));
        assert!(spinner.kill_and_wait(None).unwrap());
        assert!(was_killed(spinner));
    }
}

laws! { green
    // C10: by the handle, by the thread, blocking, and all at once.
    fn one_that_has_not_started_never_does() {
        for way in 0..4 {
            let (runs, drops, linked) = (Count::default(), Count::default(), Count::default());
            let (inside, guard, link) = (runs.clone(), Guard(drops.clone()), linked.clone());
            // Local: nobody else can start it before its spawner waits.
            let handle = greenstd::spawn_local(move || {
                let _guard = guard;
                inside.up();
            });
            handle.link(move |ended| {
                assert_eq!(ended.end(), &thread::End::Killed);
                link.up();
            });
            match way {
                0 => handle.kill().unwrap(),
                1 => handle.thread().kill().unwrap(),
                2 => assert!(handle.kill_and_wait(None).unwrap()),
                _ => assert!(thread::kill_all([&handle], None).unwrap()),
            }
            assert!(handle.join().unwrap_err().is::<Killed>());
            until(|| linked.get() == 1);
            let_others_run();
            assert_eq!((runs.get(), drops.get(), linked.get()), (0, 1, 1), "way {way}");
        }
    }

    fn a_green_thread_may_kill_itself() {
        let handle = thread::spawn(|| {
            thread::current().kill().unwrap();
            // To be killed ends nothing but waits.
            let sum: u32 = (0..10).sum();
            assert_eq!(sum, 45);
            thread::yield_now();
            unreachable!("it unwinds at its next wait");
        });
        assert!(was_killed(handle));
    }

    fn a_kill_during_a_scope_takes_effect_when_its_children_have_ended() {
        let (log, entered) = (Count::default(), Count::default());
        let (children, inside) = (log.clone(), entered.clone());
        let owner = thread::spawn(move || {
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        inside.up();
                        thread::sleep(Duration::from_millis(20));
                        children.up();
                    });
                }
            });
            unreachable!("it was killed");
        });
        until(|| entered.get() == 3);
        assert!(owner.kill_and_wait(None).unwrap());
        assert_eq!(log.get(), 3);
        assert!(was_killed(owner));
    }

    fn a_scoped_one_can_be_killed() {
        let (runs, drops) = (Count::default(), Count::default());
        thread::scope(|scope| {
            let handle = scope.spawn(|| {
                let _guard = Guard(drops.clone());
                runs.up();
                thread::sleep(LONG);
            });
            until(|| runs.get() == 1);
            assert!(handle.kill_and_wait(None).unwrap());
            assert_eq!(drops.get(), 1);
            assert!(handle.join().unwrap_err().is::<Killed>());
        });
    }
}

#[test]
fn an_os_thread_cannot_be_killed() {
    assert_eq!(greenstd::thread::current().kill().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn one_runtime_can_kill_in_another() {
    let other = greenstd::runtime::Builder::new().workers(1).build().unwrap();
    let sleeper = other.spawn(|| greenstd::thread::sleep(LONG));
    on_workers(2, move || {
        assert!(sleeper.kill_and_wait(None).unwrap());
        assert!(was_killed(sleeper));
    });
    other.shutdown();
}
