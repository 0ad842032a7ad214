//! The runtimes of this process, for who wants to see all of them.

use super::atomic::{AtomicU64, Mutex, Ordering};
use super::shared::Shared;
use std::sync::{Arc, Weak};

/// Those that were started; the others are weeded out when one is added.
static RUNTIMES: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number that no other runtime of the process has.
pub(super) fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// Has a runtime be seen.
pub(super) fn enter(shared: &Arc<Shared>) {
    let mut runtimes = RUNTIMES.lock();
    runtimes.retain(|runtime| runtime.strong_count() > 0);
    runtimes.push(Arc::downgrade(shared));
}

/// Those that there are, in the order in which they were started.
pub(super) fn all() -> Vec<Arc<Shared>> {
    RUNTIMES.lock().iter().filter_map(Weak::upgrade).collect()
}
