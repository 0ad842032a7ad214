//! Green threads that wait at addresses: what all locks of unmodified code come down to.
//!
//! | file | what it holds |
//! |---|---|
//! | `bucket.rs` | who waits at an address: no wake-up is lost, and none touches who has gone |
//! | `lock.rs` | the lock of a bucket, which meets no hook |
//! | `wait.rs` | a wait: links, parks, looks again now and then |
//! | `limit.rs` | until when, by which clock |
//! | `call.rs` | the operations of the system call `futex` |
//! | `futex2.rs` | those of the system calls that came after it |
//! | `fork.rs` | a forked child, where none of the waiters is |
//! | `pool.rs` | OS threads for waits that only the kernel can do |
//!
//! The primitives of the C library wait here, too, each by a kind of its own. Their real locks are
//! tried, and changed, by the C library itself: so green threads and OS threads share them. An OS
//! thread waits in the kernel; who lets go wakes there, too.

pub(crate) mod atomic;
pub(crate) mod bucket;
pub(crate) mod call;
mod fork;
pub(crate) mod futex2;
pub(crate) mod limit;
mod lock;
pub(crate) mod pool;
pub(crate) mod wait;

use self::atomic::{AtomicUsize, Lock};
use self::bucket::{Bucket, Chain, Counted, Key, Node, Table, Wake};
use crate::gate;
use greenstd_runtime::hooks::{self, Inside};
use greenstd_runtime::park::Unparker;
use greenstd_runtime::thread;
use std::sync::atomic::{AtomicU32, Ordering};

/// Buckets; a power of two. A few times as many as there are locks that are contended at a time.
const BUCKETS: usize = 256;

/// One wake-up in so many gives way to those who were woken; a power of two.
const GIVE_WAY_ONCE_IN: u32 = 8;

static TABLE: Table<Unparker, BUCKETS> =
    Table::new(AtomicUsize::new(0), [const { Lock::new(Bucket::new()) }; BUCKETS]);

/// The kinds of a [`Key`].
pub(crate) mod kind {
    pub(crate) const FUTEX: u32 = 0;
    pub(crate) const MUTEX: u32 = 1;
    pub(crate) const CONDITION: u32 = 2;
    pub(crate) const RWLOCK: u32 = 3;
    pub(crate) const SEMAPHORE: u32 = 4;
    pub(crate) const BARRIER: u32 = 5;
    pub(crate) const ONCE: u32 = 6;
    pub(crate) const ONCE_RUNNER: u32 = 7;
    pub(crate) const STREAM: u32 = 8;
}

impl Wake for Unparker {
    fn wake(self) {
        self.unpark();
    }
}

/// Whether there may be green threads that wait here, and so whoever lets go has to look. False in
/// a program that never installs the hooks, whose locks cost what they always did.
#[inline]
pub(crate) fn may_have_waiters() -> bool {
    hooks::is_installed() && TABLE.has_waiters()
}

/// Wakes up to `at_most` who wait at a key: to be called by whoever has let something go, and is
/// not needed where [`may_have_waiters`] is false. Callable from any thread.
#[cold]
pub(crate) fn wake(key: Key, at_most: usize) -> usize {
    wake_masked(key, bucket::ANY, at_most)
}

/// [`wake`] of those whose masks meet `mask`.
pub(crate) fn wake_masked(key: Key, mask: u32, at_most: usize) -> usize {
    wake_with(key, |bucket, chain| bucket.take(key, mask, at_most, chain))
}

/// Wakes those at a key whom `take` puts into the chain, and counts, under the lock of the bucket.
pub(crate) fn wake_with(
    key: Key,
    take: impl FnOnce(&mut Bucket<Unparker>, &mut Chain<Unparker>) -> usize,
) -> usize {
    let inside = Inside::new();
    let woken = TABLE.wake(key.address, take);
    drop(inside);
    if woken > 0 {
        give_way();
    }
    woken
}

/// [`Table::requeue`], by any thread.
pub(crate) fn requeue(
    from: Key,
    to: usize,
    counts: [usize; 2],
    is_wanted: impl FnOnce() -> bool,
) -> Option<[usize; 2]> {
    let _inside = Inside::new();
    TABLE.requeue(from, to, counts, is_wanted)
}

/// Links a node unless `is_needed`, asked under the lock, says that it is not to be.
///
/// # Safety
///
/// It stays where it is, and alive, until it was withdrawn. The caller has entered.
pub(crate) unsafe fn link_if(
    node: &Node<Unparker>,
    is_needed: impl FnOnce(&mut Bucket<Unparker>) -> bool,
) -> bool {
    // SAFETY: passed on.
    unsafe { TABLE.link_if(node, false, is_needed) }
}

/// Counts the caller as one who waits.
pub(crate) fn enter() -> Counted<'static> {
    fork::prepare();
    TABLE.enter()
}

/// Takes a node out that was linked, if no waker has it.
pub(crate) fn withdraw(node: &Node<Unparker>) -> bool {
    TABLE.withdraw(node)
}

/// Lets those who were woken run now and then.
///
/// Who unlocks a mutex and locks it again at once gets it, for whoever was woken has not run yet;
/// on one worker it would be so for ever. Which wake-up it is must not follow a rhythm: it might be
/// that of the program.
fn give_way() {
    static STATE: AtomicU32 = AtomicU32::new(0x2545_f491);
    // A linear congruence; the upper bits are those that vary. Relaxed: a lost step is no loss.
    let state = STATE.load(Ordering::Relaxed).wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    STATE.store(state, Ordering::Relaxed);
    if (state >> 16).is_multiple_of(GIVE_WAY_ONCE_IN) && gate::is_cooperative() {
        yield_now();
    }
}

/// Lets others run. A kill does not end it, nor keep it from it: whoever spins until another green
/// thread has run goes on to do so.
pub(crate) fn yield_now() {
    let _inside = Inside::new();
    thread::shield(thread::yield_now);
}
