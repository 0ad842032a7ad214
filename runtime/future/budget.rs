//! Fairness inside of one poll.
//!
//! An async crate may read in a loop until there is nothing more, and for a peer that sends without
//! end that is never. Nothing else can interrupt a poll, so its leaves do.

use crate::park;
use std::task::{Context, Poll};

/// Counts an operation that a leaf is about to try; pending, with the waker called, if there were
/// too many in a row, so that [`block_on`](super::block_on) lets other green threads run first.
///
/// For the leaves of bridges to async code: to be called before anything is taken. The same as
/// [`park::spend_budget`](crate::park::spend_budget) does for blocking calls, and tokio's
/// cooperative scheduling for its own leaves. Never blocks; always ready on a plain OS thread.
#[inline]
pub fn spend_budget(context: &Context<'_>) -> Poll<()> {
    if park::try_spend_budget() {
        return Poll::Ready(());
    }
    // What is spent stays spent until `block_on` yields, which it does after each poll that is
    // pending.
    context.waker().wake_by_ref();
    Poll::Pending
}
