//! Full queues, empty queues, and the count of what is unfinished.

use greenstd::queue::{
    GetTimeoutError, PriorityQueue, PutTimeoutError, Queue, TaskDoneError, TryPutError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

laws! {
    // C46
    fn a_putter_blocks_at_the_bound_and_enters_in_order() {
        let queue = Arc::new(Queue::bounded(2));
        let progress = Arc::new(AtomicUsize::new(0));
        let (other, counter) = (queue.clone(), progress.clone());
        let putter = thread::spawn(move || {
            for item in ['a', 'b', 'c'] {
                other.put(item).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        while progress.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        thread::sleep(SHORT);
        assert_eq!((progress.load(Ordering::SeqCst), queue.len()), (2, 2));
        assert!(queue.is_full());
        assert_eq!(queue.get(), Ok('a'));
        putter.join().unwrap();
        assert_eq!([queue.get(), queue.get()], [Ok('b'), Ok('c')]);
    }

    fn what_does_not_fit_comes_back() {
        let queue = Queue::bounded(1);
        queue.put("first").unwrap();
        assert!(queue.try_put("second") == Err(TryPutError::Full("second")));
        let before = Instant::now();
        let late = queue.put_timeout("third", SHORT).unwrap_err();
        assert!(late == PutTimeoutError::Timeout("third"));
        assert!(before.elapsed() >= SHORT);
        assert_eq!(late.into_inner(), "third");
        assert_eq!((queue.len(), queue.unfinished()), (1, 1));
    }

    fn a_getter_gives_up_in_time() {
        let queue = Queue::<u32>::new();
        let before = Instant::now();
        assert_eq!(queue.get_timeout(SHORT), Err(GetTimeoutError::Timeout));
        assert_eq!(queue.peek_timeout(SHORT), Err(GetTimeoutError::Timeout));
        assert!(before.elapsed() >= 2 * SHORT);
        queue.put(1).unwrap();
        assert_eq!(queue.get_timeout(Duration::ZERO), Ok(1));
        assert_eq!(queue.get_timeout(Duration::ZERO), Err(GetTimeoutError::Timeout));
    }

    // C51
    fn a_join_of_an_unused_queue_returns_at_once() {
        Queue::<u32>::new().join();
        assert!(PriorityQueue::<u32>::new().join_timeout(Duration::ZERO));
    }

    // C51
    fn done_more_often_than_put_is_an_error() {
        let queue = Queue::new();
        assert_eq!(queue.task_done(), Err(TaskDoneError));
        queue.put(1).unwrap();
        assert_eq!((queue.task_done(), queue.task_done()), (Ok(()), Err(TaskDoneError)));
        assert_eq!(queue.unfinished(), 0);
        queue.put(2).unwrap();
        assert_eq!(queue.unfinished(), 1);
    }

    fn a_join_returns_when_the_last_item_is_done() {
        let queue: Arc<Queue<u32>> = Arc::new((0..10).collect());
        assert_eq!(queue.unfinished(), 10);
        assert!(!queue.join_timeout(Duration::from_millis(1)));
        let done = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let (queue, done) = (queue.clone(), done.clone());
                thread::spawn(move || {
                    while let Ok(_item) = queue.try_get() {
                        thread::sleep(Duration::from_millis(1));
                        done.fetch_add(1, Ordering::SeqCst);
                        queue.task_done().unwrap();
                    }
                })
            })
            .collect();
        queue.join();
        assert_eq!(done.load(Ordering::SeqCst), 10);
        assert!(queue.join_timeout(LONG));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    }
}

#[test]
#[should_panic(expected = "room for one item")]
fn a_queue_without_room_is_refused() {
    let _ = Queue::<u32>::bounded(0);
}

#[test]
fn a_queue_can_be_a_static() {
    static QUEUE: Queue<u32> = Queue::bounded(4);
    QUEUE.put(1).unwrap();
    assert_eq!((QUEUE.capacity(), QUEUE.try_get()), (Some(4), Ok(1)));
    assert_eq!(Queue::<u32>::new().capacity(), None);
}
