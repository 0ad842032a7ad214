//! The life of a pool's thread: takes jobs until there are none, idles, and leaves.

use super::crew::Crew;
use super::seat::Seat;
use super::state::{Idle, State};
use crate::park::MutexGuard;
use crate::park::{ServiceThread, Unparker, Wakeups, park_until};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

/// How a thread has ceased to be idle.
enum Idled {
    /// There is a job, or was.
    Called,
    /// It has been idle for long enough, or is one too many.
    Dismissed,
}

/// What a thread of the pool does, from its first moment to its last.
pub(super) fn serve(crew: &Arc<Crew>, number: u64) {
    // What it does is counted while it lasts: an idle thread keeps no deadlock alive.
    let _service = ServiceThread::new();
    let seat = Seat::take(crew);
    let unparker = Unparker::current();
    let mut state = crew.state.lock();
    seat.begin_work(state.coming.pop());
    while !state.is_overstaffed() {
        let mut wakeups = Wakeups::new();
        let Some(job) = state.next_job(&mut wakeups) else {
            if state.is_closed {
                break;
            }
            let idled;
            (state, idled) = idle(crew, state, Idle { number, unparker: unparker.clone() }, &seat);
            match idled {
                Idled::Called => continue,
                Idled::Dismissed => break,
            }
        };
        state.running += 1;
        let orders = state.settle();
        drop(state);
        drop(wakeups);
        // There is a thread, this one, so nothing is refused.
        let _ = crew.carry_out(orders, None);
        let has_run = Seat::perform(&*job);
        drop(job);
        state = crew.state.lock();
        state.running -= 1;
        state.done += u64::from(has_run);
        state.is_starved = false;
        if state.is_drained() {
            crew.tell_if_drained(state);
            state = crew.state.lock();
        }
    }
    state.leave();
    let orders = state.settle();
    drop(state);
    let _ = crew.carry_out(orders, None);
    seat.leave();
}

/// Waits to be called, for the idle timeout at most if there are more threads than are to stay.
fn idle<'c>(
    crew: &'c Crew,
    mut state: MutexGuard<'c, State>,
    me: Idle,
    seat: &Seat,
) -> (MutexGuard<'c, State>, Idled) {
    let number = me.number;
    // Looked at before the lock is taken again by others: usually nobody needs the clock.
    let leaves_at = Instant::now().checked_add(state.settings.idle_timeout);
    state.idle.push(me);
    loop {
        let deadline = leaves_at.filter(|_| state.threads > state.min);
        drop(state);
        seat.end_work();
        // No scope is open and nobody is killed here: the thread serves itself.
        let _ = park_until(deadline);
        state = crew.state.lock();
        let Some(place) = state.idle.iter().rposition(|idle| idle.number == number) else {
            seat.begin_work(state.coming.pop());
            return (state, Idled::Called);
        };
        let has_waited = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let is_surplus = state.threads > state.max || has_waited && state.threads > state.min;
        if is_surplus || state.is_closed {
            mem::drop(state.idle.remove(place));
            return (state, Idled::Dismissed);
        }
    }
}
