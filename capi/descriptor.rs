//! Where descriptors of C's are waited for, and the one loop of all calls on them.
//!
//! A descriptor is the caller's, and a number. What is kept of it belongs to the number: a place in
//! the reactor of a worker, and the count of its *tenancies*, which `gs_close` ends. Who waits when
//! that happens is woken and told `EBADF`.
//!
//! A number that was closed by `close(2)` and opened again is found out by a wait that lasts: once,
//! after a while, it asks epoll whether what is registered is still what is open under the number.
//! Such a wait is late by so much, and does not hang.
//!
//! Calls are tried with the flag that has them not wait, whatever mode the descriptor is in, so a
//! descriptor may be `O_NONBLOCK` or not: these calls wait all the same, as their names say.

use crate::guard::{Errno, errno, last_errno};
use greenstd_runtime::park;
use greenstd_runtime::readiness::{Interest, Unowned};
use libc::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a wait trusts that its number names what is registered: an idle connection costs one
/// wake-up more.
const TRUST: Duration = Duration::from_secs(1);

/// Numbers are kept in chunks, which are made when the first of their numbers is waited for.
const CHUNK: usize = 1024;

/// Four million numbers: four times what `fs.nr_open` allows by default.
const CHUNKS: usize = 4096;

static TABLE: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

/// What is kept of a number.
#[derive(Debug)]
struct Slot {
    place: Unowned,
    tenancy: AtomicU32,
    /// Somebody has waited since the tenancy began.
    is_used: AtomicBool,
    /// `UNASKED`, `TCP` or `OTHER`.
    kind: AtomicU8,
}

/// Whether a short count on a descriptor says that it is drained, or full: of TCP it does.
const UNASKED: u8 = 0;
const TCP: u8 = 1;
const OTHER: u8 = 2;

impl Slot {
    const fn new() -> Slot {
        Slot {
            place: Unowned::new(),
            tenancy: AtomicU32::new(0),
            is_used: AtomicBool::new(false),
            kind: AtomicU8::new(UNASKED),
        }
    }

    fn of(fd: c_int) -> Result<&'static Slot, Errno> {
        let number = usize::try_from(fd).map_err(|_| libc::EBADF)?;
        let chunk = TABLE.get(number / CHUNK).ok_or(libc::EMFILE)?;
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| Slot::new()).collect());
        Ok(&chunk[number % CHUNK])
    }

    /// Whether it is a TCP connection. Asked once in a tenancy.
    fn is_tcp(&self, fd: c_int) -> bool {
        match self.kind.load(Ordering::Relaxed) {
            UNASKED => {
                let is_tcp = socket_option(fd, libc::SO_PROTOCOL) == Some(libc::IPPROTO_TCP);
                self.kind.store(if is_tcp { TCP } else { OTHER }, Ordering::Relaxed);
                is_tcp
            }
            kind => kind == TCP,
        }
    }

    /// Ends the tenancy: who waits is told.
    fn vacate(&self, fd: c_int) {
        // Release: invariant 1 of `Unowned`, together with the withdrawal.
        self.tenancy.fetch_add(1, Ordering::Release);
        self.kind.store(UNASKED, Ordering::Relaxed);
        if self.is_used.swap(false, Ordering::AcqRel) {
            self.place.withdraw(fd);
        }
    }
}

/// A descriptor is about to be closed.
pub(crate) fn close(fd: c_int) {
    // A number without a slot has no waiters.
    if let Ok(slot) = Slot::of(fd) {
        slot.vacate(fd);
    }
}

/// The kernel has just made this descriptor: whatever is known of its number is of another one.
pub(crate) fn opened(fd: c_int) {
    let chunk = usize::try_from(fd).ok().and_then(|number| TABLE.get(number / CHUNK)?.get());
    if let Some(chunk) = chunk {
        let slot = &chunk[fd as usize % CHUNK];
        if slot.is_used.load(Ordering::Relaxed) {
            slot.vacate(fd);
        }
    }
}

