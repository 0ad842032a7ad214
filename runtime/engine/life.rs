//! The life-state word: one atomic that says whether a green thread runs, waits or has ended.
//!
//! A plain OS thread that parks through the waist has such a word too, so one protocol serves
//! both kinds of waiter.
//!
//! # State
//!
//! | bit | set by | cleared by | meaning |
//! |---|---|---|---|
//! | `TOKEN` | `unpark` of one that is not parked | owner, `take_token` | a wake-up to come |
//! | `PARKED` | its worker, `commit_park` | whoever claims the wake | off its stack, in no queue |
//! | `EXPIRED` | worker or sentry, `expire` | owner, `take_expiry` | it was the deadline |
//! | `KILLED` | anyone, `kill` | nobody | the next blocking call unwinds |
//! | `FINISHED` | its worker, `finish` | nobody | result stored, stack gone |
//! | `HANDLE` | birth | `drop_handle` | somebody may still ask for the result |
//! | `JOINER` | handle, `set_joiner` | handle, `unset_joiner` | the joiner's cell is filled |
//! | `PERMIT` | anyone, `give_permit` | owner, `take_permit` | `Thread::unpark` before its `park` |
//! | `WATCHED` | anyone, `set_watched` | nobody | somebody is in the list of `watch` |
//! | `IN_PLACE` | owner, `stay_in_place` | `leave_place` | it waits, and stays on its stack |
//! | `HELD` | a looker, `hold` | the same, `release` | parked, and looked at: not to be resumed |
//!
//! # Invariants
//!
//! 1. `PARKED` is cleared exactly once per park, by `unpark`, `expire` or `kill`; the one that
//!    cleared it makes the waiter runnable. So a waiter is in at most one queue.
//! 2. No unpark is lost: it ends the park that it finds, or leaves a token, and `commit_park`
//!    fails while one is there.
//! 3. The joiner's cell belongs to the handle while `JOINER` is clear, and to `finish` from the
//!    moment that `FINISHED` is set over it.
//! 4. The result belongs to the handle once `FINISHED` is set, if `HANDLE` was set then; to the
//!    ending green thread otherwise.
//! 5. `hold` exchanges `PARKED` for `HELD`, so whoever would end the park finds none: he leaves a
//!    token, `EXPIRED` or `KILLED`, which `release` finds. The looker then makes the waiter
//!    runnable in his place, or parks it again.
//!
//! # Orderings
//!
//! Every transition that hands something over is a read-modify-write with `Release` on the giving
//! side and `Acquire` on the taking one. They all act on one word, so each reads the newest value
//! and the release sequence is unbroken: what happened before an `unpark` happens before the
//! return of the `park` that consumed its token, even if several tokens were merged into one. For
//! an `unpark` that ended a park the queue does the same, by which the waiter gets back to run.

use super::atomic::{AtomicU32, Ordering};

const TOKEN: u32 = 1;
const PARKED: u32 = 1 << 1;
const EXPIRED: u32 = 1 << 2;
const KILLED: u32 = 1 << 3;
const FINISHED: u32 = 1 << 4;
const HANDLE: u32 = 1 << 5;
const JOINER: u32 = 1 << 6;
const PERMIT: u32 = 1 << 7;
const WATCHED: u32 = 1 << 8;
const IN_PLACE: u32 = 1 << 9;
const HELD: u32 = 1 << 10;

/// The life-state word.
#[derive(Debug)]
pub(crate) struct Life(AtomicU32);

/// What a looker has to know to end his hold of a parked waiter.
#[derive(Clone, Copy, Debug)]
#[must_use = "who is held is never resumed"]
pub(crate) struct Hold {
    /// It was killed before, and waits all the same: it is shielded.
    was_killed: bool,
}

/// What the ending green thread learns from [`Life::finish`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    /// A handle exists and owns the result now.
    pub(crate) has_handle: bool,
    /// The joiner's cell is filled and belongs to the caller now.
    pub(crate) has_joiner: bool,
    /// Somebody has put himself into the list of `watch`, perhaps to leave it again.
    pub(crate) has_watchers: bool,
}

