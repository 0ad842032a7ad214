//! What the tests of greenstd's own share: patience, and threads of which one knows that they wait.

use greenstd::thread::{self, JoinHandle, Killed};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Far more than anything takes that has to happen soon, on the slowest machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Sleeps until `condition` holds; fails if it does not within ten seconds.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Gives a thread the time to come to its wait. That it may not have is no failure.
pub fn let_wait() {
    thread::sleep(Duration::from_millis(30));
}

/// Whether its outcome is that of a kill.
pub fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// Has a file leave the page cache, as far as the kernel likes.
pub fn forget_cached(file: impl AsFd) {
    rustix::fs::fsync(&file).unwrap();
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

/// Descriptors of this process.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
