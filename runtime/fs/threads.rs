//! The OS threads on which the calls of files wait.
//!
//! Files have a pool of their own: while a disk or a file server is slow, databases and other calls
//! of [`blocking`](crate::blocking()) go on, and the other way round. What may wait for somebody
//! else instead of for a disk, the opening of a FIFO or of a device, has yet another one, whose
//! threads are many and small: it may last for ever, and must not keep files from being read.

use crate::blocking::{self, BlockingPool, Builder, JobHandle, TrySpawnError};
use crate::park;
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

/// Calls that wait for a disk at once. Beyond that a queue is better off in our memory than in the
/// kernel's, and a network file system that hangs holds no more threads than these.
const FILE_THREADS: usize = 32;

/// Opens that wait for a peer at once; others queue behind them.
const OPENING_THREADS: usize = 512;

/// Enough for an open or a copy: std keeps paths of up to 384 bytes on the stack, and a buffer of
/// 8 KiB.
const OPENING_STACK_BYTES: usize = 128 * 1024;

static FILES: LazyLock<BlockingPool> =
    LazyLock::new(|| Builder::new().name("files").max_threads(FILE_THREADS).build());

static OPENING: LazyLock<BlockingPool> = LazyLock::new(|| {
    Builder::new()
        .name("opening")
        .max_threads(OPENING_THREADS)
        .stack_size(OPENING_STACK_BYTES)
        .idle_timeout(Duration::from_secs(1))
        .build()
});

/// Runs a call that may wait for a disk, and blocks the calling thread until it is over; in place
/// where that does no harm. A caller that is killed abandons the call, as in
/// [`BlockingPool::run`](crate::blocking::BlockingPool::run).
///
/// # Errors
///
/// Those of the call; that of starting the first thread.
pub(super) fn run<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if blocking::may_block() { call() } else { run_on(&FILES, call) }
}

/// [`run`], for a call that may wait for a peer.
///
/// # Errors
///
/// As [`run`].
pub(super) fn run_for_long<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if blocking::may_block() { call() } else { run_on(&OPENING, call) }
}

/// Whether opening what `path` leads to may wait for somebody, as that of a FIFO does. To be asked
/// where calls may block.
pub(super) fn may_wait_for_long(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn run_on<T: Send + 'static>(
    pool: &BlockingPool,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if park::is_to_end() && !std::thread::panicking() {
        // What was submitted now might start before its caller gives it up.
        return Err(io::Error::other(park::unwind_killed()));
    }
    let job = match pool.spawn_timeout(Duration::MAX, call) {
        Ok(job) => job,
        Err(TrySpawnError::NoThread(_, kind)) => return Err(kind.into()),
        Err(error) => {
            unreachable!("this pool is never shut down, and there is no deadline: {error}")
        }
    };
    let abandoning = Abandon(Some(job));
    abandoning.join()
}

/// Keeps a call from starting whose caller unwinds.
struct Abandon<T>(Option<JobHandle<io::Result<T>>>);

impl<T> Abandon<T> {
    fn join(mut self) -> io::Result<T> {
        if let Some(job) = &self.0 {
            let is_over = job.wait(None);
            debug_assert!(is_over, "there is no deadline");
        }
        let job = self.0.take().expect("it is taken here only");
        job.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }
}

impl<T> Drop for Abandon<T> {
    fn drop(&mut self) {
        if let Some(job) = &self.0 {
            job.cancel();
        }
    }
}
