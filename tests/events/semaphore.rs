//! Semaphores.

use greenstd::sync::Semaphore;
use greenstd::thread;
use std::sync::Arc;
use std::time::Duration;

/// C38
#[test]
fn one_who_times_out_leaves_no_ghost() {
    greenstd::run(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        assert!(!semaphore.acquire_timeout(Duration::from_millis(10)));
        semaphore.release();
        assert!(semaphore.try_acquire());
    });
}

/// C37, C43
#[test]
fn permits_pass_between_threads_of_either_kind() {
    let semaphore = Arc::new(Semaphore::new(1));
    let other = semaphore.clone();
    let green = thread::spawn(move || {
        for _ in 0..10_000 {
            other.acquire();
            thread::yield_now();
            other.release();
        }
    });
    for _ in 0..10_000 {
        semaphore.acquire();
        semaphore.release();
    }
    green.join().unwrap();
    assert!(semaphore.try_acquire());
    assert!(!semaphore.try_acquire());
}

/// C27, C24
#[test]
fn an_outer_scope_ends_the_wait() {
    greenstd::run(|| {
        let semaphore = Semaphore::new(0);
        let outcome = greenstd::time::timeout(Duration::from_millis(1), || {
            semaphore.acquire_timeout(Duration::from_secs(10))
        });
        assert_eq!(outcome, Err(greenstd::time::TimedOut));
        semaphore.release();
        assert!(semaphore.try_acquire());
    });
}
