//! Semaphores.

use greenstd::sync::{BoundedSemaphore, Semaphore};
use greenstd::thread as green;
use greenstd::time::{TimedOut, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! {
    // C38
    fn one_who_times_out_leaves_no_ghost() {
        let semaphore = Semaphore::new(0);
        let start = Instant::now();
        assert!(!semaphore.acquire_timeout(Duration::from_millis(10)));
        assert!(!semaphore.acquire_until(start + Duration::from_millis(20)));
        assert!(start.elapsed() >= Duration::from_millis(20));
        semaphore.release();
        assert!(semaphore.try_acquire());
        assert!(!semaphore.try_acquire());
    }

    // C37
    fn an_old_waiter_gets_its_turn_while_others_acquire_again_and_again() {
        let semaphore = Arc::new(Semaphore::new(1));
        let has_got_it = Arc::new(AtomicBool::new(false));
        semaphore.acquire();
        let (other, got_it) = (semaphore.clone(), has_got_it.clone());
        let old = thread::spawn(move || {
            other.acquire();
            got_it.store(true, Ordering::SeqCst);
            other.release();
        });
        while !has_got_it.load(Ordering::SeqCst) {
            semaphore.release();
            semaphore.acquire();
            // For the old one to begin to wait; a permit is not free meanwhile.
            thread::yield_now();
        }
        semaphore.release();
        old.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    }

    // C43
    fn permits_pass_between_threads_of_either_kind() {
        let semaphore = Arc::new(Semaphore::new(1));
        let turns = |semaphore: Arc<Semaphore>, pause: fn()| {
            move || for _ in 0..10_000 {
                semaphore.acquire();
                pause();
                semaphore.release();
            }
        };
        let green = [green::yield_now, || ()]
            .map(|pause| green::spawn(turns(semaphore.clone(), pause)));
        let os = [std::thread::yield_now, || ()]
            .map(|pause| std::thread::spawn(turns(semaphore.clone(), pause)));
        turns(semaphore.clone(), || ())();
        green.into_iter().for_each(|green| green.join().unwrap());
        os.into_iter().for_each(|os| os.join().unwrap());
        assert_eq!(semaphore.available_permits(), 1);
    }

    // C40
    fn a_bounded_semaphore_refuses_to_be_released_too_often() {
        let semaphore = BoundedSemaphore::new(2);
        assert!(semaphore.release().is_err());
        semaphore.acquire_many(2);
        assert!(semaphore.release_many(3).is_err());
        assert_eq!(semaphore.available_permits(), 0);
        assert!(semaphore.release_many(2).is_ok());
        assert_eq!(semaphore.release().unwrap_err().to_string(), "semaphore released too often");
        assert_eq!(semaphore.available_permits(), 2);
        let guard = semaphore.access();
        semaphore.release().unwrap();
        drop(guard);
        assert_eq!(semaphore.available_permits(), 2);
    }

    fn more_may_be_released_than_was_acquired() {
        let semaphore = Semaphore::new(0);
        semaphore.release();
        semaphore.release_many(2);
        assert!(semaphore.try_acquire_many(3));
        assert!(!semaphore.try_acquire());
        let full = Semaphore::new(usize::MAX);
        assert!(std::panic::catch_unwind(|| full.release()).is_err());
        assert_eq!(full.available_permits(), usize::MAX);
    }

    fn a_guard_gives_its_permit_back_and_none_is_made_of_nothing() {
        let semaphore = Semaphore::new(1);
        let guard = semaphore.access();
        assert!(semaphore.try_access().is_none());
        assert!(semaphore.access_timeout(Duration::from_millis(1)).is_none());
        assert_eq!(semaphore.available_permits(), 0);
        drop(guard);
        assert_eq!(semaphore.available_permits(), 1);
        let unwound = std::panic::catch_unwind(|| {
            let _guard = semaphore.try_access().expect("it is there");
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(unwound.is_err());
        assert_eq!(semaphore.available_permits(), 1);
    }

    // C37
    fn nobody_overtakes_one_who_waits_for_many() {
        let semaphore = Arc::new(Semaphore::new(1));
        let other = semaphore.clone();
        let many = thread::spawn(move || other.acquire_many(3));
        while semaphore.try_acquire() {
            semaphore.release();
            thread::yield_now();
        }
        assert_eq!(semaphore.available_permits(), 1, "it is kept for the one who waits");
        semaphore.release();
        assert!(!semaphore.try_acquire());
        semaphore.release_many(2);
        many.join().unwrap();
        assert!(semaphore.try_acquire());
        assert!(!semaphore.try_acquire());
    }

    // C38
    fn those_behind_one_who_gives_up_go_on() {
        let semaphore = Arc::new(Semaphore::new(1));
        let other = semaphore.clone();
        let many = thread::spawn(move || {
            let start = Instant::now();
            let outcome = timeout(Duration::from_millis(50), || other.acquire_many(2));
            assert_eq!(outcome, Err(TimedOut));
            start
        });
        while semaphore.try_acquire() {
            semaphore.release();
            thread::yield_now();
        }
        // Behind it now, unless the machine was so slow that it has given up.
        semaphore.acquire();
        assert!(many.join().unwrap().elapsed() >= Duration::from_millis(50));
        assert_eq!(semaphore.available_permits(), 0);
    }

    // C24, C27
    fn an_outer_scope_ends_the_wait_and_takes_no_permit() {
        let semaphore = Semaphore::new(0);
        let wait = || semaphore.acquire_timeout(Duration::from_secs(1000));
        assert_eq!(timeout(Duration::from_millis(1), wait), Err(TimedOut));
        semaphore.release();
        assert!(semaphore.try_acquire());
    }
}

laws! { green
    // C37
    fn permits_are_given_in_the_order_of_the_waits() {
        let (semaphore, turn) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let queued = Arc::new(Semaphore::new(0));
        let waiters: Vec<_> = (0..20)
            .map(|place| {
                let (semaphore, turn, queued) = (semaphore.clone(), turn.clone(), queued.clone());
                let waiter = thread::spawn_local(move || {
                    queued.release();
                    semaphore.acquire();
                    assert_eq!(turn.fetch_add(1, Ordering::SeqCst), place);
                });
                waiter
            })
            .collect();
        // They share this worker, so they wait, in this order, once all have been here.
        queued.acquire_many(20);
        for _ in 0..20 {
            semaphore.release();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }

    // C39
    fn one_whose_scope_ends_in_the_moment_of_the_grant_hands_it_on() {
        let semaphore = Arc::new(Semaphore::new(0));
        let (first, second) = (semaphore.clone(), semaphore.clone());
        let late = thread::spawn_local(move || {
            timeout(Duration::from_millis(2), || first.acquire())
        });
        let next = thread::spawn_local(move || second.acquire());
        thread::yield_now();
        // Nobody runs on this worker meanwhile, not even its timers.
        std::thread::sleep(Duration::from_millis(10));
        semaphore.release();
        assert_eq!(late.join().unwrap(), Err(TimedOut));
        next.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    }
}
