//! What the tests of our own behaviour share: drops that are counted, descriptors that are open.

use greenstd::thread::{JoinHandle, Killed};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts its drops.
pub struct Guard(pub Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// The descriptors that this process has open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The descriptors that are registered with the epoll sets of this process.
pub fn registrations() -> usize {
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap();
    // One that is closed meanwhile, such as that of the folder itself, has none.
    let infos = infos.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    infos.map(|info| info.lines().filter(|line| line.starts_with("tfd:")).count()).sum()
}
