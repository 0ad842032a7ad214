//! The three queues as programs see them: the same calls, whatever the order.
//!
//! A macro writes them out, because they differ in nothing but the order and in what it asks of the
//! items.

use super::base::{Base, Patience, Refused, Shutdown, UNBOUNDED};
use super::error::{
    GetError, GetTimeoutError, PutError, PutTimeoutError, TaskDoneError, TryGetError, TryPutError,
};
use super::order::{Fifo, Lifo, Priority};
use crate::time;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

macro_rules! queue {
    ($(#[$doc:meta])* $name:ident $(where T: $bound:ident)?, $order:ident, $iter:ident) => {
        $(#[$doc])*
        pub struct $name<T> {
            base: Base<T, $order<T>>,
        }

        /// Takes items out of the queue, waiting for each, until the queue was shut down and is
        /// empty.
        pub struct $iter<'q, T> {
            queue: &'q $name<T>,
        }

        impl<T> $name<T> {
            /// Makes an empty queue without a limit. It holds what it is given until memory ends.
            #[must_use]
            pub const fn new() -> $name<T> {
                $name { base: Base::new($order::new(), UNBOUNDED) }
            }

            /// Makes an empty queue that holds at most `capacity` items.
            ///
            /// # Panics
            ///
            /// If `capacity` is 0: a channel of capacity 0 is a rendezvous, a queue is not.
            #[must_use]
            pub const fn bounded(capacity: usize) -> $name<T> {
                assert!(capacity > 0, "a queue needs room for one item at least");
                $name { base: Base::new($order::new(), capacity) }
            }

            /// How many items it may hold; `None` if there is no limit.
            #[must_use]
            pub fn capacity(&self) -> Option<usize> {
                self.base.capacity()
            }

            /// How many items were put and are not done: see `task_done`.
            #[must_use]
            pub fn unfinished(&self) -> usize {
                self.base.unfinished()
            }

            /// Whether `shutdown` was called.
            #[must_use]
            pub fn is_shut_down(&self) -> bool {
                self.base.is_shut_down()
            }

            /// Counts one of the items that were put as done; for whoever took one, when he has
            /// finished with it. Never blocks.
            ///
            /// # Errors
            ///
            /// [`TaskDoneError`] if all items are done; nothing changes then.
            pub fn task_done(&self) -> Result<(), TaskDoneError> {
                if self.base.task_done() { Ok(()) } else { Err(TaskDoneError) }
            }

            /// Blocks the calling thread, of either kind, until all items that were put are done.
            /// Returns at once if none ever was.
            pub fn join(&self) {
                let is_done = self.base.join(None);
                debug_assert!(is_done, "there is no deadline");
            }

            /// `join` for at most `timeout`. False if items were left.
            #[must_use]
            pub fn join_timeout(&self, timeout: Duration) -> bool {
                self.base.join(time::now().checked_add(timeout))
            }
        }

        impl<T $(: $bound)?> $name<T> {
            /// How many items are in it. An estimate, as soon as others use the queue.
            #[must_use]
            pub fn len(&self) -> usize {
                self.base.len()
            }

            /// Whether no item is in it.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether a put would have to wait.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.base.is_full()
            }

            /// Puts an item; blocks the calling thread, of either kind, while the queue is full.
            ///
            /// A thread that is killed or whose timeout scope expires meanwhile has not put the
            /// item, which is dropped.
            ///
            /// # Errors
            ///
            /// [`PutError`] with the item, at once or while waiting, if the queue is shut down.
            pub fn put(&self, item: T) -> Result<(), PutError<T>> {
                self.base.put(item, None).map_err(|error| PutError(error.into_inner()))
            }

            /// Puts an item if there is room. Never waits for any.
            ///
            /// # Errors
            ///
            /// [`TryPutError`] with the item.
            pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
                self.base.try_put(item)
            }

            /// `put` that waits for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`PutTimeoutError`] with the item.
            pub fn put_timeout(
                &self,
                item: T,
                timeout: Duration,
            ) -> Result<(), PutTimeoutError<T>> {
                match self.base.try_put(item) {
                    Ok(()) => Ok(()),
                    Err(TryPutError::ShutDown(item)) => Err(PutTimeoutError::ShutDown(item)),
                    Err(TryPutError::Full(item)) => {
                        self.base.put(item, time::now().checked_add(timeout))
                    }
                }
            }

            /// Takes the first item; blocks the calling thread, of either kind, while there is
            /// none.
            ///
            /// # Errors
            ///
            /// [`GetError`], at once or while waiting, if the queue is shut down and empty.
            pub fn get(&self) -> Result<T, GetError> {
                self.base.get(Patience::Until(None)).map_err(|_| GetError)
            }

            /// Takes the first item if there is one. Never waits for one, but for another thread
            /// that is about to compare or clone items.
            ///
            /// # Errors
            ///
            /// [`TryGetError`].
            pub fn try_get(&self) -> Result<T, TryGetError> {
                self.base.get(Patience::None).map_err(not_now)
            }

            /// `get` that waits for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`GetTimeoutError`].
            pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetTimeoutError> {
                self.base.get(patience(timeout)).map_err(not_in_time)
            }

            /// Clones the first item, which stays; blocks the calling thread, of either kind,
            /// while there is none.
            ///
            /// While an item is cloned other threads can put, but those that get or peek wait.
            ///
            /// # Errors
            ///
            /// As `get`.
            pub fn peek(&self) -> Result<T, GetError>
            where
                T: Clone,
            {
                self.base.peek(Patience::Until(None)).map_err(|_| GetError)
            }

            /// Clones the first item if there is one, as `try_get` takes it.
            ///
            /// # Errors
            ///
            /// [`TryGetError`].
            pub fn try_peek(&self) -> Result<T, TryGetError>
            where
                T: Clone,
            {
                self.base.peek(Patience::None).map_err(not_now)
            }

            /// `peek` that waits for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`GetTimeoutError`].
            pub fn peek_timeout(&self, timeout: Duration) -> Result<T, GetTimeoutError>
            where
                T: Clone,
            {
                self.base.peek(patience(timeout)).map_err(not_in_time)
            }

            /// Ends the queue: every later `put` fails, and so does every `get` once the queue is
            /// empty, which it is at once if `how` is [`Shutdown::Immediate`]. Wakes everybody who
            /// waits in vain. Never blocks.
            ///
            /// Items that are dropped count as done. A queue that drains can still be ended at
            /// once.
            pub fn shutdown(&self, how: Shutdown) {
                self.base.shutdown(how);
            }

            /// Iterates over the items as they are taken, each by a `get`.
            #[must_use]
            pub fn iter(&self) -> $iter<'_, T> {
                $iter { queue: self }
            }
        }

        impl<T $(: $bound)?> Iterator for $iter<'_, T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.queue.get().ok()
            }
        }

        impl<'q, T $(: $bound)?> IntoIterator for &'q $name<T> {
            type Item = T;
            type IntoIter = $iter<'q, T>;

            fn into_iter(self) -> $iter<'q, T> {
                self.iter()
            }
        }

        /// A queue without a limit that holds the items, which count as put.
        impl<T $(: $bound)?> FromIterator<T> for $name<T> {
            fn from_iter<I: IntoIterator<Item = T>>(items: I) -> $name<T> {
                let queue = $name::new();
                for item in items {
                    let put = queue.try_put(item);
                    debug_assert!(put.is_ok(), "there is no limit, and nobody else has the queue");
                }
                queue
            }
        }

        impl<T> Default for $name<T> {
            fn default() -> $name<T> {
                $name::new()
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("capacity", &self.capacity())
                    .field("unfinished", &self.unfinished())
                    .field("is_shut_down", &self.is_shut_down())
                    .finish_non_exhaustive()
            }
        }

        impl<T> fmt::Debug for $iter<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).finish_non_exhaustive()
            }
        }

        // No code of the user runs while the queue is in disorder.
        impl<T> UnwindSafe for $name<T> {}
        impl<T> RefUnwindSafe for $name<T> {}
    };
}

