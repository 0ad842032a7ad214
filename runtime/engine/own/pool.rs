//! Blocks for reuse: some with each worker, the rest in common.
//!
//! # Invariants
//!
//! A block is given up by nobody (`block` invariant 3), so the process holds as many as ever were
//! in use at once. That is the bound: each is in use, with a worker, or in common.

use super::block::Block;
use super::layout;
use crate::engine::atomic::Mutex;
use std::io;
use std::ptr::NonNull;

/// Blocks that a worker keeps at most, and half of which it exchanges at once.
const KEPT_BY_WORKER: usize = 64;

/// Blocks of the whole process: runtimes come and go.
static COMMON: Mutex<Common> = Mutex::new(Common(Vec::new()));

struct Common(Vec<NonNull<Block>>);

// SAFETY: a block is used by one thread at a time, whichever that is, as the pool's owner of it.
unsafe impl Send for Common {}

/// Blocks of one worker.
#[derive(Debug, Default)]
pub(in crate::engine) struct LocalBlocks(Vec<NonNull<Block>>);

impl LocalBlocks {
    pub(in crate::engine) const fn new() -> LocalBlocks {
        LocalBlocks(Vec::new())
    }

    /// Takes a block, for a fiber that begins.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(in crate::engine) fn take(&mut self) -> io::Result<NonNull<Block>> {
        match self.0.pop() {
            Some(block) => Ok(block),
            None => self.fetch(),
        }
    }

    #[cold]
    fn fetch(&mut self) -> io::Result<NonNull<Block>> {
        let mut common = COMMON.lock();
        let rest = common.0.len().saturating_sub(KEPT_BY_WORKER / 2);
        self.0.extend(common.0.drain(rest..));
        drop(common);
        match self.0.pop() {
            Some(block) => Ok(block),
            None => Block::new(layout::find()?),
        }
    }

    /// Takes a block back, from a fiber that has ended.
    pub(in crate::engine) fn put(&mut self, block: NonNull<Block>) {
        if self.0.len() == KEPT_BY_WORKER {
            COMMON.lock().0.extend(self.0.drain(KEPT_BY_WORKER / 2..));
        }
        self.0.push(block);
    }

    /// Gives all of them to the other workers of the process.
    pub(in crate::engine) fn close(self) {
        COMMON.lock().0.extend(self.0);
    }
}
