//! `pread`, `pwrite` and their vectored forms: of files, and nothing else has positions.
//!
//! As in `stream`: what is cached is read in place, what is not on a thread of the pool; little
//! writes go into the cache in place.

use crate::gate;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use crate::receive::check_room;
use crate::stream::{WRITTEN_IN_PLACE, read_file};
use crate::table::{Descriptor, Kind};
use libc::{c_int, c_void, iovec, off_t, size_t, ssize_t};
use std::sync::atomic::AtomicU64;

hooks! {
    /// Parks while a file is read that is not cached.
    fn pread[pread64 __pread64](
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        offset: off_t,
    ) -> ssize_t {
        // SAFETY: the caller's promise.
        unsafe { pread_at(fd, buffer, length, offset, &BLOCKED) }
    }

    /// Parks while a file is read that is not cached. A length that does not fit ends the program.
    fn __pread_chk[__pread64_chk](
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        offset: off_t,
        room: size_t,
    ) -> ssize_t {
        check_room(length, room);
        // SAFETY: the caller's promise.
        unsafe { pread_at(fd, buffer, length, offset, &BLOCKED) }
    }

    /// Parks while much is written to a file, or to one that waits for the disk.
    fn pwrite[pwrite64 __pwrite64](
        fd: c_int,
        buffer: *const c_void,
        length: size_t,
        offset: off_t,
    ) -> ssize_t {
        let arguments = [fd as usize, buffer.addr(), length, offset as usize, 0, 0];
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { write_at(fd, Sysno::pwrite64, arguments, length, &BLOCKED) }) as ssize_t
    }

    /// Parks while a file is read that is not cached.
    fn preadv[preadv64](fd: c_int, list: *const iovec, count: c_int, offset: off_t) -> ssize_t {
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { preadv_at(fd, list, count, offset, &BLOCKED) }) as ssize_t
    }

    /// Parks while a file is written that waits for the disk.
    fn pwritev[pwritev64](fd: c_int, list: *const iovec, count: c_int, offset: off_t) -> ssize_t {
        let arguments = [fd as usize, list.addr(), count as usize, offset as usize, 0, 0];
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { write_at(fd, Sysno::pwritev, arguments, 0, &BLOCKED) }) as ssize_t
    }

    /// As `preadv`; with flags, or at the position of the file, as the kernel does it.
    fn preadv2[preadv64v2](
        fd: c_int,
        list: *const iovec,
        count: c_int,
        offset: off_t,
        flags: c_int,
    ) -> ssize_t {
        if flags == 0 && offset == -1 {
            // SAFETY: the caller's promise.
            return unsafe { crate::stream::readv(fd, list, count) };
        }
        if flags == 0 {
            // SAFETY: the caller's promise.
            return raw::to_c(unsafe { preadv_at(fd, list, count, offset, &BLOCKED) }) as ssize_t;
        }
        let arguments =
            [fd as usize, list.addr(), count as usize, offset as usize, 0, flags as usize];
        // SAFETY: passed on.
        raw::to_c(unsafe { raw::call(Sysno::preadv2, arguments) }) as ssize_t
    }

    /// As `pwritev`; with flags, or at the position of the file, as the kernel does it.
    fn pwritev2[pwritev64v2](
        fd: c_int,
        list: *const iovec,
        count: c_int,
        offset: off_t,
        flags: c_int,
    ) -> ssize_t {
        if flags == 0 && offset == -1 {
            // SAFETY: the caller's promise.
            return unsafe { crate::stream::writev(fd, list, count) };
        }
        let arguments =
            [fd as usize, list.addr(), count as usize, offset as usize, 0, flags as usize];
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { write_at(fd, Sysno::pwritev2, arguments, 0, &BLOCKED) }) as ssize_t
    }
}

/// The file behind a number, if the calling green thread is to park for it.
fn file(fd: c_int) -> Option<Descriptor> {
    if !gate::is_cooperative() {
        return None;
    }
    Descriptor::look(fd).filter(|file| matches!(file.kind(), Kind::File | Kind::SyncedFile))
}

/// # Safety
///
/// As `pread`.
unsafe fn pread_at(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    offset: off_t,
    blocked: &AtomicU64,
) -> ssize_t {
    let arguments = [fd as usize, buffer.addr(), length, offset as usize, 0, 0];
    // SAFETY: passed on; the caller's memory, while it waits.
    let plain = || unsafe { raw::call(Sysno::pread64, arguments) };
    let answer = match file(fd) {
        Some(file) if offset >= 0 && length > 0 => {
            let list = iovec { iov_base: buffer, iov_len: length };
            let start = (&raw const list).addr();
            // SAFETY: a list of one, of the caller's memory.
            unsafe { read_file(&file, start, 1, offset as usize, blocked, plain) }
        }
        _ => plain(),
    };
    raw::to_c(answer) as ssize_t
}

/// # Safety
///
/// As `preadv`.
unsafe fn preadv_at(
    fd: c_int,
    list: *const iovec,
    count: c_int,
    offset: off_t,
    blocked: &AtomicU64,
) -> Answer {
    let arguments = [fd as usize, list.addr(), count as usize, offset as usize, 0, 0];
    // SAFETY: passed on; the caller's memory, while it waits.
    let plain = || unsafe { raw::call(Sysno::preadv, arguments) };
    match file(fd) {
        // SAFETY: passed on.
        Some(file) if offset >= 0 => unsafe {
            read_file(&file, list.addr(), count as usize, offset as usize, blocked, plain)
        },
        _ => plain(),
    }
}

/// # Safety
///
/// As the call of that number.
unsafe fn write_at(
    fd: c_int,
    number: Sysno,
    arguments: [usize; 6],
    length: usize,
    blocked: &AtomicU64,
) -> Answer {
    // SAFETY: passed on; the caller's memory, while it waits.
    let plain = || unsafe { raw::call(number, arguments) };
    match file(fd) {
        Some(file) if file.kind() == Kind::SyncedFile || length > WRITTEN_IN_PLACE => {
            pool::lend(blocked, plain)
        }
        _ => plain(),
    }
}
