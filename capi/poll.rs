//! Waits for descriptors, without a call on them: `gs_wait_fd` and `gs_poll`.

use crate::guard::{self, Errno, errno};
use greenstd_runtime::poller::{self, PollFd, PollFlags};
use libc::{c_int, c_short, nfds_t, pollfd};
use std::slice;

/// The most descriptors in one wait: beyond `RLIMIT_NOFILE`, which the kernel looks at, too, a
/// count is an uninitialised one.
const DESCRIPTORS_AT_MOST: nfds_t = 1 << 22;

/// Blocks the calling thread, of either kind, until a descriptor is ready: `events` are those of
/// poll(2), POLLIN and so on. For so many nanoseconds at most; negative is for ever, 0 only looks.
/// As with poll(2), what is asked for is a level, and closing the descriptor does not end the wait.
///
/// Returns the events that have come, POLLERR, POLLHUP and POLLNVAL among them, which is more than
/// 0; -ETIMEDOUT if none came in time; -EBADF for a negative descriptor; -ECANCELED if the caller
/// was killed; or an error of poll(2) or epoll_ctl(2).
#[unsafe(no_mangle)]
pub extern "C" fn gs_wait_fd(fd: c_int, events: c_short, timeout_ns: i64) -> c_int {
    if fd < 0 {
        return -libc::EBADF;
    }
    let mut list = [pollfd { fd, events, revents: 0 }];
    match wait(&mut list, timeout_ns) {
        Ok(0) => -libc::ETIMEDOUT,
        Ok(_) => c_int::from(list[0].revents),
        Err(error) => -error,
    }
}

/// Blocks the calling thread, of either kind, until a descriptor of a list is ready: as ppoll(2),
/// but for the timeout, which is in nanoseconds; negative is for ever, 0 only looks. `fds` may be
/// NULL if `count` is 0.
///
/// Returns how many are ready, 0 if none was in time; -EINVAL for a NULL list, and for more than
/// the process may open; -ECANCELED if the caller was killed; or an error of poll(2) or
/// epoll_ctl(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_poll(fds: *mut pollfd, count: nfds_t, timeout_ns: i64) -> c_int {
    if fds.is_null() && count > 0 || count > DESCRIPTORS_AT_MOST {
        return -libc::EINVAL;
    }
    let list = match count {
        0 => &mut [],
        // SAFETY: the caller's list.
        count => unsafe { slice::from_raw_parts_mut(fds, count as usize) },
    };
    match wait(list, timeout_ns) {
        Ok(count) => c_int::try_from(count).unwrap_or(c_int::MAX),
        Err(error) => -error,
    }
}

fn wait(list: &mut [pollfd], timeout_ns: i64) -> Result<usize, Errno> {
    guard::enter(|| {
        let flags = |item: &pollfd| PollFlags::from_bits_retain(item.events);
        let mut fds: Vec<PollFd<'_>> =
            list.iter().map(|item| PollFd::from_raw(item.fd, flags(item))).collect();
        let count = poller::poll(&mut fds, guard::timeout(timeout_ns)).map_err(|e| errno(&e))?;
        for (item, fd) in list.iter_mut().zip(&fds) {
            item.revents = fd.revents().bits();
        }
        Ok(count)
    })
}
