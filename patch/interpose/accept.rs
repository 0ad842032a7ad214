//! `accept`: parks until somebody connects.
//!
//! There is no flag for one call, so a listener is `O_NONBLOCK` in the kernel (`table::borrow`),
//! unknown to its user. A plain OS thread that accepts on such a listener waits in `poll`.

use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::table::{self, Descriptor, Flag, Kind, Tenant};
use crate::wait::{self, Attempt, Call};
use greenstd_runtime::hooks;
use greenstd_runtime::readiness::Interest;
use libc::{c_int, sockaddr, socklen_t};
use std::sync::atomic::{AtomicU64, Ordering};

hooks! {
    /// Parks until there is a connection.
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int {
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { accept_with(fd, address, length, 0, &BLOCKED) }) as c_int
    }

    /// Parks until there is a connection. Its descriptor has the flags that are asked for.
    fn accept4(
        fd: c_int,
        address: *mut sockaddr,
        length: *mut socklen_t,
        flags: c_int,
    ) -> c_int {
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { accept_with(fd, address, length, flags, &BLOCKED) }) as c_int
    }
}

/// # Safety
///
/// As `accept4`.
unsafe fn accept_with(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
    blocked: &'static AtomicU64,
) -> Answer {
    let now = || {
        let arguments = [fd as usize, address.addr(), length.addr(), flags as usize, 0, 0];
        // SAFETY: passed on.
        unsafe { raw::call(Sysno::accept4, arguments) }
    };
    if gate::is_cooperative() {
        let answer = wait::on(fd, |descriptor| {
            if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
                return None;
            }
            let call = Call::new(descriptor, Interest::Read, blocked).always_tried();
            let answer = call.run(|how| match how {
                Attempt::NoWait => table::without_blocking(descriptor, Flag::Hidden, now),
                Attempt::Plain => now(),
            });
            Some(if wait::is_misjudged(descriptor, answer) {
                Err(wait::LOOK_AGAIN)
            } else {
                answer
            })
        });
        if let Some(answer) = answer {
            return accepted(fd, flags, answer);
        }
    }
    loop {
        match now() {
            Err(libc::EAGAIN) if table::is_hidden(fd) => poll(fd)?,
            answer => return accepted(fd, flags, answer),
        }
    }
}

/// Tells the table of a connection.
fn accepted(listener: c_int, flags: c_int, answer: Answer) -> Answer {
    if let Ok(fd) = answer
        && hooks::is_installed()
    {
        table::begin(fd as c_int, tenant(listener, flags));
    }
    answer
}

/// What a connection inherits: kind and timeouts, but not `O_NONBLOCK`.
fn tenant(listener: c_int, flags: c_int) -> Option<Tenant> {
    let kind = Descriptor::look(listener).map(|listener| listener.kind());
    let kind = kind.filter(|&kind| matches!(kind, Kind::Tcp | Kind::Stream | Kind::Packet))?;
    let slot = table::slot(listener)?;
    let is_trusted = slot.word().has(table::Word::TRUSTED);
    let micros = |interest| match is_trusted {
        true => slot.timeout_micros(interest).load(Ordering::Relaxed),
        false => table::timeout(listener, interest),
    };
    Some(Tenant {
        kind,
        is_nonblocking: flags & libc::SOCK_NONBLOCK != 0,
        receive_micros: micros(Interest::Read),
        send_micros: micros(Interest::Write),
    })
}

/// Blocks the OS thread until somebody connects, or the listener's timeout has passed.
fn poll(fd: c_int) -> Result<(), c_int> {
    let micros = table::timeout(fd, Interest::Read);
    let time = libc::timespec {
        tv_sec: (micros / 1_000_000) as libc::time_t,
        tv_nsec: (micros % 1_000_000 * 1_000) as libc::c_long,
    };
    let time = if micros == 0 { std::ptr::null() } else { &raw const time };
    let mut question = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let arguments = [(&raw mut question).addr(), 1, time.addr(), 0, 0, 0];
    // SAFETY: one question and at most one time, both of ours.
    match unsafe { raw::call(Sysno::ppoll, arguments) }? {
        0 => Err(libc::EAGAIN),
        _ => Ok(()),
    }
}
