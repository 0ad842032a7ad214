//! The OS threads on which calls wait that nothing tells the end of: files on a disk.
//!
//! The caller stays until the call is over, whether it is killed or not: the kernel writes into
//! its memory.

use crate::gate;
use crate::raw::Answer;
use greenstd_runtime::blocking::{BlockingPool, Builder};
use greenstd_runtime::thread::shield;
use std::sync::LazyLock;

/// As many as wait for the files of `greenstd::fs`: beyond that a queue is better off here than in
/// the kernel.
const THREADS_AT_MOST: usize = 32;

static FILES: LazyLock<BlockingPool> =
    LazyLock::new(|| Builder::new().name("hooked files").max_threads(THREADS_AT_MOST).build());

/// Makes a call on a thread of the pool, and parks the calling green thread until it is over.
///
/// # Errors
///
/// Those of the call; `ECANCELED` for a caller that was killed before.
pub(crate) fn on_the_pool(call: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    gate::blocking(|| shield(|| FILES.run(call))).unwrap_or_else(Err)
}
