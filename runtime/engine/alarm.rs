//! The alarm of a driven runtime: a timerfd in its epoll set, so that the one descriptor which the
//! host polls tells of deadlines, too.
//!
//! Most deadlines are those of I/O calls, move with each call and never come. So an alarm that is
//! set for an earlier time than the next deadline stays as it is: it wakes the host once for
//! nothing, and is set anew then. That is one system call for many deadlines, as in `timers`.
//!
//! The timer is registered edge-triggered and never read: an expiry is told once, and the set is
//! quiet again as soon as that was taken from it.

use super::reactor::WAKER;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::cell::Cell;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// What the reactor takes an expiry for: an event of nobody's.
const NOBODY: u64 = WAKER.0 as u64 - 1;

/// The shortest time: none at all would disarm the timer.
const AT_ONCE: Duration = Duration::from_nanos(1);

/// An alarm in an epoll set.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: OwnedFd,
    set_for: Cell<Option<Instant>>,
}

impl Alarm {
    /// # Errors
    ///
    /// If the system refuses a timerfd, or a place in the set.
    pub(super) fn new(set: BorrowedFd<'_>) -> io::Result<Alarm> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let events = EventFlags::IN | EventFlags::ET;
        epoll::add(set, &timer, EventData::new_u64(NOBODY), events)?;
        Ok(Alarm { timer, set_for: Cell::new(None) })
    }

    /// Has the set tell of it once so much time has passed, and at some time before it at most;
    /// `None` is for never. Returns when that will be.
    pub(super) fn set_in(&self, time: Option<Duration>) -> Option<Instant> {
        let now = Instant::now();
        let at = now.checked_add(time?)?;
        if self.set_for.get().is_some_and(|set_for| now < set_for && set_for <= at) {
            return Some(at);
        }
        let time = (at - now).max(AT_ONCE);
        let it_value = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval, it_value },
        )
        .expect("a timerfd takes every time that is not negative");
        self.set_for.set(Some(at));
        Some(at)
    }
}
