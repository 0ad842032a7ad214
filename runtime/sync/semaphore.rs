//! Counting semaphores.
//!
//! A permit goes to whoever has waited longest, from hand to hand: while somebody waits, nobody who
//! comes later takes one. One who is killed, or whose timeout scope expires, in the moment in which
//! he is granted a permit gives it to the next.
//!
//! # Invariants
//!
//! 1. Whoever waits first needs more permits than there are: each change that could end that
//!    grants, under the same lock.
//! 2. There are at most `bound` permits, those that were acquired not counted.

use crate::future::Wait;
use crate::park::{self, Ask, Line, Reason, Waited, Wakeup};
use crate::park::{Mutex, MutexGuard};
use crate::select::{LineArm, Mapped, Outcome, Queued, Waitable};
use crate::time;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

static ACQUIRE: Reason = Reason("Semaphore::acquire");
static ACQUIRE_BOUNDED: Reason = Reason("BoundedSemaphore::acquire");

/// Permits that green threads and OS threads take and give back.
///
/// Acquiring blocks until a permit is there: it parks a green thread, and blocks an OS thread. The
/// order is first come, first served. A permit belongs to nobody: another thread than the one that
/// acquired it may release it, and more may be released than were acquired. See
/// [`BoundedSemaphore`](super::BoundedSemaphore) for one that forbids the latter.
///
/// The semantics are gevent's, except that nobody overtakes those who wait.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::Semaphore, thread};
///
/// let at_most_two = Semaphore::new(2);
/// thread::scope(|scope| {
///     for _ in 0..10 {
///         scope.spawn(|| {
///             let _permit = at_most_two.access();
///             thread::yield_now();
///         });
///     }
/// });
/// assert_eq!(at_most_two.available_permits(), 2);
/// ```
pub struct Semaphore {
    state: Mutex<State>,
    pub(super) bound: usize,
}

/// A permit that is released when this is dropped.
#[derive(Debug)]
#[must_use = "the permit is released at once if this is not kept"]
pub struct SemaphoreGuard<'s> {
    semaphore: &'s Semaphore,
}

/// A [`BoundedSemaphore`](super::BoundedSemaphore) was released more often than acquired. Nothing
/// was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseError {}

#[derive(Debug)]
pub(crate) struct State {
    permits: usize,
    /// Tagged with how many permits each needs.
    waiting: Line<()>,
}

impl Semaphore {
    /// Makes a semaphore with so many permits.
    #[must_use]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore::with_bound(permits, usize::MAX)
    }

    pub(super) const fn with_bound(permits: usize, bound: usize) -> Semaphore {
        Semaphore { state: Mutex::new(State { permits, waiting: Line::new() }), bound }
    }

    /// Blocks the calling thread until a permit is there, and takes it.
    ///
    /// A green thread that is killed meanwhile unwinds here, and so does any thread whose timeout
    /// scope expires; it takes no permit then.
    #[inline]
    pub fn acquire(&self) {
        self.acquire_many(1);
    }

    /// Blocks the calling thread until `count` permits are there at once, and takes them.
    ///
    /// Those who come later wait behind it, even if there are permits enough for them.
    #[inline]
    pub fn acquire_many(&self, count: usize) {
        let has_acquired = self.take(count, None);
        debug_assert!(has_acquired, "there is no deadline");
    }

    /// [`acquire`](Semaphore::acquire) for at most `timeout`. False if there was no permit in time.
    #[must_use]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.try_acquire() || self.take(1, time::now().checked_add(timeout))
    }

    /// [`acquire`](Semaphore::acquire) until `deadline`. False if there was no permit in time.
    #[must_use]
    pub fn acquire_until(&self, deadline: Instant) -> bool {
        self.take(1, Some(deadline))
    }

    /// Takes a permit if one is there and nobody waits. Never blocks.
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if so many are there and nobody waits. Never blocks.
    #[must_use]
    pub fn try_acquire_many(&self, count: usize) -> bool {
        self.state.lock().try_take(count)
    }

    /// Gives a permit back, or a new one. Never blocks.
    ///
    /// # Panics
    ///
    /// If the number of permits overflows.
    #[inline]
    pub fn release(&self) {
        self.give(1).expect("too many permits");
    }

    /// Gives `count` permits back, or new ones. Never blocks.
    ///
    /// # Panics
    ///
    /// If the number of permits overflows.
    pub fn release_many(&self, count: usize) {
        self.give(count).expect("too many permits");
    }

    /// Permits that could be acquired now. Another thread may take them any moment.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.state.lock().permits
    }

    /// [`acquire`](Semaphore::acquire) with a guard that releases the permit when it is dropped.
    pub fn access(&self) -> SemaphoreGuard<'_> {
        self.acquire();
        SemaphoreGuard { semaphore: self }
    }

    /// [`access`](Semaphore::access) as a future, for tasks of any executor; it never blocks. A
    /// future that is dropped has taken no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, sync::Semaphore};
    ///
    /// let semaphore = Semaphore::new(1);
    /// block_on(async {
    ///     let _guard = semaphore.access_async().await;
    ///     assert!(!semaphore.try_acquire());
    /// });
    /// assert!(semaphore.try_acquire());
    /// ```
    pub fn access_async(&self) -> impl Future<Output = SemaphoreGuard<'_>> + Send {
        Wait::new(Mapped::new(LineArm::new(self), self, |semaphore, ()| SemaphoreGuard {
            semaphore,
        }))
    }

    /// [`acquire_timeout`](Semaphore::acquire_timeout) with a guard.
    #[must_use]
    pub fn access_timeout(&self, timeout: Duration) -> Option<SemaphoreGuard<'_>> {
        self.acquire_timeout(timeout).then(|| SemaphoreGuard { semaphore: self })
    }

    /// [`try_acquire`](Semaphore::try_acquire) with a guard.
    #[must_use]
    pub fn try_access(&self) -> Option<SemaphoreGuard<'_>> {
        self.try_acquire().then(|| SemaphoreGuard { semaphore: self })
    }

    /// False if `deadline` has passed before there were so many permits.
    #[inline]
    fn take(&self, count: usize, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        state.try_take(count) || self.wait(state, count, deadline)
    }

    /// Inlined into one function for each way to call, because a return to a stack that was just
    /// switched to is never predicted.
    fn wait(&self, state: MutexGuard<'_, State>, count: usize, deadline: Option<Instant>) -> bool {
        assert!(count <= self.bound, "so many permits will never be there");
        let what = if self.bound == usize::MAX { &ACQUIRE } else { &ACQUIRE_BOUNDED };
        // Whoever gives up may have been all that kept the next ones from going on.
        let giving_up = (count > 1).then(|| GivingUp(self));
        let ask = Ask { tag: count, ..Ask::new(what, deadline) };
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.waiting, (), ask);
        let Waited::Granted(()) = waited else { return false };
        mem::forget(giving_up);
        if park::is_to_end() {
            self.end_instead(count);
        }
        true
    }

    /// Gives back what was granted to somebody who has to unwind.
    #[cold]
    fn end_instead(&self, count: usize) {
        if !std::thread::panicking() {
            let _ = self.give(count);
            let _ = park::unwind_killed();
        }
    }

    #[inline]
    pub(super) fn give(&self, count: usize) -> Result<(), ReleaseError> {
        let mut state = self.state.lock();
        let permits = state.permits.checked_add(count).filter(|permits| *permits <= self.bound);
        state.permits = permits.ok_or(ReleaseError {})?;
        if count == 1 {
            // One more is enough for the first who waits, and then nothing is left.
            let wakeup = state.grant_first();
            drop(state);
            drop(wakeup);
        } else {
            park::grant_each(&self.state, state, State::grant_first);
        }
        Ok(())
    }
}

