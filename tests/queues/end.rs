//! How a queue is shut down.

use greenstd::queue::{
    GetError, GetTimeoutError, LifoQueue, PriorityQueue, PutError, PutTimeoutError, Queue,
    Shutdown, TryGetError, TryPutError,
};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// Lets whoever was spawned come to wait.
fn settle() {
    greenstd::thread::sleep(Duration::from_millis(20));
}

laws! {
    // C50
    fn a_queue_drains_and_then_says_so() {
        let queue: PriorityQueue<u32> = [2, 1].into_iter().collect();
        queue.shutdown(Shutdown::Draining);
        assert!(queue.is_shut_down());
        assert!(queue.put(3) == Err(PutError(3)));
        assert!(queue.try_put(3) == Err(TryPutError::ShutDown(3)));
        assert!(queue.put_timeout(3, LONG) == Err(PutTimeoutError::ShutDown(3)));
        assert_eq!((queue.peek(), queue.get(), queue.try_get()), (Ok(1), Ok(1), Ok(2)));
        assert_eq!((queue.get(), queue.peek()), (Err(GetError), Err(GetError)));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert_eq!(queue.get_timeout(LONG), Err(GetTimeoutError::ShutDown));
    }

    // C50
    fn an_immediate_end_drops_what_is_left_and_counts_it_as_done() {
        let kept = Arc::new(());
        let queue = LifoQueue::new();
        for _ in 0..3 {
            queue.put(kept.clone()).unwrap();
        }
        let taken = queue.get().unwrap();
        queue.shutdown(Shutdown::Immediate);
        assert_eq!((Arc::strong_count(&kept), queue.len()), (2, 0));
        assert_eq!(queue.get(), Err(GetError));
        assert_eq!(queue.unfinished(), 1);
        assert!(!queue.join_timeout(Duration::ZERO));
        drop(taken);
        queue.task_done().unwrap();
        queue.join();
        queue.shutdown(Shutdown::Draining);
        assert_eq!(queue.get(), Err(GetError));
    }

    // C50
    fn the_end_wakes_everybody_who_waits() {
        for how in [Shutdown::Draining, Shutdown::Immediate] {
            let (empty, full) = (Arc::new(Queue::<u32>::new()), Arc::new(Queue::bounded(1)));
            full.put(0).unwrap();
            let mut waiting = Vec::new();
            for item in 1..4 {
                let queue = empty.clone();
                waiting.push(thread::spawn(move || assert_eq!(queue.get(), Err(GetError))));
                let queue = empty.clone();
                waiting.push(thread::spawn(move || assert_eq!(queue.peek(), Err(GetError))));
                let queue = full.clone();
                waiting.push(thread::spawn(move || {
                    assert!(queue.put(item) == Err(PutError(item)));
                }));
            }
            settle();
            empty.shutdown(how);
            full.shutdown(how);
            for thread in waiting {
                thread.join().unwrap();
            }
            assert_eq!(full.try_get().is_ok(), how == Shutdown::Draining);
        }
    }

    fn an_immediate_end_wakes_who_waits_for_the_last_item() {
        let queue = Arc::new(Queue::new());
        queue.put(1).unwrap();
        let other = queue.clone();
        let joiner = thread::spawn(move || other.join());
        settle();
        queue.shutdown(Shutdown::Immediate);
        joiner.join().unwrap();
    }

    fn a_queue_that_drains_can_be_ended_at_once() {
        let queue: Queue<u32> = [1, 2].into_iter().collect();
        queue.shutdown(Shutdown::Draining);
        queue.shutdown(Shutdown::Immediate);
        assert_eq!(queue.get(), Err(GetError));
        queue.join();
    }

    fn iteration_ends_with_the_queue() {
        let queue = Arc::new(Queue::bounded(2));
        let other = queue.clone();
        let reader = thread::spawn(move || other.iter().collect::<Vec<_>>());
        for item in 0..100 {
            queue.put(item).unwrap();
        }
        queue.shutdown(Shutdown::Draining);
        assert!(reader.join().unwrap().into_iter().eq(0..100));
        assert_eq!((&*queue).into_iter().next(), None);
    }
}

#[test]
fn a_drop_of_an_item_may_use_the_queue() {
    struct Nosy(Arc<Queue<Nosy>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert_eq!(self.0.len(), 0);
        }
    }
    let queue = Arc::new(Queue::new());
    for _ in 0..3 {
        assert!(queue.put(Nosy(queue.clone())).is_ok());
    }
    queue.shutdown(Shutdown::Immediate);
    assert_eq!(Arc::strong_count(&queue), 1);
}
