//! How long a stream may go without a byte in either direction.
//!
//! The kernel has no such timeout, so it is kept here, beside the ones that the kernel has, and
//! shared by clones as those are. While there is one, each call that has moved bytes notes the
//! time, and a call that waits looks at its deadline whether a clone has moved bytes meanwhile, in
//! either direction, and then waits on. Nothing is armed and nobody else watches; a stream without
//! this timeout pays for a look at one word.
//!
//! # Orderings
//!
//! Relaxed, as in `mode`: a time that is read late makes a wait look once more, or end as if it had
//! looked a moment before.

use greenstd_runtime::time;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far a virtual clock, which stands still while its threads run, may be behind the system's.
const BEHIND: Duration = Duration::from_secs(60 * 60);

/// From when times are counted.
static START: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(BEHIND).unwrap_or(now)
});

#[derive(Default)]
pub(crate) struct Idle {
    /// Zero for none.
    timeout_micros: AtomicU64,
    /// When bytes were last moved. Kept only while there is a timeout.
    moved_at_micros: AtomicU64,
}

impl Idle {
    /// Sets the timeout, which counts from now.
    pub(crate) fn limit(&self, timeout: Option<Duration>) {
        self.moved();
        let micros = timeout.map_or(0, |timeout| timeout.as_micros().max(1));
        // Beyond half a million years is for ever.
        self.timeout_micros.store(u64::try_from(micros).unwrap_or(0), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.timeout_micros.load(Ordering::Relaxed) != 0
    }

    /// Notes that bytes were moved just now.
    pub(crate) fn moved(&self) {
        // Half a million years fit.
        let now_micros = (time::now() - *START).as_micros() as u64;
        self.moved_at_micros.store(now_micros, Ordering::Relaxed);
    }

    /// When the stream will have been idle for too long, as things are; none beyond the clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let timeout_micros = self.timeout_micros.load(Ordering::Relaxed);
        if timeout_micros == 0 {
            return None;
        }
        let moved_at_micros = self.moved_at_micros.load(Ordering::Relaxed);
        let ends_at_micros = moved_at_micros.saturating_add(timeout_micros);
        START.checked_add(Duration::from_micros(ends_at_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_moves_with_the_bytes() {
        let idle = Idle::default();
        assert!(!idle.is_limited());
        assert_eq!(idle.deadline(), None);
        idle.limit(Some(Duration::from_secs(60)));
        let first = idle.deadline().unwrap();
        assert!(first > Instant::now() + Duration::from_secs(50));
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(idle.deadline(), Some(first));
        idle.moved();
        assert!(idle.deadline().unwrap() > first);
        idle.limit(Some(Duration::MAX));
        assert_eq!(idle.deadline(), None, "longer than any clock counts");
        idle.limit(None);
        assert_eq!(idle.deadline(), None);
    }
}
