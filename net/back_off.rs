//! How long to wait before an accept is tried again that failed for want of resources.
//!
//! When descriptors or memory run out, accept fails and the connection stays queued, so the
//! listener stays readable: whoever tries again at once burns a core until somebody hangs up. Each
//! failure in a row doubles the wait, up to a longest one; a success ends the row.

use std::io;
use std::time::Duration;

/// The waits of one row of failures.
#[derive(Debug)]
pub(crate) struct BackOff {
    first: Duration,
    longest: Duration,
    /// Zero outside of a row.
    last_wait: Duration,
}

impl BackOff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> BackOff {
        BackOff { first, longest, last_wait: Duration::ZERO }
    }

    /// Whether something has failed since the last success.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.last_wait.is_zero()
    }

    /// Notes a failure, and tells how long to wait.
    pub(crate) fn failed(&mut self) -> Duration {
        self.last_wait = (self.last_wait * 2).clamp(self.first, self.longest);
        self.last_wait
    }

    pub(crate) fn succeeded(&mut self) {
        self.last_wait = Duration::ZERO;
    }
}

/// Whether an accept failed for want of what other connections will give back.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    matches!(code, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first_ms: u64, longest_ms: u64, length: usize) -> Vec<u128> {
        let (first, longest) = (Duration::from_millis(first_ms), Duration::from_millis(longest_ms));
        let mut back_off = BackOff::new(first, longest);
        (0..length).map(|_| back_off.failed().as_millis()).collect()
    }

    #[test]
    fn waits_double_from_the_first_to_the_longest() {
        // Go's bounds, and gevent's.
        assert_eq!(row(5, 1000, 10), [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(row(10, 1000, 9), [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn a_success_ends_the_row() {
        let mut back_off = BackOff::new(Duration::from_millis(5), Duration::from_secs(1));
        assert!(!back_off.is_under_way());
        back_off.failed();
        assert!(back_off.is_under_way());
        assert_eq!(back_off.failed(), Duration::from_millis(10));
        back_off.succeeded();
        assert!(!back_off.is_under_way());
        assert_eq!(back_off.failed(), Duration::from_millis(5));
    }

    #[test]
    fn only_want_of_resources_is_exhaustion() {
        let exhausted = |code| is_exhaustion(&io::Error::from_raw_os_error(code));
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert!(exhausted(code));
        }
        for code in [libc::EAGAIN, libc::EINVAL, libc::ECONNABORTED, libc::EPERM] {
            assert!(!exhausted(code));
        }
    }
}
