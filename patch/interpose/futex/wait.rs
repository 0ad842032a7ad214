//! A wait at an address: what green threads do instead of a blocking call, and OS threads where
//! they have to meet them.
//!
//! Whoever lets go is to wake those who wait here, by a hook. Some cannot be seen: calls by the
//! instruction itself, calls between functions of the C library. So a waiter that can tell by a
//! look whether its wait is over looks now and then, less and less often. A wait that was ended by
//! that is a *rescue*; the first is reported.
//!
//! # Invariants
//!
//! 1. Kills and timeout scopes do not end a wait for a lock: its caller goes on as if it held it.
//!    Others they end, once: whoever waits again is left to wait.
//! 2. A wait leaves a token behind where it may have consumed one. It may have begun in the middle
//!    of another wait of the runtime on the same thread, whose wake-up that was.

use super::TABLE;
use super::bucket::{Bucket, Chain, Key, Node};
use super::limit::Limit;
use greenstd_runtime::hooks::Inside;
use greenstd_runtime::park::{self, Outcome, Unparker};
use greenstd_runtime::thread::{self, ThreadId};
use greenstd_runtime::time;
use libc::c_int;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often one looks at last: a rescue may be late, and ten thousand waiters cost a few percent
/// of a processor.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);

static RESCUES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The green thread that was told last that it is to end. Its own, where it has its own.
    static TOLD: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// How many waits have ended because a green thread has looked, after some time, at what it waited
/// for: whoever ended it could not be seen to do so.
#[must_use]
pub fn rescued_waits() -> u64 {
    // Relaxed: a statistic.
    RESCUES.load(Ordering::Relaxed)
}

/// The particulars of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) key: Key,
    pub(crate) mask: u32,
    pub(crate) limit: Limit,
    /// When to look first; never if None.
    pub(crate) look_after: Option<Duration>,
    /// Whether a kill ends it.
    pub(crate) heeds_kill: bool,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// There was nothing to wait for.
    NotNeeded,
    /// By somebody else.
    Woken,
    /// By a look; nobody has woken it.
    Found,
    /// Nobody has woken it.
    TimedOut,
    /// By a kill, or a timeout scope; nobody has woken it.
    Interrupted,
    /// The process is a forked child, where nobody can be parked: the kernel's call is to be made.
    Refused,
}

/// Waits at an address unless `is_needed`, asked under the lock of the bucket, says that there is
/// nothing to wait for. `look` says whether the wait is over.
pub(crate) fn wait(
    ask: &Ask,
    is_needed: impl FnOnce(&mut Bucket<Unparker>, &mut Chain<Unparker>) -> bool,
    look: impl Fn() -> bool,
) -> Waited {
    wait_after(ask, false, is_needed, || true, look)
}

/// [`wait`], at the front if it is not the first one for the same thing, that calls `begin` when
/// others can see it wait; false takes it back, as `NotNeeded`.
pub(crate) fn wait_after(
    ask: &Ask,
    at_front: bool,
    is_needed: impl FnOnce(&mut Bucket<Unparker>, &mut Chain<Unparker>) -> bool,
    begin: impl FnOnce() -> bool,
    look: impl Fn() -> bool,
) -> Waited {
    let _inside = Inside::new();
    super::fork::prepare();
    let node = Node::new(ask.key, ask.mask, Unparker::current());
    let _counted = TABLE.enter();
    let mut chain = Chain::new();
    // SAFETY: it is not moved, and `Wait` does not let it go before it is out.
    let is_linked =
        unsafe { TABLE.link_if(&node, at_front, |bucket| is_needed(bucket, &mut chain)) };
    drop(chain);
    if !is_linked {
        return Waited::NotNeeded;
    }
    let wait = Wait { ask, node: &node };
    if !begin() {
        return wait.give_up(Waited::NotNeeded);
    }
    let waited = wait.park(look);
    // Invariant 2.
    Unparker::current().unpark();
    waited
}

/// Waits until `attempt`, which does not block, has an answer, which is returned.
///
/// # Errors
///
/// How the wait ended without: timed out, interrupted or refused.
pub(crate) fn acquire(ask: &Ask, attempt: impl Fn() -> Option<c_int>) -> Result<c_int, Waited> {
    let answer = Cell::new(None);
    let try_it = || {
        answer.set(attempt());
        answer.get().is_some()
    };
    let mut at_front = false;
    loop {
        let waited = wait_after(ask, at_front, |_, _| !try_it(), || true, try_it);
        match (answer.get(), waited) {
            (Some(answer), Waited::Woken) => {
                // It was let have it in the very moment in which it looked: that was for another.
                super::wake_masked(ask.key, ask.mask, 1);
                return Ok(answer);
            }
            (Some(answer), _) => return Ok(answer),
            (None, Waited::TimedOut) => return attempt().ok_or(waited),
            (None, Waited::Interrupted | Waited::Refused) => return Err(waited),
            // Whoever was woken has waited longest.
            (None, _) => at_front = true,
        }
    }
}

/// A wait whose node is linked.
struct Wait<'w> {
    ask: &'w Ask,
    node: &'w Node<Unparker>,
}

impl Wait<'_> {
    fn park(self, look: impl Fn() -> bool) -> Waited {
        let heeds_kill = self.ask.heeds_kill && !is_told();
        let mut pause = self.ask.look_after;
        loop {
            if self.node.is_woken() {
                return Waited::Woken;
            }
            let look_at = pause.map(|pause| time::now() + pause);
            let deadline = self.ask.limit.deadline();
            let until = [look_at, deadline].into_iter().flatten().min();
            match park_once(until, heeds_kill) {
                Outcome::Woken => {}
                Outcome::Killed if heeds_kill => {
                    TOLD.set(Some(thread::current().id()));
                    return self.give_up(Waited::Interrupted);
                }
                Outcome::Killed => return self.give_up(Waited::Refused),
                Outcome::TimedOut if self.ask.limit.has_passed() => {
                    return self.give_up(Waited::TimedOut);
                }
                Outcome::TimedOut if look_at == until => {
                    if look() {
                        self.count_rescue();
                        return self.give_up(Waited::Found);
                    }
                    pause = pause.map(|pause| (pause * 2).min(LOOK_AT_LEAST_EVERY));
                }
                // The clock was set back.
                Outcome::TimedOut => {}
            }
        }
    }

    fn give_up(self, waited: Waited) -> Waited {
        if TABLE.withdraw(self.node) {
            return waited;
        }
        // A waker has it, and is about to let it go: it does not park in between.
        while !self.node.is_woken() {
            std::hint::spin_loop();
            std::thread::yield_now();
        }
        Waited::Woken
    }

    fn count_rescue(&self) {
        // Relaxed: a statistic.
        if RESCUES.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                address = format_args!("{:#x}", self.ask.key.address),
                "whoever woke a green thread cannot be seen to do so; such wake-ups are late"
            );
        }
    }
}

fn park_once(until: Option<Instant>, heeds_kill: bool) -> Outcome {
    if heeds_kill {
        return park::park_until(until);
    }
    thread::shield(|| park::park_until(until))
}

/// Whether the calling thread was told that it is to end, and still is. May consume a token.
fn is_told() -> bool {
    let Some(told) = TOLD.get() else { return false };
    if told != thread::current().id() {
        return false;
    }
    // A look that does not wait.
    let is_to_end = park::park_until(Some(time::now())) == Outcome::Killed;
    if !is_to_end {
        TOLD.set(None);
    }
    is_to_end
}
