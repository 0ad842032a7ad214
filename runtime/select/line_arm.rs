//! The arm of a primitive that is a lock with a line of waiters in its state.

use super::{Awaitable, Outcome};
use crate::park::Mutex;
use crate::park::{Arm, Choice, Line, Place};

/// A primitive of which one can wait for something in a line.
///
/// This is all that a primitive needs to be [`Waitable`](super::Waitable): its `arm` boxes a
/// [`LineArm`]. None of the calls under the lock panics, or runs code of the user.
pub(crate) trait Queued {
    type State;
    /// What passes between who waits and who grants.
    type Payload: Default;
    /// What a wait gives.
    type Output;
    /// The blocking call, for reports.
    const NAME: &'static str;

    fn lock(&self) -> &Mutex<Self::State>;

    /// Always the same one.
    fn line(state: &mut Self::State) -> &mut Line<Self::Payload>;

    /// Of a node that is linked now.
    fn tag(_state: &Self::State) -> usize {
        0
    }

    /// Whether nobody has to wait. Under the lock.
    fn is_ready(&self, state: &mut Self::State) -> bool;

    /// What the blocking call does, under the lock, if it need not wait.
    fn take(state: &mut Self::State) -> Self::Output;

    /// What the blocking call does after a grant. It may unwind.
    fn finish(&self, payload: Self::Payload) -> Self::Output;

    /// Gives back what was granted to a future that is dropped. It does not unwind.
    fn put_back(&self, payload: Self::Payload);
}

/// Waits in the line of a primitive as its blocking call does.
pub(crate) struct LineArm<'a, Q: Queued> {
    queued: &'a Q,
    place: Place<Q::Payload>,
    output: Option<Q::Output>,
}

impl<'a, Q: Queued> LineArm<'a, Q> {
    pub(crate) fn new(queued: &'a Q) -> LineArm<'a, Q> {
        LineArm { queued, place: Place::new(), output: None }
    }
}

impl<Q: Queued> Arm for LineArm<'_, Q> {
    fn name(&self) -> &'static str {
        Q::NAME
    }

    fn try_now(&mut self) -> bool {
        let mut state = self.queued.lock().lock();
        let is_ready = self.queued.is_ready(&mut state);
        if is_ready {
            self.output = Some(Q::take(&mut state));
        }
        is_ready
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        let mut state = self.queued.lock().lock();
        let is_ready = self.queued.is_ready(&mut state);
        if !is_ready {
            let (tag, payload) = (Q::tag(&state), Q::Payload::default());
            choice.link_tagged(&mut self.place, Q::line(&mut state), tag, payload);
        }
        !is_ready
    }

    fn unlink(&mut self) {
        let mut state = self.queued.lock().lock();
        let payload = self.place.unlink(Q::line(&mut state));
        drop(state);
        drop(payload);
    }

    fn complete(&mut self) {
        let payload = self.place.take();
        self.output = Some(self.queued.finish(payload));
    }
}

impl<Q: Queued> Outcome for LineArm<'_, Q> {
    type Output = Q::Output;

    fn take_output(&mut self) -> Option<Q::Output> {
        self.output.take()
    }
}

impl<Q: Queued> Awaitable for LineArm<'_, Q> {
    fn put_back(&mut self) {
        let payload = self.place.take();
        self.queued.put_back(payload);
    }
}
