//! Wait groups.

use greenstd::sync::WaitGroup;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn wait_returns_once_all_is_done() {
        let (group, done) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        group.wait();
        // It can be used again.
        for round in 1..=3 {
            group.add(20);
            let threads: Vec<_> = (0..20)
                .map(|_| {
                    let (group, done) = (group.clone(), done.clone());
                    thread::spawn(move || {
                        thread::yield_now();
                        done.fetch_add(1, Ordering::Relaxed);
                        group.done();
                    })
                })
                .collect();
            group.wait();
            assert_eq!(done.load(Ordering::Relaxed), 20 * round);
            assert_eq!(group.count(), 0);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    }

    fn a_negative_count_is_a_panic_that_changes_nothing() {
        let group = WaitGroup::new();
        group.add(1);
        let refused = panic::catch_unwind(|| group.add(-2)).unwrap_err();
        assert_eq!(*refused.downcast::<String>().unwrap(), "negative count of a WaitGroup");
        assert_eq!(group.count(), 1);
        group.done();
        assert!(panic::catch_unwind(|| group.done()).is_err());
        group.wait();
    }

    // C28
    fn a_wait_that_is_too_short_says_so() {
        let group = WaitGroup::new();
        let token = group.token();
        assert!(!group.wait_timeout(Duration::from_millis(5)));
        drop(token);
        assert!(group.wait_timeout(Duration::ZERO));
    }

    fn a_token_counts_as_done_however_its_thread_ends() {
        let group = Arc::new(WaitGroup::new());
        let tokens: Vec<_> = (0..10).map(|_| group.token_owned()).collect();
        let threads: Vec<_> = tokens
            .into_iter()
            .enumerate()
            .map(|(number, token)| {
                thread::spawn(move || {
                    let _token = token;
                    if number % 2 == 0 {
                        panic::resume_unwind(Box::new("on purpose"));
                    }
                })
            })
            .collect();
        group.wait();
        for (number, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().is_err(), number % 2 == 0);
        }
    }

    fn all_waiters_go_on() {
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let group = group.clone();
                thread::spawn(move || group.wait())
            })
            .collect();
        thread::yield_now();
        group.done();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }
}
