//! `poll`, `select` and `epoll_wait` of unmodified code.

use super::{WHILE, hooked, kill_in_hook, number, pipe, put, side_by_side};
use crate::raw;
use greenstd_runtime::thread;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

fn question(fd: i32, events: i16) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}

fn poll(fds: &mut [libc::pollfd], timeout: i32) -> (i32, Vec<i16>) {
    // SAFETY: a list that outlives the call.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    (count, fds.iter().map(|fd| fd.revents).collect())
}

fn epoll_of(fd: &OwnedFd, flags: i32) -> OwnedFd {
    // SAFETY: no pointers; then an event that outlives the call.
    unsafe {
        let set = OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC));
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32 | flags as u32, u64: 7 };
        let outcome =
            libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event);
        assert_eq!(outcome, 0);
        set
    }
}

fn epoll_wait(set: &OwnedFd, timeout: i32) -> Option<u64> {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 4];
    // SAFETY: room for four.
    match unsafe { libc::epoll_wait(set.as_raw_fd(), events.as_mut_ptr(), 4, timeout) } {
        0 => None,
        1 => Some(events[0].u64),
        other => panic!("{other} events, errno {}", raw::errno()),
    }
}

fn set_of(numbers: &[i32]) -> libc::fd_set {
    let mut set = MaybeUninit::uninit();
    // SAFETY: room of ours, and numbers below its size.
    unsafe {
        libc::FD_ZERO(set.as_mut_ptr());
        let mut set = set.assume_init();
        numbers.iter().for_each(|&number| libc::FD_SET(number, &raw mut set));
        set
    }
}

fn has(set: &libc::fd_set, number: i32) -> bool {
    // SAFETY: a set of ours.
    unsafe { libc::FD_ISSET(number, set) }
}

#[test]
fn a_hundred_polls_wait_side_by_side_and_each_is_told_of_its_own() {
    hooked().run(|| {
        let start = Instant::now();
        side_by_side(|_| {
            let (reader, writer) = pipe();
            let (silent, _other) = pipe();
            let waker = thread::spawn(move || {
                std::thread::sleep(WHILE);
                put(&writer);
                writer
            });
            let mut fds = [&silent, &reader].map(|fd| question(number(fd), libc::POLLIN));
            assert_eq!(poll(&mut fds, -1), (1, vec![0, libc::POLLIN]));
            waker.join().unwrap();
        });
        assert!((WHILE..50 * WHILE).contains(&start.elapsed()));
    });
}

#[test]
fn a_poll_takes_duplicates_passes_negative_numbers_and_tells_of_closed_ones() {
    hooked().run(|| {
        let (reader, writer) = pipe();
        let waker = thread::spawn(move || {
            std::thread::sleep(WHILE);
            put(&writer);
            writer
        });
        let fd = number(&reader);
        let mut fds = [question(fd, libc::POLLIN), question(-1, -1), question(fd, libc::POLLIN)];
        assert_eq!(poll(&mut fds, 10_000), (2, vec![libc::POLLIN, 0, libc::POLLIN]));
        waker.join().unwrap();
        let closed = 900_000;
        assert_eq!(poll(&mut [question(closed, libc::POLLIN)], -1), (1, vec![libc::POLLNVAL]));
        // SAFETY: the kernel looks at the address, and says that it is none.
        let outcome = unsafe { libc::poll(ptr::without_provenance_mut(8), 1, -1) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EFAULT));
    });
}

#[test]
fn a_poll_of_nothing_sleeps_and_errno_stays() {
    hooked().run(|| {
        let start = Instant::now();
        raw::set_errno(7);
        assert_eq!(poll(&mut [], 100).0, 0);
        assert!(start.elapsed() >= WHILE);
        assert_eq!(raw::errno(), 7);
    });
}

#[test]
fn a_hang_up_during_a_poll_is_told_as_the_kernel_does() {
    hooked().run(|| {
        let (reader, writer) = pipe();
        let closer = thread::spawn(move || {
            std::thread::sleep(WHILE);
            drop(writer);
        });
        let mut fds = [question(number(&reader), libc::POLLIN)];
        assert_eq!(poll(&mut fds, -1), (1, vec![libc::POLLHUP]));
        closer.join().unwrap();
    });
}

