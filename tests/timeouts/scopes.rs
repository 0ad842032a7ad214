//! Timeout scopes by themselves: what they return, how they nest, what they do not limit.

use greenstd::sync::Semaphore;
use greenstd::time::{TimedOut, deadline, timeout};
use std::cell::Cell;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(10);

laws! {
    fn a_value_that_comes_late_counts_all_the_same() {
        let late = timeout(Duration::ZERO, || {
            std::thread::sleep(Duration::from_millis(2));
            42
        });
        assert_eq!(late, Ok(42));
        assert_eq!(TimedOut.to_string(), "timed out");
    }

    // C32
    fn none_never_ends_anything() {
        assert_eq!(timeout(None, || thread::sleep(SHORT)), Ok(()));
        assert_eq!(deadline(None, || thread::sleep(SHORT)), Ok(()));
        assert_eq!(timeout(Duration::MAX, || thread::sleep(SHORT)), Ok(()));
    }

    // C31
    fn a_scope_of_no_time_ends_a_loop_that_yields() {
        let endless = || -> () { loop { greenstd::thread::sleep(Duration::ZERO) } };
        assert_eq!(timeout(Duration::ZERO, endless), Err(TimedOut));
    }

    fn destructors_run_and_the_panic_hook_does_not() {
        struct Note<'c>(&'c Cell<u32>);
        impl Drop for Note<'_> {
            fn drop(&mut self) {
                assert!(std::thread::panicking());
                self.0.set(self.0.get() + 1);
            }
        }
        let drops = Cell::new(0);
        let outcome = timeout(Duration::from_millis(1), || {
            let _outer = Note(&drops);
            let _ = timeout(Duration::from_secs(1000), || {
                let _inner = Note(&drops);
                thread::sleep(Duration::from_secs(1000));
            });
        });
        assert_eq!(outcome, Err(TimedOut));
        assert_eq!(drops.get(), 2);
        assert!(!std::thread::panicking());
    }

    fn a_panic_passes_through() {
        let outcome = panic::catch_unwind(|| {
            timeout(SHORT, || -> () { panic::resume_unwind(Box::new("on purpose")) })
        });
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"on purpose"));
        // Whatever was linked is unlinked.
        thread::sleep(2 * SHORT);
    }

    fn the_earliest_of_many_scopes_fires_wherever_it_stands() {
        for place in 0..5 {
            let fired = Cell::new(None);
            nest(&fired, 0, place);
            assert_eq!(fired.get(), Some(place));
        }
    }

    fn a_wait_in_a_destructor_is_waited_out_while_the_scope_unwinds() {
        struct Waits(Arc<Semaphore>);
        impl Drop for Waits {
            fn drop(&mut self) {
                self.0.acquire();
            }
        }
        let semaphore = Arc::new(Semaphore::new(0));
        let other = semaphore.clone();
        let releaser = std::thread::spawn(move || {
            std::thread::sleep(3 * SHORT);
            other.release();
        });
        let outcome = timeout(SHORT, || {
            let _waits = Waits(semaphore.clone());
            thread::sleep(Duration::from_secs(1000));
        });
        assert_eq!(outcome, Err(TimedOut));
        assert_eq!(semaphore.available_permits(), 0);
        releaser.join().unwrap();
    }

    fn threads_spawned_inside_are_not_limited() {
        let outcome = timeout(SHORT, || thread::spawn(|| thread::sleep(3 * SHORT)));
        assert!(outcome.unwrap().join().is_ok());
    }

    fn a_scope_of_threads_waits_for_them_all_the_same() {
        let has_ended = AtomicBool::new(false);
        let _ = timeout(SHORT, || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(3 * SHORT);
                    has_ended.store(true, Ordering::SeqCst);
                });
            });
        });
        assert!(has_ended.load(Ordering::SeqCst));
    }

    fn each_thread_has_its_own_scopes() {
        let threads: Vec<_> = (1..=20)
            .map(|number| {
                thread::spawn(move || {
                    let start = Instant::now();
                    let time = Duration::from_millis(number * 2);
                    let outcome = timeout(time, || thread::sleep(Duration::from_secs(1000)));
                    assert_eq!(outcome, Err(TimedOut));
                    assert!(start.elapsed() >= time);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Opens five scopes, of which the one at `place` is short, and notes which has fired.
fn nest(fired: &Cell<Option<usize>>, depth: usize, place: usize) {
    if depth == 5 {
        greenstd::thread::sleep(Duration::from_secs(1000));
        return;
    }
    let time = if depth == place { SHORT } else { Duration::from_secs(1000) };
    if timeout(time, || nest(fired, depth + 1, place)).is_err() {
        assert_eq!(fired.replace(Some(depth)), None, "only one fires");
    }
}

laws! { green
    // C31
    fn a_scope_of_no_time_ends_a_loop_of_yields() {
        let endless = || -> () {
            loop {
                greenstd::thread::yield_now();
            }
        };
        assert_eq!(timeout(Duration::ZERO, endless), Err(TimedOut));
        assert_eq!(timeout(SHORT, endless), Err(TimedOut));
    }
}
