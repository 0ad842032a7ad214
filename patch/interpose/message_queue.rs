//! POSIX message queues: a try, and if it would block, a wait in the reactor. On Linux a queue is
//! a descriptor that can be polled.

use crate::gate;
use crate::pool::Pauses;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::{from_timespec, to_timespec};
use greenstd_runtime::readiness;
use greenstd_runtime::time;
use libc::{c_char, c_int, c_uint, mqd_t, size_t, ssize_t, timespec};
use std::os::fd::BorrowedFd;
use std::ptr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a wait for a time of the clock lasts until that is looked at again: it may jump.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

hooks! {
    /// Waits until there is a message.
    fn mq_receive(
        queue: mqd_t,
        message: *mut c_char,
        length: size_t,
        priority: *mut c_uint,
    ) -> ssize_t {
        // SAFETY: the caller's pointers.
        unsafe { mq_timedreceive(queue, message, length, priority, ptr::null()) }
    }

    /// Waits until there is a message, or a time of the clock.
    fn mq_timedreceive(
        queue: mqd_t,
        message: *mut c_char,
        length: size_t,
        priority: *mut c_uint,
        time: *const timespec,
    ) -> ssize_t {
        let words = [queue as usize, message.addr(), length, priority.addr()];
        let call = Call { number: Sysno::mq_timedreceive, words };
        // SAFETY: the caller's pointers.
        let answer = unsafe {
            call.make(time, |queue, until| readiness::wait_readable(queue, Some(until)))
        };
        raw::to_c(answer) as ssize_t
    }

    /// Waits until there is room.
    fn mq_send(
        queue: mqd_t,
        message: *const c_char,
        length: size_t,
        priority: c_uint,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe { mq_timedsend(queue, message, length, priority, ptr::null()) }
    }

    /// Waits until there is room, or a time of the clock.
    fn mq_timedsend(
        queue: mqd_t,
        message: *const c_char,
        length: size_t,
        priority: c_uint,
        time: *const timespec,
    ) -> c_int {
        let words = [queue as usize, message.addr(), length, priority as usize];
        let call = Call { number: Sysno::mq_timedsend, words };
        // SAFETY: the caller's pointers.
        let answer = unsafe {
            call.make(time, |queue, until| readiness::wait_writable(queue, Some(until)))
        };
        raw::to_c(answer) as c_int
    }
}

/// A call on a queue, but for its time.
struct Call {
    number: Sysno,
    words: [usize; 4],
}

impl Call {
    /// # Safety
    ///
    /// As the call.
    unsafe fn raw(&self, time: *const timespec) -> Answer {
        let [queue, message, length, priority] = self.words;
        let arguments = [queue, message, length, priority, time.addr(), 0];
        // SAFETY: passed on.
        unsafe { raw::call(self.number, arguments) }
    }

    /// # Safety
    ///
    /// As the call.
    unsafe fn make(
        &self,
        time: *const timespec,
        wait: impl Fn(BorrowedFd<'_>, Instant) -> std::io::Result<()>,
    ) -> Answer {
        if !gate::is_cooperative() {
            // SAFETY: passed on.
            return unsafe { self.raw(time) };
        }
        // SAFETY: the caller's pointer, which the kernel reads, too.
        let limit = match unsafe { time.as_ref() } {
            Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
            None => None,
        };
        // Long past: who would have to wait is told at once.
        let past = to_timespec(Duration::ZERO);
        let mut pauses = Pauses::new();
        loop {
            let left = limit.map(|limit| limit.saturating_sub(now()));
            // SAFETY: the caller's pointers, and a time of ours.
            let answer = unsafe { self.raw(&raw const past) };
            if answer != Err(libc::ETIMEDOUT) || left == Some(Duration::ZERO) {
                return answer;
            }
            let step = left.unwrap_or(LOOK_AGAIN_AFTER).min(LOOK_AGAIN_AFTER);
            let outcome = gate::blocking(|| {
                // SAFETY: the kernel has just taken it for a queue.
                let queue = unsafe { BorrowedFd::borrow_raw(self.words[0] as c_int) };
                wait(queue, time::now() + step)
            })?;
            if outcome.is_err_and(|error| error.kind() != std::io::ErrorKind::TimedOut) {
                pauses.pause(left)?;
            }
        }
    }
}

/// The time of the clock by which queues go.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
