//! Many are killed at once.

use crate::fixture::{Count, SOON, fail, until, was_killed};
use std::panic;
use std::time::{Duration, Instant};

laws! {
    // C17
    fn those_that_have_not_started_never_do() {
        let runtime = greenstd::runtime::Builder::new().workers(1).build().unwrap();
        let (started, runs) = (Count::default(), Count::default());
        let first = started.clone();
        let mut handles = vec![runtime.spawn(move || {
            first.up();
            // Nobody else starts on this one worker until it waits.
            std::thread::sleep(Duration::from_millis(50));
            thread::sleep(SOON);
        })];
        until(|| started.get() == 1);
        for _ in 0..20 {
            let runs = runs.clone();
            handles.push(runtime.spawn(move || runs.up()));
        }
        assert!(thread::kill_all(&handles, None).unwrap());
        assert!(handles.iter().all(|handle| handle.is_finished()));
        assert_eq!(runs.get(), 0);
        assert!(handles.into_iter().all(was_killed));
    }

    fn it_says_whether_all_have_ended_in_time() {
        let entered = Count::default();
        let inside = entered.clone();
        let deaf = greenstd::thread::spawn(move || {
            thread::shield(|| {
                inside.up();
                thread::sleep(Duration::from_millis(300));
            });
        });
        until(|| entered.get() == 1);
        let handles = [deaf, greenstd::thread::spawn(greenstd::thread::park)];
        assert!(!thread::kill_all(&handles, Duration::from_millis(10)).unwrap());
        assert!(thread::kill_all(&handles, None).unwrap());
        assert!(thread::kill_all(&handles, Duration::ZERO).unwrap());
    }

    fn those_that_fail_meanwhile_count_as_ended() {
        let handles = [(); 3].map(|()| greenstd::thread::spawn(|| fail::<()>("on purpose")));
        assert!(thread::kill_all(&handles, None).unwrap());
        assert!(handles.into_iter().all(|handle| handle.join().is_err()));
    }

    fn none_at_all_are_killed_at_once() {
        assert!(thread::kill_all::<greenstd::thread::Thread>([], None).unwrap());
    }
}

laws! { green
    // C16
    fn a_deadline_around_it_ends_the_wait_and_each_was_told_once() {
        let (entered, told) = (Count::default(), Count::default());
        let members: Vec<_> = (0..3)
            .map(|_| {
                let (entered, told) = (entered.clone(), told.clone());
                thread::spawn(move || {
                    let swallowed = panic::catch_unwind(|| {
                        entered.up();
                        thread::sleep(SOON);
                    });
                    assert!(swallowed.is_err());
                    told.up();
                    thread::shield(|| thread::sleep(Duration::from_millis(400)));
                })
            })
            .collect();
        until(|| entered.get() == 3);
        let start = Instant::now();
        let limit = Duration::from_millis(100);
        let outcome = greenstd::time::timeout(limit, || thread::kill_all(&members, None));
        assert_eq!(outcome.err(), Some(greenstd::time::TimedOut));
        assert!(start.elapsed() >= limit);
        assert!(thread::kill_all(&members, None).unwrap());
        assert_eq!(told.get(), 3);
    }

    fn one_that_kills_itself_among_others_unwinds_there() {
        let parked = thread::spawn(thread::park);
        let others = [parked.thread().clone()];
        let killer = thread::spawn(move || {
            let all = [others[0].clone(), thread::current()];
            let _ = thread::kill_all(&all, None);
            unreachable!("it waits for itself");
        });
        assert!(was_killed(killer));
        assert!(was_killed(parked));
    }
}
