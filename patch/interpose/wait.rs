//! The one loop of all calls on descriptors: try, park where the call would block, try again.
//!
//! What makes it differ from `Fd::retry` of the runtime: the descriptor is its user's. It may be
//! closed while somebody waits for it (`EBADF`), may have been made nonblocking by somebody else
//! (`EAGAIN`), may have been closed and opened again behind all hooks. The last is found out by a
//! wait that lasts: once, after a while, it asks epoll whether what is registered is still what is
//! open under the number. A thread that has waited last for a descriptor which a hook has made
//! need not: it would have had to close it itself, unseen, and to make another one, unseen.
//!
//! # Rejected
//!
//! Asking before each wait: that is a third system call where there are two for each request.

use crate::gate;
use crate::raw::Answer;
use crate::symbol::count_blocked;
use crate::table::{Descriptor, Kind};
use greenstd_runtime::park;
use greenstd_runtime::readiness::{Interest, Told, Unowned};
use greenstd_runtime::time;
use libc::c_int;
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a wait trusts that its number names what is registered: an idle connection costs one
/// wake-up more, and a number that was used again unseen is late by so much.
const TRUST: Duration = Duration::from_secs(1);

/// No error of the kernel: the descriptor is not what it was taken for, and is to be looked up
/// again.
pub(crate) const LOOK_AGAIN: c_int = -1;

/// A system call that may have to wait.
pub(crate) struct Call<'a> {
    pub(crate) descriptor: &'a Descriptor,
    /// What it waits for.
    pub(crate) interest: Interest,
    /// Its symbol's counter.
    pub(crate) blocked: &'static AtomicU64,
    /// How many bytes it is to move, if a smaller count says that there are no more.
    pub(crate) wanted: Option<usize>,
    /// Whether silence of the reactor says that it is in vain.
    pub(crate) is_told: bool,
}

/// How an attempt is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It says `EAGAIN` instead of waiting.
    NoWait,
    /// As the user has asked: there is no way to wait but in the kernel.
    Plain,
}

impl Attempt {
    /// `flag` for an attempt that must not wait.
    #[inline]
    pub(crate) fn flag(self, flag: c_int) -> c_int {
        match self {
            Attempt::NoWait => flag,
            Attempt::Plain => 0,
        }
    }
}

/// Calls `body` with the descriptor of a number, and again while it turns out to be another one.
/// `None` if the call is to pass.
#[inline]
pub(crate) fn on(fd: c_int, mut body: impl FnMut(&Descriptor) -> Option<Answer>) -> Option<Answer> {
    loop {
        match body(&Descriptor::look(fd)?) {
            Some(Err(LOOK_AGAIN)) => {}
            answer => return answer,
        }
    }
}

