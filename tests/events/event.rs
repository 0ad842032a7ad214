//! Events.

use greenstd::sync::Event;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

laws! {
    fn a_set_event_does_not_block_and_a_cleared_one_does() {
        let event = Event::new();
        assert!(!event.is_set());
        event.set();
        event.set();
        event.wait();
        assert!(event.is_set());
        // C35
        assert!(event.wait_timeout(Duration::ZERO) && event.wait_until(Instant::now()));
        event.clear();
        assert!(!event.is_set());
        let start = Instant::now();
        // C28
        assert!(!event.wait_timeout(Duration::from_millis(5)));
        assert!(!event.wait_until(start + Duration::from_millis(10)));
        assert!(start.elapsed() >= Duration::from_millis(10));
    }

    // C33
    fn whoever_waits_is_let_go_even_if_the_event_is_cleared_at_once() {
        let event = Arc::new(Event::new());
        let left = Arc::new(AtomicUsize::new(50));
        let waiters: Vec<_> = (0..50)
            .map(|_| {
                let (event, left) = (event.clone(), left.clone());
                thread::spawn(move || {
                    assert!(event.wait_timeout(Duration::from_secs(1000)));
                    left.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        // Again for those who came too late for the last time.
        while left.load(Ordering::SeqCst) > 0 {
            event.set();
            event.clear();
            thread::yield_now();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }

    // C44
    fn a_foreign_thread_wakes_the_waiter() {
        for pause in [Duration::ZERO, Duration::from_millis(5)] {
            let event = Arc::new(Event::new());
            let (other, written) = (event.clone(), Arc::new(AtomicUsize::new(0)));
            let writer = written.clone();
            let foreign = std::thread::spawn(move || {
                std::thread::sleep(pause);
                writer.store(7, Ordering::Relaxed);
                other.set();
            });
            event.wait();
            assert_eq!(written.load(Ordering::Relaxed), 7);
            foreign.join().unwrap();
        }
    }

    fn a_thread_that_waits_turn_by_turn_misses_no_setting() {
        let events = Arc::new([Event::new(), Event::new()]);
        let other = events.clone();
        let echo = thread::spawn(move || {
            for _ in 0..1000 {
                other[0].wait();
                other[0].clear();
                other[1].set();
            }
        });
        for _ in 0..1000 {
            events[0].set();
            events[1].wait();
            events[1].clear();
        }
        echo.join().unwrap();
    }
}

/// Waiters on this very worker, each of which logs its number; all wait once this returns.
fn waiters_here(
    event: &Arc<Event>,
    log: &Arc<Mutex<Vec<usize>>>,
    count: usize,
) -> Vec<greenstd::thread::LocalJoinHandle<()>> {
    let waiters = (0..count)
        .map(|number| {
            let (event, log) = (event.clone(), log.clone());
            greenstd::spawn_local(move || {
                assert!(event.wait_timeout(Duration::from_secs(1000)));
                log.lock().unwrap().push(number);
            })
        })
        .collect();
    greenstd::thread::yield_now();
    waiters
}

laws! { green
    // C33
    fn a_thousand_waiters_wake_in_their_order() {
        let (event, log) = (Arc::new(Event::new()), Arc::default());
        let waiters = waiters_here(&event, &log, 1000);
        event.set();
        event.clear();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(*log.lock().unwrap(), (0..1000).collect::<Vec<_>>());
    }

    // C34
    fn a_new_wait_on_a_set_event_does_not_overtake_the_old_ones() {
        let (event, log) = (Arc::new(Event::new()), Arc::default());
        let waiters = waiters_here(&event, &log, 3);
        event.set();
        event.wait();
        log.lock().unwrap().push(3);
        assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3]);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }
}
