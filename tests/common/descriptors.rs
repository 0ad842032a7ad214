//! How many descriptors this process has open.

use std::fs;

/// The descriptors that this process has open, but for those of files in /proc.
pub fn descriptors() -> usize {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let targets = all.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    // What the watchdog, and this very look, have open there comes and goes at its own time.
    targets.filter(|target| !target.starts_with("/proc")).count()
}
