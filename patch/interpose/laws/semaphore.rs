//! The C library's semaphores, and the locks of its streams.

use super::parties::{MOMENT, Party, Shared, green, on_workers};
use crate::raw;
use greenstd_runtime::thread::{self, Killed};
use libc::{c_int, sem_t, timespec};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

unsafe extern "C" {
    fn flockfile(stream: *mut libc::FILE);
    fn funlockfile(stream: *mut libc::FILE);
    fn ftrylockfile(stream: *mut libc::FILE) -> c_int;
}

fn semaphore(is_shared: bool, permits: u32) -> Shared<sem_t> {
    // SAFETY: zero is a value of its type, and it is made before it is used.
    unsafe {
        let semaphore = Shared::new(std::mem::zeroed::<sem_t>());
        assert_eq!(libc::sem_init(semaphore.get(), c_int::from(is_shared), permits), 0);
        semaphore
    }
}

fn wait(semaphore: Shared<sem_t>) -> Result<(), c_int> {
    // SAFETY: a semaphore that is never freed, here and below.
    if unsafe { libc::sem_wait(semaphore.get()) } == 0 { Ok(()) } else { Err(raw::errno()) }
}

fn post(semaphore: Shared<sem_t>) {
    // SAFETY: as above.
    assert_eq!(unsafe { libc::sem_post(semaphore.get()) }, 0);
}

#[test]
fn permits_go_between_green_threads_and_os_threads_and_none_is_lost() {
    for is_shared in [false, true] {
        on_workers(1, move || {
            let semaphores = [semaphore(is_shared, 0), semaphore(is_shared, 0)];
            let mut parties = Vec::new();
            for number in 0..8 {
                let [mine, others] =
                    if number < 4 { semaphores } else { [semaphores[1], semaphores[0]] };
                parties.push(Party::spawn(number % 2 == 0, move || {
                    for _ in 0..200 {
                        post(others);
                        assert_eq!(wait(mine), Ok(()));
                    }
                }));
            }
            parties.into_iter().for_each(Party::join);
            for semaphore in semaphores {
                let mut left = 1;
                // SAFETY: as above.
                unsafe { libc::sem_getvalue(semaphore.get(), &raw mut left) };
                assert_eq!(left, 0);
            }
        });
    }
}

#[test]
fn a_wait_for_a_permit_times_out_and_never_early() {
    green(|| {
        for is_shared in [false, true] {
            let semaphore = semaphore(is_shared, 0);
            let mut end = timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: a time of ours, and a semaphore that is never freed.
            unsafe {
                libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut end);
                end.tv_sec += 1;
                let start = Instant::now();
                assert_eq!(libc::sem_timedwait(semaphore.get(), &raw const end), -1);
                assert_eq!(raw::errno(), libc::ETIMEDOUT);
                // The clock was read a moment before.
                assert!(start.elapsed() > Duration::from_millis(900));
                end.tv_nsec = -1;
                assert_eq!(libc::sem_timedwait(semaphore.get(), &raw const end), -1);
                assert_eq!(raw::errno(), libc::EINVAL);
            }
        }
    });
}

#[test]
fn a_kill_ends_one_wait_for_a_permit_as_a_signal_does() {
    green(|| {
        let semaphore = semaphore(false, 0);
        let told = Arc::new(AtomicUsize::new(0));
        let its = told.clone();
        let waiter = thread::spawn(move || {
            while let Err(error) = wait(semaphore) {
                assert_eq!(error, libc::EINTR);
                its.fetch_add(1, Ordering::SeqCst);
            }
            thread::park();
        });
        std::thread::sleep(MOMENT);
        waiter.thread().kill().unwrap();
        std::thread::sleep(MOMENT);
        assert_eq!(told.load(Ordering::SeqCst), 1);
        post(semaphore);
        assert!(waiter.join().unwrap_err().is::<Killed>());
    });
}

#[test]
fn a_stream_is_locked_by_one_green_thread_as_often_as_it_likes() {
    on_workers(1, || {
        // SAFETY: names that end.
        let stream = unsafe { libc::fopen(c"/dev/null".as_ptr(), c"w".as_ptr()) };
        assert!(!stream.is_null());
        let stream = Shared::new(stream);
        let inside = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..10)
            .map(|_| {
                let inside = inside.clone();
                thread::spawn(move || {
                    // SAFETY: a stream that is never closed.
                    unsafe {
                        let stream = *stream.get();
                        flockfile(stream);
                        assert_eq!(ftrylockfile(stream), 0, "once more");
                        funlockfile(stream);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "alone");
                        std::thread::sleep(Duration::from_millis(1));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        funlockfile(stream);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
    });
}