#[test]
fn a_kill_ends_polls_selects_and_epoll_waits_by_an_error_that_sticks() {
    hooked().run(|| {
        let canceled = |outcome: i32| {
            assert_eq!((outcome, raw::errno()), (-1, libc::ECANCELED));
            // Again at once.
            assert_eq!((poll(&mut [], -1).0, raw::errno()), (-1, libc::ECANCELED));
            thread::park();
        };
        kill_in_hook(thread::spawn(move || {
            let (reader, _writer) = pipe();
            let outcome = poll(&mut [question(number(&reader), libc::POLLIN)], -1).0;
            canceled(outcome);
        }));
        kill_in_hook(thread::spawn(move || {
            let (reader, _writer) = pipe();
            let mut reads = set_of(&[number(&reader)]);
            let (sets, null) = (number(&reader) + 1, ptr::null_mut());
            // SAFETY: a set of ours.
            canceled(unsafe { libc::select(sets, &raw mut reads, null, null, ptr::null_mut()) });
        }));
        kill_in_hook(thread::spawn(move || {
            let (reader, _writer) = pipe();
            let set = epoll_of(&reader, 0);
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: room for one.
            canceled(unsafe { libc::epoll_wait(set.as_raw_fd(), &raw mut event, 1, -1) });
        }));
    });
}

#[test]
fn a_hundred_selects_wait_side_by_side_and_write_back_what_is_left() {
    hooked().run(|| {
        let start = Instant::now();
        side_by_side(|_| {
            let (reader, writer) = pipe();
            let (silent, _other) = pipe();
            let waker = thread::spawn(move || {
                std::thread::sleep(WHILE);
                put(&writer);
                writer
            });
            let (ours, other) = (number(&reader), number(&silent));
            let mut reads = set_of(&[ours, other]);
            let mut time = libc::timeval { tv_sec: 1000, tv_usec: 0 };
            let (null, sets) = (ptr::null_mut(), ours.max(other) + 1);
            // SAFETY: a set and a time of ours.
            let found = unsafe { libc::select(sets, &raw mut reads, null, null, &raw mut time) };
            assert_eq!((found, has(&reads, ours), has(&reads, other)), (1, true, false));
            assert!((900..1000).contains(&time.tv_sec));
            waker.join().unwrap();
        });
        assert!((WHILE..50 * WHILE).contains(&start.elapsed()));
    });
}

#[test]
fn a_select_that_is_late_empties_the_sets_and_the_time() {
    hooked().run(|| {
        let (reader, _writer) = pipe();
        let mut reads = set_of(&[number(&reader)]);
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 50_000 };
        let (null, sets) = (ptr::null_mut(), number(&reader) + 1);
        // SAFETY: a set and a time of ours.
        let found = unsafe { libc::select(sets, &raw mut reads, null, null, &raw mut time) };
        assert_eq!((found, has(&reads, number(&reader))), (0, false));
        assert_eq!((time.tv_sec, time.tv_usec), (0, 0));
        let bad = libc::timespec { tv_sec: -1, tv_nsec: 0 };
        // SAFETY: a time of ours.
        let outcome = unsafe { libc::pselect(0, null, null, null, &bad, ptr::null()) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EINVAL));
    });
}

#[test]
fn a_writer_to_nobody_is_ready_for_select_as_the_kernel_says() {
    hooked().run(|| {
        let (reader, writer) = pipe();
        drop(reader);
        let fd = number(&writer);
        let (mut writes, mut exceptions) = (set_of(&[fd]), set_of(&[fd]));
        let null = ptr::null_mut();
        // SAFETY: sets of ours.
        let found = unsafe {
            libc::select(fd + 1, ptr::null_mut(), &raw mut writes, &raw mut exceptions, null)
        };
        assert_eq!((found, has(&writes, fd), has(&exceptions, fd)), (1, true, false));
    });
}

