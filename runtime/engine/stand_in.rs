//! The reactor of a worker that is stuck, in the hands of the sentry.
//!
//! Several threads may take events from one epoll set: the kernel tells each of them once, so what
//! the sentry has taken it hands out itself, as the worker would (`reactor` invariant 4).

use super::reactor::{EVENT_BATCH, ReactorHandle, WAKER};
use super::slot::{READ_CLOSED, READABLE, URGENT, WRITABLE, WRITE_CLOSED};
use mio::Token;
use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

impl ReactorHandle {
    /// Takes the events that there are, in place of the worker, and wakes whom they concern. True
    /// if there was a ring among them, which was meant for the worker.
    pub(super) fn hand_out(&self, events: &mut Vec<libc::epoll_event>) -> bool {
        let mut was_rung = false;
        loop {
            events.clear();
            events.reserve(EVENT_BATCH);
            let room = c_int::try_from(EVENT_BATCH).expect("a small number");
            let set = self.epoll();
            // SAFETY: there is room for so many events.
            let count = unsafe { libc::epoll_wait(set, events.as_mut_ptr(), room, 0) };
            // An error is a signal that came in between: the next time will do.
            let count = usize::try_from(count).unwrap_or(0);
            // SAFETY: the kernel has written so many.
            unsafe { events.set_len(count) };
            let table = self.lock_table();
            for &libc::epoll_event { events: flags, u64: token } in &*events {
                let token = Token(token as usize);
                was_rung |= token == WAKER;
                if let Some(source) = table.find(token) {
                    source.post(bits_of_flags(flags), |waiter| waiter.unpark());
                }
            }
            if count < EVENT_BATCH {
                return was_rung;
            }
        }
    }
}

/// Waits until one of the epoll sets has events or the time is up.
pub(super) fn wait_for_any(reactors: &[Arc<ReactorHandle>], timeout: Duration) {
    let entry = |reactor: &Arc<ReactorHandle>| {
        let fd = reactor.epoll();
        libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
    };
    let mut polls: Vec<libc::pollfd> = reactors.iter().map(entry).collect();
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos()),
    };
    // SAFETY: so many pollfds and a timespec that outlive the call; no signal mask.
    unsafe {
        libc::ppoll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, &raw const time, ptr::null());
    }
}

/// What an event says, as the kernel tells it: what the worker reads of mio's events.
fn bits_of_flags(flags: u32) -> u32 {
    let has = |flag: c_int| flags & flag as u32 != 0;
    let mut bits = 0;
    if has(libc::EPOLLIN) || has(libc::EPOLLPRI) {
        bits |= READABLE;
    }
    if has(libc::EPOLLOUT) {
        bits |= WRITABLE;
    }
    if has(libc::EPOLLRDHUP) || has(libc::EPOLLHUP) {
        bits |= READABLE | READ_CLOSED;
    }
    if has(libc::EPOLLHUP) || has(libc::EPOLLERR) {
        bits |= WRITABLE | WRITE_CLOSED;
    }
    if has(libc::EPOLLERR) {
        bits |= READABLE | READ_CLOSED;
    }
    if has(libc::EPOLLPRI) {
        bits |= URGENT;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::reactor::{Reactor, Source};
    use crate::engine::slot::Interest;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    fn is_ready(source: &Source) -> (bool, bool) {
        let seen = source.observe();
        (seen.is_ready(Interest::Read), seen.is_ready(Interest::Write))
    }

    /// A source whose events the worker takes, and one whose events another thread does.
    fn pair() -> (Reactor, Arc<Source>, UnixStream, UnixStream) {
        let reactor = Reactor::new().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let source = Arc::new(Source::new());
        drop(reactor.handle().register(near.as_raw_fd(), &source).unwrap());
        (reactor, source, near, far)
    }

    #[test]
    fn who_stands_in_reads_the_same_of_an_event_as_the_worker() {
        let steps: [fn(&mut UnixStream, &mut Option<UnixStream>); 4] = [
            |_, _| (),
            |_, far| far.as_mut().unwrap().write_all(b"x").unwrap(),
            |near, _| while near.read(&mut [0; 8]).is_ok_and(|count| count > 0) {},
            |_, far| drop(far.take()),
        ];
        let (reactor, by_worker, mut near, far) = pair();
        let mut far = Some(far);
        let (other, by_sentry, mut its_near, its_far) = pair();
        let mut its_far = Some(its_far);
        for step in steps {
            step(&mut near, &mut far);
            step(&mut its_near, &mut its_far);
            for interest in [Interest::Read, Interest::Write] {
                by_worker.clear_blocked(by_worker.observe(), interest);
                by_sentry.clear_blocked(by_sentry.observe(), interest);
            }
            reactor.wait(Some(Duration::ZERO));
            assert!(!other.handle().hand_out(&mut Vec::new()));
            assert_eq!(is_ready(&by_worker), is_ready(&by_sentry));
        }
        assert_eq!(is_ready(&by_sentry), (true, true));
    }

    #[test]
    fn a_ring_that_was_taken_is_told() {
        let (reactor, ..) = pair();
        reactor.handle().ring();
        wait_for_any(&[reactor.handle().clone()], Duration::from_secs(10));
        assert!(reactor.handle().hand_out(&mut Vec::new()));
        assert!(!reactor.handle().hand_out(&mut Vec::new()));
    }

    #[test]
    fn a_wait_for_nothing_takes_its_time() {
        let reactor = Reactor::new().unwrap();
        let start = Instant::now();
        wait_for_any(&[reactor.handle().clone()], Duration::from_millis(5));
        assert!(start.elapsed() >= Duration::from_millis(5));
    }
}
