//! `std::sync::Barrier` for threads of either kind.

use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason, Waited};
use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};

static WAIT: Reason = Reason("Barrier::wait");

/// A point at which so many threads wait for each other, green threads or OS threads, again and
/// again.
///
/// As [`std::sync::Barrier`]. One that is killed while it waits, or whose
/// [timeout scope](crate::time::timeout) expires, counts as not arrived: the others wait for
/// another one in its place.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::Barrier, thread};
///
/// static START: Barrier = Barrier::new(3);
///
/// let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| START.wait().is_leader())).collect();
/// let leaders = threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(()));
/// assert_eq!(leaders.count(), 1);
/// ```
pub struct Barrier {
    size: usize,
    state: Mutex<State>,
}

/// What a [`Barrier`] tells those whom it lets go on.
pub struct BarrierWaitResult(bool);

struct State {
    /// Those who wait in this generation.
    arrived: usize,
    /// One up each time that the barrier opens; the tag of who waits.
    generation: usize,
    line: Line<()>,
}

impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

impl Barrier {
    /// Makes a barrier for `n` threads; for 0 or 1 it never blocks.
    #[must_use]
    pub const fn new(n: usize) -> Barrier {
        let state = State { arrived: 0, generation: 0, line: Line::new() };
        Barrier { size: n, state: Mutex::new(state) }
    }

    /// Blocks the calling thread until `n` threads wait here. One of them is told that it leads:
    /// the last.
    pub fn wait(&self) -> BarrierWaitResult {
        let mut state = self.state.lock();
        let generation = state.generation;
        if state.arrived + 1 >= self.size {
            state.arrived = 0;
            state.generation = generation.wrapping_add(1);
            // The next generation may begin to gather meanwhile, behind this one.
            park::grant_each(&self.state, state, |state| {
                state.line.grant_if(|tag| tag == generation, |()| ()).map(|((), wakeup)| wakeup)
            });
            return BarrierWaitResult(true);
        }
        state.arrived += 1;
        let leave = Leave { barrier: self, generation };
        let ask = Ask { tag: generation, ..Ask::new(&WAIT, None) };
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.line, (), ask);
        mem::forget(leave);
        debug_assert!(matches!(waited, Waited::Granted(())), "there is no deadline");
        BarrierWaitResult(false)
    }
}

/// Uncounts a waiter that unwinds, unless the barrier has opened for it in the same moment.
struct Leave<'b> {
    barrier: &'b Barrier,
    generation: usize,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut state = self.barrier.state.lock();
        if state.generation == self.generation {
            state.arrived -= 1;
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl BarrierWaitResult {
    /// Whether the calling thread is the one of its generation that leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader()).finish()
    }
}
