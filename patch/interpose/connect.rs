//! `connect`: parks until the connection is made, or was refused.
//!
//! The call is made with `O_NONBLOCK` set for so long; then the socket is waited for, and asked for
//! its error. At the sending timeout the answer is `EINPROGRESS`, as the kernel's. A Unix listener
//! whose queue is full tells nobody when there is room, so it is asked again after pauses that
//! grow.

use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::table::{self, Descriptor, Flag, Kind};
use crate::wait::{self, Attempt, Call};
use greenstd_runtime::readiness::Interest;
use greenstd_runtime::thread;
use greenstd_runtime::time;
use libc::{c_int, sockaddr, socklen_t};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Long beside the microsecond that an attempt takes, short to whoever waits.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// What a wait that has lasted for long is late at most.
const PAUSE_AT_MOST: Duration = Duration::from_millis(50);

hooks! {
    /// Parks until the socket is connected.
    fn connect[__connect](fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
        let now = || {
            let arguments = [fd as usize, address.addr(), length as usize, 0, 0, 0];
            // SAFETY: the caller's address; passed on.
            unsafe { raw::call(Sysno::connect, arguments) }
        };
        if gate::is_cooperative() {
            let answer = wait::on(fd, |descriptor| connected(descriptor, &BLOCKED, now));
            if let Some(answer) = answer {
                return raw::to_c(answer) as c_int;
            }
        }
        raw::to_c(now()) as c_int
    }
}

fn connected(
    descriptor: &Descriptor,
    blocked: &'static AtomicU64,
    now: impl Fn() -> Answer,
) -> Option<Answer> {
    let connects = matches!(descriptor.kind(), Kind::Tcp | Kind::Stream | Kind::Packet);
    // Sockets of datagrams only remember the address.
    if !connects || descriptor.is_nonblocking() {
        return None;
    }
    let started = time::now();
    let mut pause = FIRST_PAUSE;
    let answer = loop {
        match table::without_blocking(descriptor, Flag::ForTheCall, &now) {
            // The second: another thread has begun, and the kernel would have this one wait, too.
            Err(libc::EINPROGRESS | libc::EALREADY) => break finish(descriptor, blocked, &now),
            Err(libc::EAGAIN) if descriptor.kind() != Kind::Tcp => {
                let micros = table::timeout(descriptor.fd, Interest::Write);
                let limit = (micros > 0).then_some(Duration::from_micros(micros));
                if limit.is_some_and(|limit| time::now() - started >= limit) {
                    break Err(libc::EAGAIN);
                }
                let left = limit.map_or(pause, |limit| limit.saturating_sub(time::now() - started));
                if let Err(error) = gate::blocking(|| thread::sleep(pause.min(left))) {
                    break Err(error);
                }
                if !descriptor.is_same() {
                    break Err(libc::EBADF);
                }
                pause = (pause * 2).min(PAUSE_AT_MOST);
            }
            answer => break answer,
        }
    };
    Some(if wait::is_misjudged(descriptor, answer) { Err(wait::LOOK_AGAIN) } else { answer })
}

/// Waits until a connection that was begun is there, or not.
fn finish(
    descriptor: &Descriptor,
    blocked: &'static AtomicU64,
    now: impl Fn() -> Answer,
) -> Answer {
    let call = Call::new(descriptor, Interest::Write, blocked).always_tried();
    let answer = call.run(|how| match how {
        Attempt::NoWait if !is_decided(descriptor.fd) => Err(libc::EAGAIN),
        Attempt::NoWait => table::take_error(descriptor.fd).map(|()| 0),
        // The kernel waits for what was begun.
        Attempt::Plain => now(),
    });
    match answer {
        Err(libc::EAGAIN) => Err(libc::EINPROGRESS),
        answer => answer,
    }
}

/// Whether the socket is connected, or has failed.
fn is_decided(fd: c_int) -> bool {
    let mut question = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let arguments = [(&raw mut question).addr(), 1, (&raw const time).addr(), 0, 0, 0];
    // SAFETY: one question and a time, both of ours.
    unsafe { raw::call(Sysno::ppoll, arguments) }.is_ok_and(|count| count > 0)
}
