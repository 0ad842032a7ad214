//! Bytes that stay in the kernel: `sendfile`, `splice`, `tee`, `vmsplice`, `copy_file_range`.
//!
//! `sendfile` to a socket or a pipe goes on until all is sent, with `O_NONBLOCK` set for each
//! attempt; from file to file it is a matter of the disk, and for a thread of the pool. The others
//! move what they can at once, by `SPLICE_F_NONBLOCK`, once one of the two ends that was not ready
//! is.

use crate::gate;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use crate::table::{self, Descriptor, Flag, Kind};
use crate::wait::{self, Attempt, Call};
use greenstd_runtime::readiness::Interest;
use libc::{c_int, c_uint, iovec, off_t, size_t, ssize_t};
use std::sync::atomic::AtomicU64;

hooks! {
    /// Parks until all is sent, or the file is at its end.
    fn sendfile[sendfile64](
        output: c_int,
        input: c_int,
        offset: *mut off_t,
        count: size_t,
    ) -> ssize_t {
        let now = move |count: usize| {
            let arguments = [output as usize, input as usize, offset.addr(), count, 0, 0];
            // SAFETY: the caller's place for the offset; passed on.
            unsafe { raw::call(Sysno::sendfile, arguments) }
        };
        if gate::is_cooperative() && count > 0 {
            let offset = offset.addr();
            let answer = wait::on(output, |descriptor| {
                let is_file = matches!(descriptor.kind(), Kind::File | Kind::SyncedFile);
                if is_file {
                    return Some(pool::lend(&BLOCKED, || {
                        let arguments = [output as usize, input as usize, offset, count, 0, 0];
                        // SAFETY: the caller's place for the offset, while it waits.
                        unsafe { raw::call(Sysno::sendfile, arguments) }
                    }));
                }
                send_file(descriptor, count, &BLOCKED, now)
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        raw::to_c(now(count)) as ssize_t
    }

    /// Parks until something was moved.
    fn splice(
        input: c_int,
        input_offset: *mut off_t,
        output: c_int,
        output_offset: *mut off_t,
        count: size_t,
        flags: c_uint,
    ) -> ssize_t {
        let now = |flags: c_uint| {
            let (from, to) = (input_offset.addr(), output_offset.addr());
            let arguments =
                [input as usize, from, output as usize, to, count, flags as usize];
            // SAFETY: the caller's places for offsets; passed on.
            unsafe { raw::call(Sysno::splice, arguments) }
        };
        raw::to_c(between(input, output, flags, &BLOCKED, now)) as ssize_t
    }

    /// Parks until something was copied.
    fn tee(input: c_int, output: c_int, count: size_t, flags: c_uint) -> ssize_t {
        let now = |flags: c_uint| {
            let arguments = [input as usize, output as usize, count, flags as usize, 0, 0];
            // SAFETY: it takes numbers alone.
            unsafe { raw::call(Sysno::tee, arguments) }
        };
        raw::to_c(between(input, output, flags, &BLOCKED, now)) as ssize_t
    }

    /// Parks until the pipe has room, or something in it.
    fn vmsplice(fd: c_int, list: *const iovec, count: size_t, flags: c_uint) -> ssize_t {
        let now = |flags: c_uint| {
            let arguments = [fd as usize, list.addr(), count, flags as usize, 0, 0];
            // SAFETY: the caller's memory; passed on.
            unsafe { raw::call(Sysno::vmsplice, arguments) }
        };
        if gate::is_cooperative() && flags & libc::SPLICE_F_NONBLOCK == 0 {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: it touches no memory.
                let mode = unsafe {
                    raw::call(Sysno::fcntl, [fd as usize, libc::F_GETFL as usize, 0, 0, 0, 0])
                };
                let is_writer = mode.is_ok_and(|mode| mode as c_int & libc::O_ACCMODE != 0);
                let interest = if is_writer { Interest::Write } else { Interest::Read };
                (descriptor.kind() == Kind::Pipe).then(|| {
                    Call::new(descriptor, interest, &BLOCKED)
                        .always_tried()
                        .run(|how| now(flags | nonblock(how)))
                })
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        raw::to_c(now(flags)) as ssize_t
    }

    /// Parks while the files are read and written.
    fn copy_file_range(
        input: c_int,
        input_offset: *mut off_t,
        output: c_int,
        output_offset: *mut off_t,
        count: size_t,
        flags: c_uint,
    ) -> ssize_t {
        let (from, to) = (input_offset.addr(), output_offset.addr());
        let arguments = [input as usize, from, output as usize, to, count, flags as usize];
        // SAFETY: the caller's places for offsets, while it waits; passed on.
        let now = || unsafe { raw::call(Sysno::copy_file_range, arguments) };
        raw::to_c(if gate::is_cooperative() {
            pool::lend(&BLOCKED, now)
        } else {
            now()
        }) as ssize_t
    }
}

fn nonblock(how: Attempt) -> c_uint {
    how.flag(libc::SPLICE_F_NONBLOCK as c_int) as c_uint
}

fn send_file(
    output: &Descriptor,
    count: usize,
    blocked: &'static AtomicU64,
    now: impl Fn(usize) -> Answer,
) -> Option<Answer> {
    if output.is_known_nonblocking() || output.kind() == Kind::Pass {
        return None;
    }
    // A short count may be the file's end, so it says nothing of the socket.
    let call = Call::new(output, Interest::Write, blocked).always_tried();
    Some(call.run_all(count, |how, moved| match how {
        Attempt::NoWait => table::without_blocking(output, Flag::ForTheCall, || now(count - moved)),
        Attempt::Plain => now(count - moved),
    }))
}

/// Moves bytes between two descriptors one of which at least is a pipe.
fn between(
    input: c_int,
    output: c_int,
    flags: c_uint,
    blocked: &'static AtomicU64,
    now: impl Fn(c_uint) -> Answer,
) -> Answer {
    if !gate::is_cooperative() || flags & libc::SPLICE_F_NONBLOCK != 0 {
        return now(flags);
    }
    let (Some(from), Some(to)) = (Descriptor::look(input), Descriptor::look(output)) else {
        return now(flags);
    };
    // Sockets and devices heed `O_NONBLOCK` alone, pipes the flag.
    let attempt = || {
        let flags = flags | libc::SPLICE_F_NONBLOCK;
        match (from.kind(), to.kind()) {
            (Kind::Pipe | Kind::File, Kind::Pipe | Kind::File) => now(flags),
            (Kind::Pipe, _) => table::without_blocking(&to, Flag::ForTheCall, || now(flags)),
            _ => table::without_blocking(&from, Flag::ForTheCall, || now(flags)),
        }
    };
    loop {
        let answer = attempt();
        if answer != Err(libc::EAGAIN) || from.is_nonblocking() || to.is_nonblocking() {
            return answer;
        }
        // Whichever is not ready is waited for, and then all is tried again.
        let (end, interest) = match is_ready(input, libc::POLLIN) {
            false => (&from, Interest::Read),
            true => (&to, Interest::Write),
        };
        let events = if interest == Interest::Read { libc::POLLIN } else { libc::POLLOUT };
        let call = Call::new(end, interest, blocked).always_tried();
        let mut plain = None;
        call.run(|how| match how {
            Attempt::NoWait if !is_ready(end.fd, events) => Err(libc::EAGAIN),
            Attempt::NoWait => Ok(0),
            Attempt::Plain => {
                let answer = now(flags);
                plain = Some(answer);
                answer
            }
        })?;
        if let Some(answer) = plain {
            return answer;
        }
    }
}

fn is_ready(fd: c_int, events: libc::c_short) -> bool {
    let mut question = libc::pollfd { fd, events, revents: 0 };
    let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let arguments = [(&raw mut question).addr(), 1, (&raw const time).addr(), 0, 0, 0];
    // SAFETY: one question and a time, both of ours.
    unsafe { raw::call(Sysno::ppoll, arguments) }.is_ok_and(|count| count > 0)
}
