//! A future that is over at a given time.

use super::waits;
use crate::time;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Makes a future that is over at `deadline`, never before it.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{block_on, future::sleep_until};
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(2);
/// block_on(sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
#[must_use = "futures do nothing unless they are polled"]
pub fn sleep_until(deadline: Instant) -> Sleep {
    // Relaxed: nothing but that it is a number of its own counts.
    Sleep { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), deadline }
}

/// A wait until some time, made by [`sleep_until`].
///
/// It is to be polled inside of [`block_on`](super::block_on), on a green thread or an OS thread:
/// whoever polled it last is who wakes it.
///
/// # Panics
///
/// When polled anywhere else.
#[derive(Debug)]
pub struct Sleep {
    id: u64,
    deadline: Instant,
}

impl Sleep {
    /// When it is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Has it be over at another time, once it is polled again. To put it off costs next to
    /// nothing: its waker may be called at the earlier time, and once more at the later one.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Put off, as an idle timeout is with each request: neither the clock nor the entry need be
        // touched before the first deadline comes up.
        if waits::wakes_before(self.id, self.deadline, context.waker()) {
            return Poll::Pending;
        }
        if self.deadline <= time::now() {
            return Poll::Ready(());
        }
        let is_noted = waits::wake_at(self.id, self.deadline, context.waker());
        assert!(is_noted, "a `Sleep` was polled outside of `block_on`");
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        waits::forget(self.id);
    }
}
