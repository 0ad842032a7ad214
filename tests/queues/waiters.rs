//! Who is served, and what one leaves behind who gives up: nothing.

use greenstd::queue::{GetTimeoutError, PriorityQueue, Queue};
use greenstd::time::{TimedOut, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

laws! {
    // C47
    fn an_item_passes_a_getter_by_who_has_given_up() {
        let queue = Arc::new(Queue::new());
        let (first, second) = (queue.clone(), queue.clone());
        let first = thread::spawn(move || first.get_timeout(Duration::from_millis(5)));
        assert_eq!(first.join().unwrap(), Err(GetTimeoutError::Timeout));
        let second = thread::spawn(move || second.get_timeout(LONG));
        thread::sleep(SHORT);
        queue.put(1).unwrap();
        assert_eq!(second.join().unwrap(), Ok(1));
    }

    // C48, C38
    fn an_item_stays_if_all_getters_are_gone() {
        let queue = Arc::new(Queue::new());
        for _ in 0..2 {
            assert_eq!(queue.get_timeout(Duration::from_millis(5)), Err(GetTimeoutError::Timeout));
        }
        assert_eq!(timeout(Duration::from_millis(5), || queue.get()), Err(TimedOut));
        queue.put(1).unwrap();
        assert_eq!((queue.len(), queue.try_get()), (1, Ok(1)));
    }

    // C47
    fn getters_are_served_in_the_order_in_which_they_came() {
        let queue = Arc::new(Queue::new());
        let getters: Vec<_> = (0..5)
            .map(|_| {
                let queue = queue.clone();
                let getter = thread::spawn(move || queue.get());
                thread::sleep(SHORT);
                getter
            })
            .collect();
        for item in 0..5 {
            queue.put(item).unwrap();
        }
        for (item, getter) in getters.into_iter().enumerate() {
            assert_eq!(getter.join().unwrap(), Ok(item));
        }
    }

    fn putters_are_served_in_the_order_in_which_they_came() {
        let queue = Arc::new(Queue::bounded(1));
        queue.put(0).unwrap();
        let putters: Vec<_> = (1..5)
            .map(|item| {
                let queue = queue.clone();
                let putter = thread::spawn(move || queue.put(item));
                thread::sleep(SHORT);
                putter
            })
            .collect();
        for item in 0..5 {
            assert_eq!(queue.get(), Ok(item));
        }
        for putter in putters {
            assert!(putter.join().unwrap().is_ok());
        }
    }

    fn a_peeker_is_woken_and_leaves_the_item_to_the_next() {
        let queue = Arc::new(PriorityQueue::new());
        let (peeker, getter) = (queue.clone(), queue.clone());
        let peeker = thread::spawn(move || peeker.peek());
        thread::sleep(SHORT);
        let getter = thread::spawn(move || getter.get());
        thread::sleep(SHORT);
        queue.put(1).unwrap();
        assert_eq!((peeker.join().unwrap(), getter.join().unwrap()), (Ok(1), Ok(1)));
        assert!(queue.is_empty());
    }

    // C24, C27
    fn an_outer_scope_ends_every_wait() {
        let (empty, full) = (Queue::<u32>::new(), Queue::bounded(1));
        full.put(0).unwrap();
        assert_eq!(timeout(SHORT, || empty.get_timeout(LONG)), Err(TimedOut));
        assert_eq!(timeout(SHORT, || empty.peek_timeout(LONG)), Err(TimedOut));
        assert_eq!(timeout(SHORT, || full.put_timeout(1, LONG).is_ok()), Err(TimedOut));
        assert_eq!(timeout(SHORT, || full.join_timeout(LONG)), Err(TimedOut));
        assert_eq!((full.len(), full.unfinished()), (1, 1));
    }

    // C12
    fn a_killed_waiter_leaves_no_trace() {
        let (empty, full) = (Arc::new(Queue::new()), Arc::new(Queue::bounded(1)));
        full.put(0).unwrap();
        let (getter, putter) = (empty.clone(), full.clone());
        let is_back = Arc::new(AtomicBool::new(false));
        let has_put = is_back.clone();
        let getter = greenstd::thread::spawn(move || getter.get());
        let putter = greenstd::thread::spawn(move || {
            let _ = putter.put(1);
            has_put.store(true, Ordering::SeqCst);
        });
        thread::sleep(SHORT);
        getter.thread().kill().unwrap();
        putter.thread().kill().unwrap();
        assert!(getter.join().is_err() && putter.join().is_err());
        assert!(!is_back.load(Ordering::SeqCst));
        empty.put(1).unwrap();
        assert_eq!((empty.try_get(), full.try_get()), (Ok(1), Ok(0)));
        assert!(full.try_get().is_err());
    }

    // C44
    fn items_pass_between_threads_of_either_kind() {
        let queue = Arc::new(Queue::bounded(3));
        let (green, plain) = (queue.clone(), queue.clone());
        let green = greenstd::thread::spawn(move || (0..1000).try_for_each(|item| green.put(item)));
        let plain = std::thread::spawn(move || (0..1000).try_for_each(|item| plain.put(item)));
        let sum: u32 = queue.iter().take(2000).sum();
        assert_eq!(sum, 999_000);
        assert!(green.join().unwrap().is_ok() && plain.join().unwrap().is_ok());
    }
}