#[test]
fn a_hundred_epoll_waits_wait_side_by_side_level_or_edge() {
    hooked().run(|| {
        let start = Instant::now();
        side_by_side(|number| {
            let (reader, writer) = pipe();
            let is_edge = number % 2 == 1;
            let set = epoll_of(&reader, if is_edge { libc::EPOLLET } else { 0 });
            let waker = thread::spawn(move || {
                std::thread::sleep(WHILE);
                put(&writer);
                writer
            });
            assert_eq!(epoll_wait(&set, -1), Some(7));
            // What an edge has told it does not tell again.
            assert_eq!(epoll_wait(&set, 10), if is_edge { None } else { Some(7) });
            waker.join().unwrap();
        });
        assert!((WHILE..50 * WHILE).contains(&start.elapsed()));
    });
}

#[test]
fn precise_epoll_waits_are_not_early_and_errors_are_the_kernels() {
    hooked().run(|| {
        let (reader, _writer) = pipe();
        let set = epoll_of(&reader, 0);
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        let time = libc::timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let start = Instant::now();
        let fd = set.as_raw_fd();
        // SAFETY: room for one, and a time of ours.
        let found =
            unsafe { crate::epoll::epoll_pwait2(fd, &raw mut event, 1, &time, ptr::null()) };
        assert_eq!(found, 0);
        assert!(start.elapsed() >= Duration::from_millis(20));
        // SAFETY: room for one.
        let outcome = unsafe { libc::epoll_wait(number(&reader), &raw mut event, 1, -1) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EINVAL));
        // SAFETY: no room at all.
        let outcome = unsafe { libc::epoll_wait(fd, &raw mut event, 0, -1) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EINVAL));
    });
}

#[test]
fn two_green_threads_that_wait_for_one_set_are_each_told_of_an_event() {
    hooked().run(|| {
        let (first, second) = (pipe(), pipe());
        let set = epoll_of(&first.0, libc::EPOLLET | libc::EPOLLONESHOT);
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLET | libc::EPOLLONESHOT) as u32,
            u64: 8,
        };
        let add = libc::EPOLL_CTL_ADD;
        // SAFETY: an event of ours.
        let added =
            unsafe { libc::epoll_ctl(set.as_raw_fd(), add, number(&second.0), &raw mut event) };
        assert_eq!(added, 0);
        let set = std::sync::Arc::new(set);
        let waiters = [(); 2].map(|()| {
            let set = set.clone();
            thread::spawn(move || epoll_wait(&set, -1))
        });
        thread::sleep(WHILE);
        put(&first.1);
        thread::sleep(WHILE);
        put(&second.1);
        let mut told = waiters.map(|waiter| waiter.join().unwrap());
        told.sort_unstable();
        assert_eq!(told, [Some(7), Some(8)]);
    });
}

#[test]
fn a_busy_look_lets_its_neighbours_run() {
    hooked().run(|| {
        let (reader, writer) = pipe();
        let waker = thread::spawn(move || {
            put(&writer);
            writer
        });
        while poll(&mut [question(number(&reader), libc::POLLIN)], 0).0 == 0 {}
        waker.join().unwrap();
    });
}

#[test]
fn outside_of_green_threads_all_is_the_kernels() {
    let (reader, writer) = pipe();
    let fd = number(&reader);
    assert_eq!(poll(&mut [question(fd, libc::POLLIN)], 20), (0, vec![0]));
    put(&writer);
    assert_eq!(poll(&mut [question(fd, libc::POLLIN)], -1), (1, vec![libc::POLLIN]));
    let set = epoll_of(&reader, 0);
    assert_eq!(epoll_wait(&set, -1), Some(7));
    let mut reads = set_of(&[fd]);
    let mut time = libc::timeval { tv_sec: 10, tv_usec: 0 };
    let null = ptr::null_mut();
    // SAFETY: a set and a time of ours.
    let found = unsafe { libc::select(fd + 1, &raw mut reads, null, null, &raw mut time) };
    assert_eq!((found, has(&reads, fd)), (1, true));
    assert!((9..=10).contains(&time.tv_sec));
}