/// Whether an error says that the call was made for a socket, which this is not.
pub(crate) fn is_misjudged(descriptor: &Descriptor, answer: Answer) -> bool {
    if answer != Err(libc::ENOTSOCK) || !descriptor.kind().is_socket() {
        return false;
    }
    descriptor.distrust();
    true
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        descriptor: &'a Descriptor,
        interest: Interest,
        blocked: &'static AtomicU64,
    ) -> Call<'a> {
        Call { descriptor, interest, blocked, wanted: None, is_told: true }
    }

    /// A call that moves up to so many bytes.
    #[inline]
    pub(crate) fn moving(self, wanted: usize) -> Call<'a> {
        let counts = self.descriptor.kind() == Kind::Tcp;
        Call { wanted: counts.then_some(wanted), ..self }
    }

    /// A call that is always worth trying.
    pub(crate) fn always_tried(self) -> Call<'a> {
        Call { is_told: false, ..self }
    }

    /// Makes the call: `attempt`, until it says something else than `EAGAIN`.
    ///
    /// # Errors
    ///
    /// Those of the call; `EAGAIN` at the socket's timeout and for a nonblocking descriptor;
    /// `EBADF` if it was closed meanwhile; `ECANCELED` for a kill.
    #[inline]
    pub(crate) fn run(&self, attempt: impl FnMut(Attempt) -> Answer) -> Answer {
        let answer = gate::blocking(|| {
            park::spend_budget();
            self.run_inside(None, attempt)
        });
        answer.unwrap_or_else(Err)
    }

    /// Makes a call that moves all of `total` bytes, as far as nothing ends it: `attempt` is told
    /// how many were moved, and says how many more.
    ///
    /// # Errors
    ///
    /// As [`run`](Call::run), if nothing was moved.
    #[inline]
    pub(crate) fn run_all(
        &self,
        total: usize,
        mut attempt: impl FnMut(Attempt, usize) -> Answer,
    ) -> Answer {
        let mut moved = 0;
        // One deadline for all of it, as the kernel's.
        let mut deadline = None;
        let ended = gate::blocking(|| {
            park::spend_budget();
            loop {
                let call = Call { wanted: self.wanted.map(|_| total - moved), ..*self };
                let more = call.run_inside(Some(&mut deadline), |how| attempt(how, moved))?;
                moved += more;
                if moved >= total || more == 0 {
                    return Ok(());
                }
            }
        });
        match ended.unwrap_or_else(Err) {
            // What was moved is told; the error is told by the next call.
            Err(error) if moved == 0 => Err(error),
            _ => Ok(moved),
        }
    }

    /// Makes the call if it is worth trying and need not wait, without what a wait takes. `None` if
    /// it was not, or has to wait; or if others are to run first.
    ///
    /// For an `attempt` that is a plain system call: what it calls is hooked still.
    #[inline]
    pub(crate) fn at_once(&self, attempt: impl FnOnce() -> Answer) -> Option<Answer> {
        let told = self.told();
        if !self.is_worth_trying(told) || !park::try_spend_budget() {
            return None;
        }
        match attempt() {
            Err(libc::EAGAIN) => {
                self.forget_blocked(told);
                None
            }
            answer => Some(self.done(answer, told)),
        }
    }

    /// What was told, for who makes the call next to judge by.
    #[inline]
    fn told(&self) -> Option<(&'static Unowned, Told)> {
        self.descriptor.slot.place().and_then(|place| Some((place, place.told()?)))
    }

    #[inline]
    fn is_worth_trying(&self, told: Option<(&Unowned, Told)>) -> bool {
        !self.is_told || told.is_none_or(|(_, told)| told.is_ready(self.interest))
    }

    #[inline]
    fn run_inside(
        &self,
        deadline: Option<&mut Option<Option<Instant>>>,
        mut attempt: impl FnMut(Attempt) -> Answer,
    ) -> Answer {
        // A wait that was told nothing, and one that was, judge by what was told before the call.
        let told = self.told();
        if self.is_worth_trying(told) {
            match attempt(Attempt::NoWait) {
                Err(libc::EAGAIN) => self.forget_blocked(told),
                answer => return self.done(answer, told),
            }
        }
        self.wait_and_retry(deadline, attempt)
    }

    #[inline]
    fn done(&self, answer: Answer, told: Option<(&Unowned, Told)>) -> Answer {
        if let Ok(count) = answer {
            if let (Some((place, told)), Some(wanted)) = (told, self.wanted)
                && 0 < count
                && count < wanted
            {
                place.forget_drained(told, self.interest);
            }
            if count >= MANY_BYTES {
                park::spend_bytes(count);
            }
        }
        answer
    }

    fn forget_blocked(&self, told: Option<(&Unowned, Told)>) {
        if let Some((place, told)) = told {
            place.forget_blocked(told, self.interest);
        }
    }

    fn wait_and_retry(
        &self,
        kept: Option<&mut Option<Option<Instant>>>,
        mut attempt: impl FnMut(Attempt) -> Answer,
    ) -> Answer {
        let Descriptor { slot, fd, .. } = *self.descriptor;
        if self.descriptor.is_nonblocking() {
            // What the reactor has not heard of yet may be there.
            return attempt(Attempt::NoWait);
        }
        let mut own = None;
        let deadline = *kept.unwrap_or(&mut own).get_or_insert_with(|| self.deadline());
        let place = slot.place_or_new();
        let is_known = slot.is_next_wait_of(caller(), self.interest);
        let mut look_again = if is_known { None } else { Some(time::now() + TRUST) };
        loop {
            let earliest = match (deadline, look_again) {
                (Some(deadline), Some(look_again)) => Some(deadline.min(look_again)),
                (deadline, look_again) => deadline.or(look_again),
            };
            match place.wait(fd, self.interest, earliest, || self.descriptor.is_same()) {
                Ok(true) => {}
                Ok(false) if deadline.is_some_and(|deadline| deadline <= time::now()) => {
                    // Once more, as the kernel does: a worker that is late finds the deadline
                    // passed before it hears of what came in time.
                    return attempt(Attempt::NoWait);
                }
                Ok(false) => {
                    look_again = None;
                    if self.descriptor.is_same() && !place.is_registered(fd) {
                        self.descriptor.distrust();
                        return Err(LOOK_AGAIN);
                    }
                }
                Err(error) => return self.without_waiting(&error, attempt),
            }
            if !self.descriptor.is_same() {
                return Err(libc::EBADF);
            }
            let told = place.told().map(|told| (place, told));
            match attempt(Attempt::NoWait) {
                Err(libc::EAGAIN) => self.forget_blocked(told),
                answer => return self.done(answer, told),
            }
            if self.descriptor.is_nonblocking() {
                return Err(libc::EAGAIN);
            }
        }
    }

    /// The call where the descriptor cannot be waited for: what cannot be polled, a system that is
    /// out of watches, a child of `fork`.
    #[cold]
    fn without_waiting(
        &self,
        error: &io::Error,
        mut attempt: impl FnMut(Attempt) -> Answer,
    ) -> Answer {
        match error.raw_os_error() {
            // Killed, and unwinding already.
            None if error.kind() != io::ErrorKind::Unsupported => Err(libc::ECANCELED),
            Some(libc::EBADF) => Err(libc::EBADF),
            _ => {
                count_blocked(self.blocked);
                attempt(Attempt::Plain)
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.descriptor.deadline(self.interest)
    }
}

thread_local! {
    /// The number of a thread that has waited; zero before. A green thread with thread-locals of
    /// its own begins at zero, whoever had them before.
    static CALLER: Cell<u64> = const { Cell::new(0) };
}

static CALLERS: AtomicU64 = AtomicU64::new(0);

/// The number of the calling thread.
fn caller() -> u64 {
    if CALLER.get() == 0 {
        // Relaxed: a number that nobody else has.
        CALLER.set(CALLERS.fetch_add(1, Ordering::Relaxed) + 1);
    }
    CALLER.get()
}

/// From here on copying takes as long as a further call.
const MANY_BYTES: usize = 16 * 1024;
