//! How many OS threads there are while a program has many threads.

use crate::run;
use std::fs;
use std::thread;

/// The OS threads beside the workers: the main thread, the test's, the watchdogs, those of pools.
const OTHERS_MAX: usize = 12;

/// Called by a program while it has so many threads at least: with std each is an OS thread, in the
/// mirror none is.
pub fn is_here(count: usize) {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc is there").count();
    match run::workers() {
        None => assert!(tasks >= count, "{count} threads, but {tasks} OS threads only"),
        Some(workers) => {
            let parallelism = thread::available_parallelism().map_or(1, usize::from);
            let max = workers + parallelism + OTHERS_MAX;
            assert!(tasks <= max, "{count} green threads, and {tasks} OS threads");
        }
    }
}
