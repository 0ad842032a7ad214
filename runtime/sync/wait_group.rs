//! Wait groups: a count of what is still to be done, and who waits for it to be nought.

use crate::future::Wait;
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use crate::select::{LineArm, Outcome, Queued, Waitable};
use crate::time;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

static WAIT: Reason = Reason("WaitGroup::wait");

/// Waits for a number of things to be done, by green threads or OS threads.
///
/// [`wait`](WaitGroup::wait) parks a green thread and blocks an OS thread. Once the count is nought
/// all go on who wait, and the group can be used anew.
///
/// As Go's `sync.WaitGroup`. A [`token`](WaitGroup::token) counts by itself, even if the thread
/// that holds it panics or is killed.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::WaitGroup, thread};
/// use std::sync::Arc;
///
/// let group = Arc::new(WaitGroup::new());
/// for _ in 0..3 {
///     let token = group.token_owned();
///     thread::spawn(move || {
///         thread::yield_now();
///         drop(token);
///     });
/// }
/// group.wait();
/// assert_eq!(group.count(), 0);
/// ```
pub struct WaitGroup {
    state: Mutex<State>,
}

/// One thing to be done: counted while this lives.
#[derive(Debug)]
#[must_use = "it is done as soon as this is dropped"]
pub struct WaitToken<G: Deref<Target = WaitGroup>> {
    group: G,
}

#[derive(Debug)]
pub(crate) struct State {
    count: usize,
    /// How often the count has come to be nought.
    epoch: usize,
    /// Tagged with the epoch in which each came.
    waiting: Line<()>,
}

impl WaitGroup {
    /// Makes a group with nothing to be done.
    #[must_use]
    pub const fn new() -> WaitGroup {
        WaitGroup { state: Mutex::new(State { count: 0, epoch: 0, waiting: Line::new() }) }
    }

    /// Adds `delta`, which may be negative, to the count of things to be done. Never blocks.
    ///
    /// # Panics
    ///
    /// If the count would become negative, or overflow. It stays as it was.
    #[track_caller]
    pub fn add(&self, delta: isize) {
        let mut state = self.state.lock();
        let Some(count) = state.count.checked_add_signed(delta) else {
            drop(state);
            panic!("{} count of a WaitGroup", if delta < 0 { "negative" } else { "too large a" });
        };
        state.count = count;
        if count > 0 || delta == 0 {
            return;
        }
        state.epoch += 1;
        let epoch = state.epoch;
        // Who begins to wait for a later use of the group meanwhile is not meant.
        park::grant_each(&self.state, state, |state| {
            state.waiting.grant_if(|tag| tag < epoch, |()| ()).map(|((), wakeup)| wakeup)
        });
    }

    /// Counts one thing as done. Never blocks.
    ///
    /// # Panics
    ///
    /// If there was nothing to be done.
    #[track_caller]
    pub fn done(&self) {
        self.add(-1);
    }

    /// How many things are to be done.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.lock().count
    }

    /// Counts one thing more, until the token is dropped.
    pub fn token(&self) -> WaitToken<&WaitGroup> {
        self.add(1);
        WaitToken { group: self }
    }

    /// [`token`](WaitGroup::token) that keeps the group, and so can be given to any thread.
    pub fn token_owned(self: &Arc<Self>) -> WaitToken<Arc<WaitGroup>> {
        self.add(1);
        WaitToken { group: self.clone() }
    }

    /// Blocks the calling thread until nothing is to be done. Returns at once if nothing is.
    ///
    /// A green thread that is killed meanwhile unwinds here, and so does any thread whose timeout
    /// scope expires.
    pub fn wait(&self) {
        let is_done = self.wait_for(None);
        debug_assert!(is_done, "there is no deadline");
    }

    /// [`wait`](WaitGroup::wait) for at most `timeout`. False if not all was done in time.
    #[must_use = "it says whether all was done"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(time::now().checked_add(timeout))
    }

    /// [`wait`](WaitGroup::wait) until `deadline`. False if not all was done in time.
    #[must_use = "it says whether all was done"]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_for(Some(deadline))
    }

    /// [`wait`](WaitGroup::wait) as a future, for tasks of any executor; it never blocks.
    pub fn wait_async(&self) -> impl Future<Output = ()> + Send {
        Wait::new(LineArm::new(self))
    }

    fn wait_for(&self, deadline: Option<Instant>) -> bool {
        let state = self.state.lock();
        if state.count == 0 {
            return true;
        }
        let ask = Ask { tag: state.epoch, ..Ask::new(&WAIT, deadline) };
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.waiting, (), ask);
        matches!(waited, Waited::Granted(()))
    }
}

/// A wait is over once nothing is to be done, as that of [`wait`](WaitGroup::wait).
impl Waitable for WaitGroup {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(LineArm::new(self))
    }
}

impl Queued for WaitGroup {
    type State = State;
    type Payload = ();
    type Output = ();
    const NAME: &'static str = "WaitGroup::wait";

    fn lock(&self) -> &Mutex<State> {
        &self.state
    }

    fn line(state: &mut State) -> &mut Line<()> {
        &mut state.waiting
    }

    fn tag(state: &State) -> usize {
        state.epoch
    }

    fn is_ready(&self, state: &mut State) -> bool {
        state.count == 0
    }

    fn take(_state: &mut State) {}

    fn finish(&self, (): ()) {}

    fn put_back(&self, (): ()) {}
}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

// No code of users runs while the state is being changed, so no unwinding leaves it half changed.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl<G: Deref<Target = WaitGroup>> Drop for WaitToken<G> {
    fn drop(&mut self) {
        self.group.done();
    }
}
