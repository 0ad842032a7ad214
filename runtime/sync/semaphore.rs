//! Counting semaphores.
//!
//! A permit goes to whoever has waited longest, from hand to hand. One who is killed in the moment
//! in which he is granted a permit gives it to the next.

use crate::park::{self, Ask, Line, Reason, Waited};
use crate::select::{LineArm, Outcome, Queued, Waitable};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

static ACQUIRE: Reason = Reason("Semaphore::acquire");

/// Permits that green threads and OS threads take and give back, in FIFO order.
#[derive(Debug)]
pub struct Semaphore {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    permits: usize,
    waiting: Line<()>,
}

impl Semaphore {
    /// Makes a semaphore with so many permits.
    #[must_use]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore { state: Mutex::new(State { permits, waiting: Line::new() }) }
    }

    /// Blocks the calling thread until a permit is there, and takes it.
    pub fn acquire(&self) {
        let has_acquired = self.acquire_until(None);
        debug_assert!(has_acquired, "there is no deadline");
    }

    /// [`acquire`](Semaphore::acquire) for at most `timeout`. False if there was no permit in time.
    #[must_use]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.acquire_until(Instant::now().checked_add(timeout))
    }

    /// Takes a permit if one is there.
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        let mut state = self.state.lock();
        let has_permit = state.permits > 0;
        state.permits -= usize::from(has_permit);
        has_permit
    }

    /// Gives a permit back, or a new one. Never blocks.
    ///
    /// # Panics
    ///
    /// If the number of permits overflows.
    pub fn release(&self) {
        let mut state = self.state.lock();
        let granted = state.waiting.grant(|()| ());
        if granted.is_none() {
            state.permits = state.permits.checked_add(1).expect("too many permits");
        }
        drop(state);
        // Whoever was granted the permit is woken here, outside of the lock.
        drop(granted);
    }

    fn acquire_until(&self, deadline: Option<Instant>) -> bool {
        if self.try_acquire() {
            return true;
        }
        let mut state = self.state.lock();
        if state.permits > 0 {
            state.permits -= 1;
            return true;
        }
        let ask = Ask::new(&ACQUIRE, deadline);
        let waited = park::wait_in_line(&self.state, state, |state| &mut state.waiting, (), ask);
        let Waited::Granted(()) = waited else { return false };
        self.accept();
        true
    }

    /// Gives a permit that was granted to the next one, if the caller is to end.
    fn accept(&self) {
        if park::is_to_end() && !std::thread::panicking() {
            self.release();
            let _ = park::unwind_killed();
        }
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

    fn lock(&self) -> &Mutex<State> {
        &self.state
    }

    fn line(state: &mut State) -> &mut Line<()> {
        &mut state.waiting
    }

    fn is_ready(state: &State) -> bool {
        state.permits > 0
    }

    fn take(state: &mut State) {
        state.permits -= 1;
    }

    fn finish(&self, (): ()) {
        self.accept();
    }
}
