//! Descriptors that are closed, copied, replaced and made behind the table's back.

use super::{hooked, pause};
use crate::raw::{self, Sysno};
use greenstd_runtime::thread;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Reads a byte from a number: what `read` returned, and `errno`.
fn read_byte(fd: RawFd) -> (isize, i32) {
    let mut byte = 0_u8;
    // SAFETY: there is room for one. Whether the number is open is the test's affair.
    let count = unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
    (count, raw::errno())
}

fn close(fd: RawFd) -> i32 {
    // SAFETY: the number is the test's own.
    unsafe { libc::close(fd) }
}

/// Has a number name something else, as code does that no hook sees.
fn replace_unseen(number: RawFd, by: OwnedFd) {
    // SAFETY: the numbers are the test's own.
    unsafe { raw::call(Sysno::dup3, [by.as_raw_fd() as usize, number as usize, 0, 0, 0, 0]) }
        .unwrap();
}

/// Makes a pair of sockets as code does that no hook sees.
fn pair_unseen() -> [RawFd; 2] {
    let mut pair = [0; 2];
    let stream = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as usize;
    let arguments = [libc::AF_UNIX as usize, stream, 0, pair.as_mut_ptr().addr(), 0, 0];
    // SAFETY: there is room for two numbers.
    unsafe { raw::call(Sysno::socketpair, arguments) }.unwrap();
    pair
}

#[test]
fn close_wakes_every_green_thread_that_waits_with_ebadf() {
    hooked().run(|| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let fd = ours.into_raw_fd();
        let waiters: Vec<_> = (0..5).map(|_| thread::spawn(move || read_byte(fd))).collect();
        pause();
        assert_eq!(close(fd), 0);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), (-1, libc::EBADF));
        }
    });
}

#[test]
fn a_copy_stays_open_and_heard_when_the_other_is_closed_or_replaced() {
    hooked().run(|| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let copy = ours.try_clone().unwrap();
        let (fd, copied) = (ours.into_raw_fd(), copy.as_raw_fd());
        let on_copy = thread::spawn(move || read_byte(copied).0);
        let on_original = thread::spawn(move || read_byte(fd));
        pause();
        let other = File::open("/dev/null").unwrap();
        // SAFETY: both are open, and the second is the test's own.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), fd) }, fd);
        assert_eq!(on_original.join().unwrap(), (-1, libc::EBADF));
        assert_eq!(read_byte(fd).0, 0, "it is at the end of /dev/null");
        theirs.write_all(b"!").unwrap();
        assert_eq!(on_copy.join().unwrap(), 1);
        assert_eq!(close(fd), 0);
    });
}

