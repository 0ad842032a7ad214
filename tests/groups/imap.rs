//! One function over many items.

use greenstd::group::Pool;
use greenstd::queue::{Queue, Shutdown};
use greenstd::thread::Killed;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

/// 1/x as in gevent's own test, with a panic that prints nothing.
fn inverse(number: u32) -> f64 {
    if number == 0 {
        resume_unwind(Box::new("division by zero"));
    }
    1.0 / f64::from(number)
}

/// Waits until a number that others change is at least `least`, and a while longer.
fn settle(number: &AtomicUsize, least: usize) -> usize {
    while number.load(SeqCst) < least {
        greenstd::thread::sleep(Duration::from_millis(1));
    }
    greenstd::thread::sleep(SHORT);
    number.load(SeqCst)
}

laws! {
    fn map_returns_the_results_in_the_order_of_the_items() {
        let pool = Pool::new(3);
        let results = pool.map(0..20_u64, |number| {
            greenstd::thread::sleep(Duration::from_millis(20 - number));
            number * 2
        });
        assert!(results.into_iter().eq((0..20).map(|number| number * 2)));
        assert!(pool.map(Vec::<u32>::new(), |number| number).is_empty());
        assert_eq!(Pool::unlimited().map(0..1000, |number| number).len(), 1000);
    }

    fn map_raises_the_first_panic_in_the_order_of_the_items() {
        let pool = Pool::new(4);
        let body = AssertUnwindSafe(|| {
            pool.map([3_u64, 2, 1], |number| {
                greenstd::thread::sleep(Duration::from_millis(number * 10));
                if number < 3 {
                    resume_unwind(Box::new(number));
                }
            })
        });
        let payload = catch_unwind(body).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&2_u64));
        assert!(pool.join(LONG));
    }

    // C54
    fn a_panic_comes_out_at_its_item_and_iteration_goes_on() {
        let mut results = Pool::new(2).imap([1, 0, 2], inverse);
        assert_eq!(results.next().unwrap().unwrap(), 1.0);
        let payload = results.next().unwrap().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"division by zero"));
        assert_eq!(results.next().unwrap().unwrap(), 0.5);
        assert!(results.next().is_none() && results.next().is_none());
    }

    // C54
    fn unordered_results_come_as_they_are_ready() {
        let results = Pool::new(3).imap_unordered([60, 0, 30], |milliseconds| {
            if milliseconds == 0 {
                resume_unwind(Box::new("none"));
            }
            greenstd::thread::sleep(Duration::from_millis(milliseconds));
            milliseconds
        });
        let results: Vec<_> = results.map(|result| result.ok()).collect();
        assert_eq!(results, [None, Some(30), Some(60)]);
    }

    // C55
    fn no_more_results_than_maxsize_wait_for_a_slow_reader() {
        for is_ordered in [true, false] {
            let pool = Pool::new(4);
            let done = Arc::new(AtomicUsize::new(0));
            let counter = done.clone();
            let count = move |number: usize| {
                counter.fetch_add(1, SeqCst);
                number
            };
            let mut results: Box<dyn Iterator<Item = _>> = if is_ordered {
                Box::new(pool.imap(0.., count).maxsize(1))
            } else {
                Box::new(pool.imap_unordered(0.., count).maxsize(1))
            };
            for read in 0..5 {
                assert_eq!(results.next().unwrap().unwrap(), read);
                assert_eq!(settle(&done, read + 2), read + 2);
            }
        }
    }

    fn nothing_happens_before_the_first_read() {
        let pool = Pool::new(2);
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let items = (0..).inspect(move |_| {
            counter.fetch_add(1, SeqCst);
        });
        let mut results = pool.imap(items, |number: u32| number).maxsize(3);
        greenstd::thread::sleep(SHORT);
        assert_eq!(taken.load(SeqCst), 0);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(settle(&taken, 4), 4);
    }

    fn a_result_is_there_while_the_input_blocks() {
        let queue = Arc::new(Queue::new());
        let items = queue.clone();
        let items = std::iter::from_fn(move || items.get().ok());
        let mut results = Pool::new(4).imap(items, |number: u32| number * 2);
        for number in 0..5 {
            queue.put(number).unwrap();
            assert_eq!(results.next().unwrap().unwrap(), number * 2);
        }
        queue.shutdown(Shutdown::Draining);
        assert!(results.next().is_none());
    }

    fn a_panic_of_the_input_is_the_last_result() {
        let items = (0..5_u32).inspect(|number| {
            if *number == 2 {
                resume_unwind(Box::new("no more"));
            }
        });
        let results: Vec<_> = Pool::new(2).imap(items, |number| number).collect();
        assert_eq!(results.len(), 3);
        assert_eq!((results[0].as_ref().ok(), results[1].as_ref().ok()), (Some(&0), Some(&1)));
        assert_eq!(results[2].as_ref().unwrap_err().downcast_ref(), Some(&"no more"));
    }

    fn a_member_that_is_killed_gives_an_error() {
        let pool = Pool::new(1);
        let mut results = pool.imap(0..3, |number| {
            if number == 1 {
                greenstd::thread::sleep(LONG);
            }
            number
        });
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let other = pool.clone();
        let killer = thread::spawn(move || {
            greenstd::thread::sleep(5 * SHORT);
            let member = other.threads().remove(0);
            other.kill_one(&member, LONG).unwrap()
        });
        assert!(results.next().unwrap().unwrap_err().is::<Killed>());
        assert!(killer.join().unwrap());
        assert_eq!(results.next().unwrap().unwrap(), 2);
        assert!(results.next().is_none());
    }

    fn a_dropped_iterator_kills_what_is_left() {
        let pool = Pool::new(3);
        let items = Arc::new(());
        let held = items.clone();
        let mut results = pool.imap_unordered(0.., move |number: u32| {
            let _held = &held;
            if number > 0 {
                greenstd::thread::sleep(LONG);
            }
        });
        assert!(results.next().unwrap().is_ok());
        while !pool.is_full() {
            greenstd::thread::sleep(Duration::from_millis(1));
        }
        drop(results);
        assert!(pool.join(LONG));
        while Arc::strong_count(&items) > 1 {
            greenstd::thread::sleep(Duration::from_millis(1));
        }
        greenstd::thread::sleep(SHORT);
        assert_eq!((pool.len(), pool.free_count()), (0, Some(3)));
    }
}

#[test]
#[should_panic(expected = "room for one result")]
fn a_maxsize_of_zero_is_refused() {
    let _ = Pool::new(1).imap([1], |number| number).maxsize(0);
}