/// Runs `call` until it says something else than `EAGAIN`, and blocks the calling thread between
/// the attempts, until the time that `limit` says, which is asked before the first wait.
///
/// If `is_short` says so of what a call has moved, the next one need not be tried before more is
/// told, where that follows.
///
/// To be called inside of `enter`. A kill ends it between attempts, so nothing that `call` has done
/// is lost.
///
/// # Errors
///
/// Those of `call`; `EAGAIN` when the time is over; `EBADF` if the descriptor is closed by
/// `gs_close` meanwhile; those of `epoll_ctl(2)` and `poll(2)`.
pub(crate) fn retry<T>(
    fd: c_int,
    interest: Interest,
    limit: impl FnOnce() -> Option<Instant>,
    is_short: impl Fn(&T) -> bool,
    mut call: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let slot = Slot::of(fd)?;
    let tenancy = slot.tenancy.load(Ordering::Acquire);
    let is_green = park::is_on_green_thread();
    if is_green {
        park::spend_budget();
    }
    let (mut limit, mut deadline) = (Some(limit), None);
    let mut look_again = None;
    loop {
        // Before the call: readiness is forgotten only by a call that came after the look at it.
        let told = if is_green { slot.place.told() } else { None };
        if told.is_none_or(|told| told.is_ready(interest)) {
            match call() {
                Err(libc::EAGAIN) => {
                    if let Some(told) = told {
                        slot.place.forget_blocked(told, interest);
                    }
                }
                outcome => {
                    if let (Ok(value), Some(told)) = (&outcome, told)
                        && is_short(value)
                        && slot.is_tcp(fd)
                    {
                        slot.place.forget_drained(told, interest);
                    }
                    return outcome;
                }
            }
        }
        if let Some(limit) = limit.take() {
            deadline = limit();
            look_again = is_green.then(|| Instant::now() + TRUST);
        }
        slot.is_used.store(true, Ordering::Release);
        let is_same = || slot.tenancy.load(Ordering::Acquire) == tenancy;
        let earliest = [deadline, look_again].into_iter().flatten().min();
        match slot.place.wait(fd, interest, earliest, is_same) {
            Ok(true) => {}
            Ok(false) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                // Once more, as the kernel does: a worker that is late finds the deadline passed
                // before it hears of what came in time.
                return call();
            }
            Ok(false) => {
                look_again = None;
                if is_same() && !slot.place.is_registered(fd) {
                    slot.kind.store(UNASKED, Ordering::Relaxed);
                    slot.place.withdraw(fd);
                }
            }
            Err(error) => return Err(errno(&error)),
        }
        if !is_same() {
            return Err(libc::EBADF);
        }
    }
}

/// Makes calls that each move some of `total` bytes, until all are moved, or one moves none.
///
/// # Errors
///
/// That of a call, if nothing was moved; else the next call of the user's will find it.
pub(crate) fn move_all(
    total: usize,
    mut call: impl FnMut(usize) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let mut moved = 0;
    loop {
        match call(moved) {
            Ok(0) => return Ok(moved),
            Ok(more) => moved += more,
            Err(error) if moved == 0 => return Err(error),
            Err(_) => return Ok(moved),
        }
        if moved >= total {
            return Ok(moved);
        }
    }
}

/// What a system call has answered.
///
/// # Errors
///
/// `errno`, if it is -1.
pub(crate) fn answer(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| last_errno())
}

/// An option of a socket that is a number; none if this is no socket.
pub(crate) fn socket_option(fd: c_int, option: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: a place of ours, with its size.
    let result = unsafe {
        let place = (&raw mut value).cast();
        libc::getsockopt(fd, libc::SOL_SOCKET, option, place, &raw mut length)
    };
    (result == 0).then_some(value)
}

/// When a call on the socket is to give up: the timeout that its user has set by `SO_RCVTIMEO` or
/// `SO_SNDTIMEO`.
pub(crate) fn socket_deadline(fd: c_int, interest: Interest) -> Option<Instant> {
    let option = match interest {
        Interest::Read => libc::SO_RCVTIMEO,
        Interest::Write => libc::SO_SNDTIMEO,
    };
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut length = size_of::<libc::timeval>() as libc::socklen_t;
    // SAFETY: a place of ours, with its size.
    let result = unsafe {
        let place = (&raw mut time).cast();
        libc::getsockopt(fd, libc::SOL_SOCKET, option, place, &raw mut length)
    };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    let timeout = Duration::from_secs(seconds) + Duration::from_micros(micros);
    if result != 0 || timeout.is_zero() { None } else { Instant::now().checked_add(timeout) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_before_an_error_is_told() {
        let mut answers = vec![Err(libc::EPIPE), Ok(2), Ok(3)];
        let mut seen = Vec::new();
        let outcome = move_all(9, |moved| {
            seen.push(moved);
            answers.pop().expect("there is one for each call")
        });
        assert_eq!((outcome, seen), (Ok(5), vec![0, 3, 5]));
        assert_eq!(move_all(9, |_| Err(libc::EPIPE)), Err(libc::EPIPE));
        assert_eq!(move_all(9, |_| Ok(0)), Ok(0));
    }
}