queue! {
    /// Items that are handed out in the order in which they were put.
    ///
    /// See the [module](crate::queue) for what all queues have in common.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{queue::{Queue, Shutdown}, thread};
    ///
    /// let queue = Queue::bounded(8);
    /// let sum = thread::scope(|scope| {
    ///     let worker = scope.spawn(|| queue.iter().sum::<u32>());
    ///     for number in 1..=10 {
    ///         queue.put(number).expect("it is shut down below");
    ///     }
    ///     queue.shutdown(Shutdown::Draining);
    ///     worker.join().expect("it does not panic")
    /// });
    /// assert_eq!(sum, 55);
    /// ```
    Queue, Fifo, Iter
}

queue! {
    /// Items of which the one that was put last is handed out first.
    ///
    /// See the [module](crate::queue) for what all queues have in common.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::queue::LifoQueue;
    ///
    /// let queue: LifoQueue<u32> = [1, 2, 3].into_iter().collect();
    /// assert_eq!(queue.try_get(), Ok(3));
    /// ```
    LifoQueue, Lifo, LifoIter
}

queue! {
    /// Items of which the lowest is handed out first, and among equal ones the one that was put
    /// first. [`Reverse`](std::cmp::Reverse) makes it the highest.
    ///
    /// `Ord::cmp` of the items is called by whoever gets or peeks, never by whoever puts, and never
    /// under a lock: it may block, and others wait for it then. If it panics the panic comes out of
    /// that `get`, and no item is lost. It must not use the same queue, which would wait for
    /// itself.
    ///
    /// See the [module](crate::queue) for what all queues have in common.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::queue::PriorityQueue;
    ///
    /// let queue = PriorityQueue::new();
    /// for job in [(2, "wash"), (1, "wake"), (3, "walk")] {
    ///     queue.put(job).expect("nobody shuts it down");
    /// }
    /// assert_eq!(queue.get(), Ok((1, "wake")));
    /// ```
    PriorityQueue where T: Ord, Priority, PriorityIter
}

fn patience(timeout: Duration) -> Patience {
    Patience::Until(time::now().checked_add(timeout))
}

fn not_now(refused: Refused) -> TryGetError {
    match refused {
        Refused::Empty => TryGetError::Empty,
        Refused::ShutDown => TryGetError::ShutDown,
    }
}

fn not_in_time(refused: Refused) -> GetTimeoutError {
    match refused {
        Refused::Empty => GetTimeoutError::Timeout,
        Refused::ShutDown => GetTimeoutError::ShutDown,
    }
}
