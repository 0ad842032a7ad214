//! The pools of the process, for reports: which there are, and what each does.

use super::crew::Crew;
use super::pool::Statistics;
use crate::engine::Histogram;
use crate::park::Mutex;
use std::sync::{Arc, Weak};

static POOLS: Mutex<Vec<Weak<Crew>>> = Mutex::new(Vec::new());

/// A pool of OS threads at one moment, by name: see [`pools`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolReport {
    /// The name of the pool.
    pub name: String,
    /// What it was doing.
    pub statistics: Statistics,
    /// Threads that there may be at once.
    pub max_threads: usize,
    /// How long jobs have waited for a thread that found none free: of one at a time.
    pub waits: Histogram,
}

/// All blocking pools of the process that were made and not dropped, or that still have threads:
/// the default one, users', and those of files and look-ups. Never blocks.
#[must_use]
pub fn pools() -> Vec<PoolReport> {
    let crews: Vec<Arc<Crew>> = POOLS.lock().iter().filter_map(Weak::upgrade).collect();
    crews.iter().map(|crew| crew.report()).collect()
}

/// Has a new pool be known.
pub(super) fn enter(crew: &Arc<Crew>) {
    let mut pools = POOLS.lock();
    pools.retain(|pool| pool.strong_count() > 0);
    pools.push(Arc::downgrade(crew));
}

impl Crew {
    fn report(&self) -> PoolReport {
        let state = self.state.lock();
        PoolReport {
            name: self.name.to_string(),
            statistics: state.statistics(),
            max_threads: state.max,
            waits: state.waits.snapshot(),
        }
    }
}