impl Life {
    /// A waiter that runs; `has_handle` if somebody may ask for its result.
    pub(crate) fn new(has_handle: bool) -> Life {
        Life(AtomicU32::new(if has_handle { HANDLE } else { 0 }))
    }

    /// Applies `change` to the word until it takes, and returns the word before it; `None` if
    /// `change` refused. A refusal acquires as well: a joiner that comes too late goes on to read
    /// the result.
    #[inline]
    fn update(&self, success: Ordering, change: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            match self.0.compare_exchange_weak(word, change(word)?, success, Ordering::Acquire) {
                Ok(before) => return Some(before),
                Err(now) => word = now,
            }
        }
    }

    /// Ends the park, or leaves a token for the next one. True if the caller has to make the
    /// waiter runnable.
    #[inline]
    #[must_use]
    pub(crate) fn unpark(&self) -> bool {
        // The exchange happens even if a token is there already: its `Release` is what makes the
        // caller's writes visible to the waiter. `Acquire` because the claimer reads where the
        // waiter lives, which the waiter wrote before it parked.
        let wake = |word| match word & (PARKED | FINISHED) {
            0 => Some(word | TOKEN),
            PARKED => Some(word & !PARKED),
            _ => None,
        };
        self.update(Ordering::AcqRel, wake).is_some_and(|before| before & PARKED != 0)
    }

    /// Ends a park by its deadline. True if the caller has to make the waiter runnable.
    #[must_use]
    pub(crate) fn expire(&self) -> bool {
        let end = |word| (word & (PARKED | HELD) != 0).then_some((word & !PARKED) | EXPIRED);
        self.update(Ordering::AcqRel, end).is_some_and(|before| before & PARKED != 0)
    }

    /// [`expire`](Life::expire) by another thread than the waiter's own, whose park may be about
    /// to begin: then a token keeps it from it, and the waiter finds out for itself that it is
    /// late.
    #[must_use]
    pub(crate) fn expire_from_afar(&self) -> bool {
        self.expire() || self.unpark()
    }

    /// Whether it was the deadline that ended the park just now.
    #[inline]
    pub(crate) fn take_expiry(&self) -> bool {
        // Relaxed: the queue by which the waiter got back to run has ordered the word.
        let has_expired = self.0.load(Ordering::Relaxed) & EXPIRED != 0;
        if has_expired {
            self.0.fetch_and(!EXPIRED, Ordering::Relaxed);
        }
        has_expired
    }

    /// Asks the waiter to end, for good. True if the caller has to make it runnable.
    #[must_use]
    pub(crate) fn kill(&self) -> bool {
        let mark = |word| (word & FINISHED == 0).then_some((word | KILLED) & !PARKED);
        self.update(Ordering::AcqRel, mark).is_some_and(|before| before & PARKED != 0)
    }

    /// Declares the waiter parked. False, with the word unchanged, if a token is there or, when
    /// the wait `heeds_kill`, a kill.
    ///
    /// Called after the switch away from the stack: from here on any claimer may have it resumed.
    #[inline]
    #[must_use]
    pub(crate) fn commit_park(&self, heeds_kill: bool) -> bool {
        let obstacles = if heeds_kill { TOKEN | KILLED } else { TOKEN };
        self.update(Ordering::AcqRel, |word| (word & obstacles == 0).then_some(word | PARKED))
            .is_some()
    }

    /// Consumes the token, if there is one.
    #[inline]
    pub(crate) fn take_token(&self) -> bool {
        self.0.load(Ordering::Relaxed) & TOKEN != 0
            && self.0.fetch_and(!TOKEN, Ordering::Acquire) & TOKEN != 0
    }

    /// Whether the waiter is parked and nobody has claimed its wake-up yet.
    pub(crate) fn is_parked(&self) -> bool {
        self.0.load(Ordering::Acquire) & PARKED != 0
    }

    /// Keeps a parked waiter from being resumed until it is released: meanwhile all that is its own
    /// may be read. None if it is not parked, or waits in place.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let hold = |word| (word & (PARKED | IN_PLACE) == PARKED).then_some((word ^ PARKED) | HELD);
        let before = self.update(Ordering::AcqRel, hold)?;
        Some(Hold { was_killed: before & KILLED != 0 })
    }

    /// Ends a hold. True if the park was ended meanwhile: the caller has to make the waiter
    /// runnable.
    #[must_use]
    pub(crate) fn release(&self, hold: Hold) -> bool {
        let ends = if hold.was_killed { TOKEN | EXPIRED } else { TOKEN | EXPIRED | KILLED };
        let park_again = |word: u32| match word & ends {
            0 => Some((word & !HELD) | PARKED),
            _ => Some(word & !HELD),
        };
        self.update(Ordering::AcqRel, park_again).is_some_and(|before| before & ends != 0)
    }

    /// Says that the waiter is about to wait on its own stack, which goes on being used.
    pub(crate) fn stay_in_place(&self) {
        self.0.fetch_or(IN_PLACE, Ordering::Relaxed);
    }

    pub(crate) fn leave_place(&self) {
        self.0.fetch_and(!IN_PLACE, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_killed(&self) -> bool {
        self.0.load(Ordering::Relaxed) & KILLED != 0
    }

    /// Leaves the permit of `Thread::unpark`, which is apart from the token so that no other wait
    /// can consume it.
    pub(crate) fn give_permit(&self) {
        self.0.fetch_or(PERMIT, Ordering::Release);
    }

    pub(crate) fn take_permit(&self) -> bool {
        self.0.load(Ordering::Relaxed) & PERMIT != 0
            && self.0.fetch_and(!PERMIT, Ordering::Acquire) & PERMIT != 0
    }

    /// Ends the waiter's life: the result is stored, and nothing will run on its behalf again.
    pub(crate) fn finish(&self) -> Finish {
        let before = self.0.fetch_or(FINISHED, Ordering::AcqRel);
        debug_assert_eq!(before & (FINISHED | PARKED), 0);
        Finish {
            has_handle: before & HANDLE != 0,
            has_joiner: before & JOINER != 0,
            has_watchers: before & WATCHED != 0,
        }
    }

    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        self.0.load(Ordering::Acquire) & FINISHED != 0
    }

    /// Whether somebody may still ask for the result.
    pub(crate) fn has_handle(&self) -> bool {
        self.0.load(Ordering::Acquire) & HANDLE != 0
    }

    /// Gives the handle up. True if the waiter had finished, so that the result is the caller's
    /// to drop.
    #[must_use]
    pub(crate) fn drop_handle(&self) -> bool {
        self.0.fetch_and(!HANDLE, Ordering::AcqRel) & FINISHED != 0
    }

    /// Publishes the joiner's cell. False if the waiter has finished: the cell stays the caller's.
    #[must_use]
    pub(crate) fn set_joiner(&self) -> bool {
        self.update(Ordering::AcqRel, |word| (word & FINISHED == 0).then_some(word | JOINER))
            .is_some()
    }

    /// Has `finish` look into the list of `watch`, which the caller has locked. False if the waiter
    /// has finished: nobody will look any more.
    #[must_use]
    pub(crate) fn set_watched(&self) -> bool {
        self.update(Ordering::AcqRel, |word| (word & FINISHED == 0).then_some(word | WATCHED))
            .is_some()
    }

    /// Takes the joiner's cell back. False if the waiter has finished meanwhile.
    #[must_use]
    pub(crate) fn unset_joiner(&self) -> bool {
        self.update(Ordering::AcqRel, |word| (word & FINISHED == 0).then_some(word & !JOINER))
            .is_some()
    }
}

#[cfg(all(test, loom))]
mod models;