impl State {
    #[inline]
    fn try_take(&mut self, count: usize) -> bool {
        let is_there = count <= self.permits && self.waiting.is_empty();
        self.permits -= if is_there { count } else { 0 };
        is_there
    }

    /// Grants the first who waits what he needs, if it is there.
    #[inline]
    fn grant_first(&mut self) -> Option<Wakeup> {
        // The last one that was looked at is the one that was granted.
        let needed = Cell::new(0);
        let is_enough = |tag| {
            needed.set(tag);
            tag <= self.permits
        };
        let ((), wakeup) = self.waiting.grant_if(is_enough, |()| ())?;
        self.permits -= needed.get();
        Some(wakeup)
    }
}

/// A wait takes a permit, as [`acquire`](Semaphore::acquire) does.
impl Waitable for Semaphore {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(LineArm::new(self))
    }
}

impl Queued for Semaphore {
    type State = State;
    type Payload = ();
    type Output = ();
    const NAME: &'static str = "Semaphore::acquire";

    fn lock(&self) -> &Mutex<State> {
        &self.state
    }

    fn line(state: &mut State) -> &mut Line<()> {
        &mut state.waiting
    }

    fn tag(_state: &State) -> usize {
        1
    }

    fn is_ready(&self, state: &mut State) -> bool {
        state.permits > 0 && state.waiting.is_empty()
    }

    fn take(state: &mut State) {
        state.permits -= 1;
    }

    fn finish(&self, (): ()) {
        if park::is_to_end() {
            self.end_instead(1);
        }
    }

    fn put_back(&self, (): ()) {
        // An error says that there is no room for it: somebody has given it back already.
        let _ = self.give(1);
    }
}

/// Grants anew when the wait of somebody has ended without a grant.
struct GivingUp<'s>(&'s Semaphore);

impl Drop for GivingUp<'_> {
    fn drop(&mut self) {
        park::grant_each(&self.0.state, self.0.state.lock(), State::grant_first);
    }
}

impl Drop for SemaphoreGuard<'_> {
    fn drop(&mut self) {
        // An error says that somebody else has given this permit back; no reason to panic here.
        let _ = self.semaphore.give(1);
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permits = self.available_permits();
        f.debug_struct("Semaphore").field("available_permits", &permits).finish_non_exhaustive()
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore released too often")
    }
}

impl std::error::Error for ReleaseError {}