#[test]
fn a_copy_that_fails_replaces_nothing_and_wakes_nobody() {
    hooked().run(|| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let fd = ours.as_raw_fd();
        let reader = thread::spawn(move || read_byte(fd).0);
        pause();
        // SAFETY: numbers that are not open are refused.
        unsafe {
            assert_eq!((libc::dup2(900_000, fd), raw::errno()), (-1, libc::EBADF));
            assert_eq!((libc::dup3(fd, fd, 0), raw::errno()), (-1, libc::EINVAL));
            assert_eq!(libc::dup2(fd, fd), fd);
        }
        pause();
        assert!(!reader.is_finished());
        theirs.write_all(b"!").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn a_number_that_is_used_again_at_once_is_another_descriptor() {
    hooked().run(|| {
        for _ in 0..200 {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let fd = ours.into_raw_fd();
            let waiter = thread::spawn(move || read_byte(fd));
            thread::yield_now();
            thread::yield_now();
            assert_eq!(close(fd), 0);
            let [next, peer] = pair_unseen();
            let outcome = waiter.join().unwrap();
            assert_eq!(outcome, (-1, libc::EBADF));
            // SAFETY: both are the test's own.
            let (mut next, mut peer) =
                unsafe { (UnixStream::from_raw_fd(next), UnixStream::from_raw_fd(peer)) };
            let reader = thread::spawn(move || next.read(&mut [0; 8]).unwrap());
            thread::yield_now();
            peer.write_all(b"next").unwrap();
            assert_eq!(reader.join().unwrap(), 4);
            let _ = theirs.write(b"nobody");
        }
    });
}

#[test]
fn a_number_that_changes_hands_unseen_is_found_out() {
    hooked().run(|| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let fd = ours.into_raw_fd();
        // It is registered, and known to be drained.
        let reader = thread::spawn(move || read_byte(fd).0);
        pause();
        theirs.write_all(b"!").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        let (next, mut peer) = UnixStream::pair().unwrap();
        replace_unseen(fd, next.into());
        let reader = thread::spawn(move || read_byte(fd).0);
        pause();
        peer.write_all(b"?").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        // And so is one that is something else by now.
        let (next, mut writer) = std::io::pipe().unwrap();
        replace_unseen(fd, next.into());
        let reader = thread::spawn(move || read_byte(fd).0);
        pause();
        writer.write_all(b"!").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        assert_eq!(close(fd), 0);
    });
}

#[test]
fn a_range_that_is_closed_wakes_whoever_waits_in_it() {
    hooked().run(|| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        // Out of the way of all other tests of this process.
        // SAFETY: a copy of the test's own.
        let fd = unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 800) };
        assert!(fd >= 800);
        let waiter = thread::spawn(move || read_byte(fd));
        pause();
        let number = fd as libc::c_uint;
        // SAFETY: the test's own number.
        let range = unsafe { crate::descriptors::close_range(number, number, 0) };
        assert_eq!(range, 0);
        assert_eq!(waiter.join().unwrap(), (-1, libc::EBADF));
    });
}

#[test]
fn a_stream_of_the_c_library_that_is_closed_wakes_whoever_waits() {
    hooked().run(|| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let fd = ours.into_raw_fd();
        let waiter = thread::spawn(move || read_byte(fd));
        pause();
        // SAFETY: the stream takes the number over, and is closed once.
        unsafe {
            let stream = libc::fdopen(fd, c"r+".as_ptr());
            assert_eq!(libc::fclose(stream), 0);
        }
        assert_eq!(waiter.join().unwrap(), (-1, libc::EBADF));
    });
}

#[test]
fn what_is_received_from_somebody_else_is_classified_when_it_is_used() {
    hooked().run(|| {
        let [mut ours, mut theirs] = pair_unseen().map(|fd| {
            // SAFETY: the test's own.
            File::from(unsafe { OwnedFd::from_raw_fd(fd) })
        });
        let reader = thread::spawn(move || {
            let mut line = [0; 5];
            ours.read_exact(&mut line).unwrap();
            (line, ours)
        });
        pause();
        theirs.write_all(b"hello").unwrap();
        let (line, mut ours) = reader.join().unwrap();
        assert_eq!(&line, b"hello");
        // What its maker has set counts, however it was set.
        let mut flag: libc::c_int = 1;
        let arguments =
            [ours.as_raw_fd() as usize, libc::FIONBIO as usize, (&raw mut flag).addr(), 0, 0, 0];
        // SAFETY: it reads one number.
        unsafe { raw::call(Sysno::ioctl, arguments) }.unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn descriptors_that_come_with_a_message_are_waited_for_and_share_their_mode() {
    hooked().run(|| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (end, mut peer) = UnixStream::pair().unwrap();
        let mut byte = *b"!";
        let mut list = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
        let mut control = [0_u64; 4];
        // SAFETY: plain data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut list;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: there is room for a header and a number, and all of it is alive.
        let received = unsafe {
            message.msg_controllen = libc::CMSG_SPACE(4) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(end.as_raw_fd());
            assert_eq!(libc::sendmsg(ours.as_raw_fd(), &raw const message, 0), 1);
            assert_eq!(libc::recvmsg(theirs.as_raw_fd(), &raw mut message, 0), 1);
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()
        };
        let reader = thread::spawn(move || read_byte(received).0);
        pause();
        peer.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        // They share one open file.
        // SAFETY: the number is the test's own.
        let mut copy = UnixStream::from(unsafe { OwnedFd::from_raw_fd(received) });
        copy.set_nonblocking(true).unwrap();
        let error = (&end).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert_eq!(copy.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    });
}
