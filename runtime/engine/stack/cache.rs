//! The free stacks of one worker.
//!
//! A green thread that ends leaves its stack here, hot, for the next one that starts on this
//! worker: one push and one pop. 16 slots at a time come from and go to the shared pool, from the
//! cold end, so that a worker that takes and puts around either limit does not go there each time.

use std::io;

use super::{Stack, StackPool};

/// Slots of the pool's default class, last in, first out.
#[derive(Debug)]
pub(crate) struct LocalCache {
    stacks: Vec<Stack>,
    /// Slots on their way to the pool; kept for its allocation.
    batch: Vec<Stack>,
}

impl LocalCache {
    /// Most slots in a cache, which hold at most 8 MiB of the default class after deep use.
    pub(crate) const CAPACITY: usize = 32;

    /// Slots that move at once.
    pub(crate) const BATCH: usize = LocalCache::CAPACITY / 2;

    /// Makes an empty cache in front of `pool`, which is to be used with that pool only.
    ///
    /// # Errors
    ///
    /// As [`StackPool::reserve`]: what the cache may hold back has to exist besides what is
    /// reserved.
    pub(crate) fn new(pool: &StackPool) -> io::Result<LocalCache> {
        pool.add_cache()?;
        Ok(LocalCache {
            stacks: Vec::with_capacity(LocalCache::CAPACITY),
            batch: Vec::with_capacity(LocalCache::BATCH),
        })
    }

    /// Takes a stack of the default class, for which the caller has a reservation.
    ///
    /// # Errors
    ///
    /// As [`StackPool::take`].
    #[inline]
    pub(crate) fn take(&mut self, pool: &StackPool) -> io::Result<Stack> {
        match self.stacks.pop() {
            Some(stack) => Ok(stack),
            None => self.take_from_pool(pool),
        }
    }

    /// Puts a stack back: one of the default class here, another straight to the pool.
    #[inline]
    pub(crate) fn put(&mut self, pool: &StackPool, stack: Stack) {
        if stack.class() == pool.default_class() && self.stacks.len() < LocalCache::CAPACITY {
            self.stacks.push(stack);
        } else {
            self.put_beyond(pool, stack);
        }
    }

    /// Puts all slots back to the pool, for a worker that goes to sleep for long.
    pub(crate) fn flush(&mut self, pool: &StackPool) {
        if !self.stacks.is_empty() {
            pool.put_batch(pool.default_class(), &mut self.stacks);
        }
    }

    /// Puts all slots back and ends the cache. One that is merely dropped loses its slots.
    pub(crate) fn close(mut self, pool: &StackPool) {
        self.flush(pool);
        pool.remove_cache();
    }

    #[cold]
    fn take_from_pool(&mut self, pool: &StackPool) -> io::Result<Stack> {
        pool.take_batch(pool.default_class(), LocalCache::BATCH, &mut self.stacks)?;
        Ok(self.stacks.pop().expect("a batch holds at least one stack"))
    }

    #[cold]
    fn put_beyond(&mut self, pool: &StackPool, stack: Stack) {
        if stack.class() != pool.default_class() {
            return pool.put(stack);
        }
        self.batch.extend(self.stacks.drain(..LocalCache::BATCH));
        pool.put_batch(pool.default_class(), &mut self.batch);
        self.stacks.push(stack);
    }
}
