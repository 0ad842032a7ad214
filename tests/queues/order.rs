//! What leaves a queue first.

use greenstd::queue::{LifoQueue, PriorityQueue, Queue, Shutdown, TryGetError};
use std::cmp::Reverse;

laws! {
    fn items_leave_in_the_order_in_which_they_came() {
        let queue = Queue::new();
        for item in [3, 1, 2] {
            queue.put(item).unwrap();
        }
        assert_eq!([queue.get(), queue.get(), queue.get()], [Ok(3), Ok(1), Ok(2)]);
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    }

    fn the_last_item_leaves_first() {
        let queue = LifoQueue::new();
        for item in [3, 1, 2] {
            queue.put(item).unwrap();
        }
        assert_eq!([queue.get(), queue.get(), queue.get()], [Ok(2), Ok(1), Ok(3)]);
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    }

    fn the_lowest_item_leaves_first() {
        let queue: PriorityQueue<u64> = (0..1000).map(|number| number * 7919 % 1000).collect();
        for lowest in 0..500 {
            assert_eq!(queue.get(), Ok(lowest));
        }
        queue.put(3).unwrap();
        assert_eq!(queue.get(), Ok(3));
        queue.shutdown(Shutdown::Draining);
        assert!(queue.iter().eq(500..1000));
    }

    fn the_highest_item_leaves_first_if_reversed() {
        let queue: PriorityQueue<_> = [1, 3, 2].map(Reverse).into_iter().collect();
        assert_eq!(queue.get(), Ok(Reverse(3)));
    }

    fn equal_items_leave_in_the_order_in_which_they_came() {
        #[derive(Debug)]
        struct Job(u32, u32);
        impl PartialEq for Job {
            fn eq(&self, other: &Job) -> bool {
                self.0 == other.0
            }
        }
        impl Eq for Job {}
        impl PartialOrd for Job {
            fn partial_cmp(&self, other: &Job) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for Job {
            fn cmp(&self, other: &Job) -> std::cmp::Ordering {
                self.0.cmp(&other.0)
            }
        }
        let queue = PriorityQueue::new();
        for number in 0..300 {
            queue.put(Job(number % 3, number)).unwrap();
        }
        let mut last = (0, 0);
        queue.shutdown(Shutdown::Draining);
        for (at, job) in queue.iter().enumerate() {
            assert_eq!(job.0, at as u32 / 100);
            assert!(at == 0 || (job.0, job.1) > last, "{job:?} after {last:?}");
            last = (job.0, job.1);
        }
        assert_eq!(last, (2, 299));
    }

    fn an_item_that_is_peeked_at_stays() {
        let queue: Queue<u32> = [1, 2].into_iter().collect();
        assert_eq!((queue.peek(), queue.try_peek()), (Ok(1), Ok(1)));
        assert_eq!((queue.len(), queue.get()), (2, Ok(1)));
        let last_first: LifoQueue<u32> = [1, 2].into_iter().collect();
        assert_eq!((last_first.peek(), last_first.get()), (Ok(2), Ok(2)));
        let lowest_first: PriorityQueue<u32> = [2, 1, 3].into_iter().collect();
        assert_eq!((lowest_first.peek(), lowest_first.get()), (Ok(1), Ok(1)));
        assert_eq!(Queue::<u32>::new().try_peek(), Err(TryGetError::Empty));
    }
}
