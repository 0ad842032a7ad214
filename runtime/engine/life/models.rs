//! The life-state word under loom.

use super::Life;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use loom::thread;

/// Parks as a worker does for its fiber; true if the wait has to be slept out.
fn park(life: &Life, queue: &AtomicUsize) -> bool {
    if life.take_token() {
        return false;
    }
    if life.commit_park(true) {
        // Off the stack now; whoever claims the wake counts one up in the queue, which is as
        // good as the inbox: its push releases, its drain acquires.
        while queue.load(Acquire) == 0 {
            thread::yield_now();
        }
        queue.fetch_sub(1, Relaxed);
        return true;
    }
    assert!(life.take_token(), "nothing else keeps a park from being committed");
    true
}

#[test]
fn loom_a_deadline_that_fires_elsewhere_ends_the_park_that_is_about_to_begin() {
    loom::model(|| {
        let life = Arc::new(Life::new(true));
        let other = life.clone();
        let sentry = thread::spawn(move || other.expire_from_afar());
        let is_parked = life.commit_park(true);
        let has_woken = sentry.join().expect("does not panic");
        assert_eq!(is_parked, has_woken);
        assert!(!life.is_parked());
    });
}

#[test]
fn loom_unpark_before_or_after_park_is_never_lost() {
    loom::model(|| {
        let life = Arc::new(Life::new(false));
        let queue = Arc::new(AtomicUsize::new(0));
        let data = Arc::new(UnsafeCell::new(0));
        let waker = {
            let (life, queue, data) = (life.clone(), queue.clone(), data.clone());
            thread::spawn(move || {
                // SAFETY: the only access before the token is consumed.
                data.with_mut(|data| unsafe { *data = 7 });
                if life.unpark() {
                    queue.fetch_add(1, Release);
                }
            })
        };
        park(&life, &queue);
        // SAFETY: happens after the unpark, or the model reports the race.
        assert_eq!(data.with(|data| unsafe { *data }), 7);
        waker.join().expect("the waker does not panic");
    });
}

#[test]
fn loom_one_park_is_claimed_once() {
    loom::model(|| {
        let life = Arc::new(Life::new(false));
        assert!(life.commit_park(true));
        let claims: Vec<_> = [Life::unpark, Life::expire, Life::kill]
            .into_iter()
            .map(|claim| {
                let life = life.clone();
                thread::spawn(move || usize::from(claim(&life)))
            })
            .collect();
        let claimed: usize = claims.into_iter().map(|claim| claim.join().expect("ends")).sum();
        assert_eq!(claimed, 1);
        assert!(!life.is_parked());
        assert!(life.is_killed());
    });
}

#[test]
fn loom_an_end_that_meets_a_hold_is_carried_out_by_one_of_the_two() {
    for end in [Life::unpark, Life::expire, Life::kill] {
        loom::model(move || {
            let life = Arc::new(Life::new(false));
            let stack = Arc::new(UnsafeCell::new(7));
            assert!(life.commit_park(true));
            let (other, its_stack) = (life.clone(), stack.clone());
            let looker = thread::spawn(move || {
                let Some(hold) = other.hold() else { return 0 };
                // SAFETY: held, so nobody resumes it; or the model reports a race.
                assert_eq!(its_stack.with(|stack| unsafe { *stack }), 7);
                usize::from(other.release(hold))
            });
            let mut claims = usize::from(end(&life));
            if claims == 1 {
                // Resumed by who ended the park.
                // SAFETY: its own stack.
                stack.with_mut(|stack| unsafe { *stack = 7 });
            }
            claims += looker.join().expect("the looker does not panic");
            assert_eq!(claims, 1);
            assert!(!life.is_parked());
        });
    }
}

#[test]
fn loom_a_shielded_waiter_stays_parked_when_it_was_looked_at() {
    loom::model(|| {
        let life = Arc::new(Life::new(false));
        assert!(!life.kill());
        assert!(life.commit_park(false));
        let other = life.clone();
        let looker = thread::spawn(move || other.hold().map(|hold| other.release(hold)));
        let is_woken = life.unpark();
        let by_looker = looker.join().expect("the looker does not panic");
        assert!(is_woken ^ (by_looker == Some(true)));
    });
}

#[test]
fn loom_joiner_sees_the_result_or_is_woken() {
    loom::model(|| {
        let life = Arc::new(Life::new(true));
        let result = Arc::new(UnsafeCell::new(None));
        let joiner = Arc::new(UnsafeCell::new(false));
        let woken = Arc::new(AtomicUsize::new(0));
        let ending = {
            let (life, result) = (life.clone(), result.clone());
            let (joiner, woken) = (joiner.clone(), woken.clone());
            thread::spawn(move || {
                // SAFETY: invariant 4: before `finish` the result is ours.
                result.with_mut(|result| unsafe { *result = Some(7) });
                let finish = life.finish();
                assert!(finish.has_handle);
                if finish.has_joiner {
                    // SAFETY: invariant 3.
                    assert!(joiner.with(|joiner| unsafe { *joiner }));
                    woken.store(1, Relaxed);
                }
            })
        };
        // SAFETY: invariant 3: `JOINER` is clear.
        joiner.with_mut(|joiner| unsafe { *joiner = true });
        if life.set_joiner() {
            while !life.is_finished() {
                thread::yield_now();
            }
        }
        // SAFETY: invariant 4.
        assert_eq!(result.with(|result| unsafe { *result }), Some(7));
        ending.join().expect("the ending thread does not panic");
    });
}

#[test]
fn loom_result_is_dropped_by_exactly_one_side() {
    loom::model(|| {
        let life = Arc::new(Life::new(true));
        let other = life.clone();
        let ending = thread::spawn(move || usize::from(!other.finish().has_handle));
        let by_handle = usize::from(life.drop_handle());
        assert_eq!(by_handle + ending.join().expect("ends"), 1);
    });
}
