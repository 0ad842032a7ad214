//! Queues: one order stands for all, since the orders differ in where an item is put alone.

use super::{Wait, plain, wait};
use greenstd::queue::{GetTimeoutError, LifoQueue, PriorityQueue, PutTimeoutError, Queue};

pub const WAITS: &[Wait] = &[
    wait(
        "Queue::put",
        || {
            let queue = Queue::bounded(1);
            queue.put(0).unwrap();
            queue.put(1).unwrap();
        },
        |time| {
            let queue = Queue::bounded(1);
            queue.put(0).unwrap();
            matches!(queue.put_timeout(1, time), Err(PutTimeoutError::Timeout(1)))
        },
    ),
    wait(
        "Queue::get",
        || assert!(Queue::<i32>::new().get().is_ok()),
        |time| Queue::<i32>::new().get_timeout(time) == Err(GetTimeoutError::Timeout),
    ),
    wait(
        "Queue::peek",
        || assert!(Queue::<i32>::new().peek().is_ok()),
        |time| Queue::<i32>::new().peek_timeout(time) == Err(GetTimeoutError::Timeout),
    ),
    wait(
        "Queue::join",
        || {
            let queue = Queue::new();
            queue.put(0).unwrap();
            queue.join();
        },
        |time| {
            let queue = Queue::new();
            queue.put(0).unwrap();
            !queue.join_timeout(time)
        },
    ),
    plain("Queue::iter", || assert_eq!(Queue::<i32>::new().iter().count(), 0)),
    wait(
        "LifoQueue::get",
        || assert!(LifoQueue::<i32>::new().get().is_ok()),
        |time| LifoQueue::<i32>::new().get_timeout(time) == Err(GetTimeoutError::Timeout),
    ),
    wait(
        "PriorityQueue::get",
        || assert!(PriorityQueue::<i32>::new().get().is_ok()),
        |time| PriorityQueue::<i32>::new().get_timeout(time) == Err(GetTimeoutError::Timeout),
    ),
];
