//! The system call `futex`, as std and C++ make it.

use super::parties::{MOMENT, Party, green, on_workers};
use crate::futex::wait::rescued_waits;
use crate::raw::{self, Sysno};
use greenstd_runtime::thread::{self, Killed};
use libc::{c_int, c_long, timespec};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PRIVATE: c_int = libc::FUTEX_PRIVATE_FLAG;
const WAIT: c_int = libc::FUTEX_WAIT | PRIVATE;
const WAKE: c_int = libc::FUTEX_WAKE | PRIVATE;

/// By the hook; -1 and `errno` as an error.
fn futex(
    word: &AtomicU32,
    operation: c_int,
    value: u32,
    time: Option<&timespec>,
    other: Option<&AtomicU32>,
    last: u32,
) -> Result<c_long, c_int> {
    let time = time.map_or(ptr::null(), ptr::from_ref);
    let other = other.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: words and a time that outlive the call.
    let outcome = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, time, other, last)
    };
    if outcome == -1 { Err(raw::errno()) } else { Ok(outcome) }
}

fn wait(word: &AtomicU32, value: u32) -> Result<c_long, c_int> {
    futex(word, WAIT, value, None, None, 0)
}

fn wake(word: &AtomicU32, count: u32) -> c_long {
    futex(word, WAKE, count, None, None, 0).unwrap()
}

/// Parties that wait for a word to be another than 0, and count themselves when they go on.
fn waiting(word: &Arc<AtomicU32>, are_green: &[bool], awake: &Arc<AtomicUsize>) -> Vec<Party> {
    let spawn = |&is_green: &bool| {
        let (word, awake) = (word.clone(), awake.clone());
        Party::spawn(is_green, move || {
            while word.load(Ordering::SeqCst) == 0 {
                assert!(matches!(wait(&word, 0), Ok(0) | Err(libc::EAGAIN | libc::EINTR)));
                awake.fetch_add(1, Ordering::SeqCst);
                if word.load(Ordering::SeqCst) == 0 {
                    return;
                }
            }
        })
    };
    let parties = are_green.iter().map(spawn).collect();
    thread::sleep(MOMENT);
    parties
}

#[test]
fn another_value_is_told_at_once_and_errno_stays_after_success() {
    green(|| {
        let word = AtomicU32::new(7);
        assert_eq!(wait(&word, 6), Err(libc::EAGAIN));
        raw::set_errno(77);
        assert_eq!(wake(&word, 1), 0);
        assert_eq!(raw::errno(), 77);
        let no_mask = libc::FUTEX_WAIT_BITSET | PRIVATE;
        assert_eq!(futex(&word, no_mask, 7, None, None, 0), Err(libc::EINVAL));
        // SAFETY: an address that the kernel refuses.
        let outcome = unsafe { libc::syscall(libc::SYS_futex, 1, WAIT, 0, 0, 0, 0) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EINVAL));
        // SAFETY: as above.
        let outcome = unsafe { libc::syscall(libc::SYS_futex, 8, WAIT, 0, 0, 0, 0) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EFAULT));
    });
}

#[test]
fn a_wait_times_out_and_never_early() {
    green(|| {
        let word = AtomicU32::new(0);
        let short = timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let start = Instant::now();
        assert_eq!(futex(&word, WAIT, 0, Some(&short), None, 0), Err(libc::ETIMEDOUT));
        assert!(start.elapsed() >= Duration::from_millis(20));
        for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME] {
            let mut end = timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: a time of ours.
            unsafe { libc::clock_gettime(clock, &raw mut end) };
            end.tv_sec += 1;
            let flag = if clock == libc::CLOCK_REALTIME { libc::FUTEX_CLOCK_REALTIME } else { 0 };
            let operation = libc::FUTEX_WAIT_BITSET | PRIVATE | flag;
            let outcome = futex(&word, operation, 0, Some(&end), None, u32::MAX);
            assert_eq!(outcome, Err(libc::ETIMEDOUT));
            let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: as above.
            unsafe { libc::clock_gettime(clock, &raw mut now) };
            assert!((now.tv_sec, now.tv_nsec) >= (end.tv_sec, end.tv_nsec));
        }
        let bad = timespec { tv_sec: 0, tv_nsec: -1 };
        assert_eq!(futex(&word, WAIT, 0, Some(&bad), None, 0), Err(libc::EINVAL));
    });
}

#[test]
fn a_wake_counts_green_threads_and_os_threads_together() {
    green(|| {
        let (word, awake) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
        let parties = waiting(&word, &[true, false, true, false], &awake);
        assert_eq!(wake(&word, 1), 1);
        assert_eq!(wake(&word, 100), 3);
        assert_eq!(wake(&word, 100), 0);
        parties.into_iter().for_each(Party::join);
        assert_eq!(awake.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn an_os_thread_wakes_green_threads_and_a_green_thread_os_threads() {
    green(|| {
        for is_green in [true, false] {
            let (word, awake) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
            let parties = waiting(&word, &[is_green; 3], &awake);
            let waker = Party::spawn(!is_green, move || {
                word.store(1, Ordering::SeqCst);
                assert_eq!(wake(&word, u32::MAX >> 1), 3);
            });
            waker.join();
            parties.into_iter().for_each(Party::join);
        }
    });
}

#[test]
fn who_is_woken_is_of_the_mask() {
    green(|| {
        let (word, awake) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
        let waiters = [1_u32, 2].map(|mask| {
            let (word, awake) = (word.clone(), awake.clone());
            thread::spawn(move || {
                let operation = libc::FUTEX_WAIT_BITSET | PRIVATE;
                assert_eq!(futex(&word, operation, 0, None, None, mask), Ok(0));
                awake.fetch_add(mask as usize, Ordering::SeqCst);
            })
        });
        thread::sleep(MOMENT);
        let operation = libc::FUTEX_WAKE_BITSET | PRIVATE;
        let [first, second] = waiters;
        assert_eq!(futex(&word, operation, 9, None, None, 2), Ok(1));
        second.join().unwrap();
        assert_eq!(awake.load(Ordering::SeqCst), 2);
        assert_eq!(futex(&word, operation, 9, None, None, 5), Ok(1));
        first.join().unwrap();
    });
}

#[test]
fn a_requeue_wakes_some_and_moves_the_rest() {
    green(|| {
        let (word, other) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
        let awake = Arc::new(AtomicUsize::new(0));
        let parties = waiting(&word, &[true; 5], &awake);
        let requeue = |expected: usize| {
            let operation = libc::FUTEX_CMP_REQUEUE | PRIVATE;
            // The number to move is where a time would be.
            let (at, to) = (word.as_ptr(), other.as_ptr());
            // SAFETY: words that outlive the call.
            let count = unsafe {
                libc::syscall(libc::SYS_futex, at, operation, 1_usize, 3_usize, to, expected)
            };
            if count == -1 { Err(raw::errno()) } else { Ok(count) }
        };
        assert_eq!(requeue(1), Err(libc::EAGAIN));
        assert_eq!(requeue(0), Ok(4));
        assert_eq!(wake(&word, 9), 1, "one was left where it was");
        assert_eq!(wake(&other, 9), 3);
        parties.into_iter().for_each(Party::join);
        assert_eq!(awake.load(Ordering::SeqCst), 5);
    });
}

#[test]
fn a_wake_with_an_operation_wakes_at_the_second_word_if_it_compares() {
    green(|| {
        for (old, seconds) in [(0_u32, 0), (1, 2)] {
            let words = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
            let awake = Arc::new(AtomicUsize::new(0));
            let mut parties = waiting(&words[0], &[true], &awake);
            parties.extend(waiting(&words[1], &[true, false], &awake));
            words[1].store(old, Ordering::SeqCst);
            // Sets the second word to 5, and wakes there if it was greater than 0.
            let encoded = libc::FUTEX_OP_SET << 28 | libc::FUTEX_OP_CMP_GT << 24 | 5 << 12;
            let operation = libc::FUTEX_WAKE_OP | PRIVATE;
            let (at, to) = (words[0].as_ptr(), words[1].as_ptr());
            // SAFETY: words that outlive the call.
            let count = unsafe {
                libc::syscall(libc::SYS_futex, at, operation, 1_usize, 9_usize, to, encoded)
            };
            assert_eq!(count, 1 + seconds);
            assert_eq!(words[1].load(Ordering::SeqCst), 5);
            words.iter().for_each(|word| _ = wake(word, 9));
            parties.into_iter().for_each(Party::join);
        }
    });
}

#[test]
fn a_word_that_processes_share_is_waited_for_without_blocking_the_worker() {
    on_workers(1, || {
        let word = Arc::new(AtomicU32::new(0));
        let shared = word.clone();
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let word = shared.clone();
                thread::spawn(move || futex(&word, libc::FUTEX_WAIT, 0, None, None, 0))
            })
            .collect();
        let mut woken = 0;
        while woken < 20 {
            thread::sleep(MOMENT);
            woken += futex(&word, libc::FUTEX_WAKE, 20, None, None, 0).unwrap();
        }
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(0));
        }
    });
}

#[test]
fn who_is_woken_unseen_is_rescued() {
    on_workers(1, || {
        let word = Arc::new(AtomicU32::new(0));
        let its = word.clone();
        let waiter = thread::spawn(move || wait(&its, 0));
        thread::sleep(MOMENT);
        let before = rescued_waits();
        word.store(1, Ordering::SeqCst);
        // By the instruction, as some crates do it.
        let arguments = [word.as_ptr().addr(), WAKE as usize, 1, 0, 0, 0];
        // SAFETY: a word that is alive.
        assert_eq!(unsafe { raw::call(Sysno::futex, arguments) }, Ok(0));
        assert_eq!(waiter.join().unwrap(), Ok(0));
        assert!(rescued_waits() > before);
    });
}

#[test]
fn a_kill_ends_one_wait_and_the_next_one_goes_on() {
    green(|| {
        let word = Arc::new(AtomicU32::new(0));
        let returns = Arc::new(AtomicUsize::new(0));
        let (its, counted) = (word.clone(), returns.clone());
        let waiter = thread::spawn(move || {
            while its.load(Ordering::SeqCst) == 0 {
                assert!(wait(&its, 0).is_ok());
                counted.fetch_add(1, Ordering::SeqCst);
            }
            thread::park();
        });
        thread::sleep(MOMENT);
        waiter.thread().kill().unwrap();
        thread::sleep(3 * MOMENT);
        assert_eq!(returns.load(Ordering::SeqCst), 1);
        word.store(1, Ordering::SeqCst);
        assert_eq!(wake(&word, 1), 1, "it waits again");
        assert!(waiter.join().unwrap_err().is::<Killed>());
    });
}

#[test]
fn the_newer_calls_meet_the_older_one() {
    on_workers(1, || {
        const FLAGS: usize = 2 | 128;
        let word = Arc::new(AtomicU32::new(0));
        let its = word.clone();
        let call = |number: Sysno, arguments: [usize; 4]| {
            let [a, b, c, d] = arguments;
            // SAFETY: a word that is alive.
            let outcome = unsafe { libc::syscall(number as c_long, a, b, c, d, 0_usize, 0_usize) };
            if outcome == -1 { Err(raw::errno()) } else { Ok(outcome) }
        };
        let waiter =
            thread::spawn(move || call(Sysno::futex_wait, [its.as_ptr().addr(), 0, 1, FLAGS]));
        thread::sleep(MOMENT);
        let at = word.as_ptr().addr();
        assert!(matches!(call(Sysno::futex_wake, [at, 1, 1, FLAGS]), Ok(1)));
        assert_eq!(waiter.join().unwrap(), Ok(0));
        assert_eq!(call(Sysno::futex_wait, [at, 9, 1, FLAGS]), Err(libc::EAGAIN));
    });
}

#[test]
fn outside_of_green_threads_the_answers_are_the_kernels() {
    let word = AtomicU32::new(3);
    let time = timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let at = word.as_ptr().addr();
    for (operation, value, time) in
        [(WAIT, 2, None), (WAIT, 3, Some(&time)), (WAKE, 1, None), (99, 0, None)]
    {
        let time_at = time.map_or(0, |time| ptr::from_ref(time).addr());
        let arguments = [at, operation as usize, value, time_at, 0, 0];
        // SAFETY: a word and a time that are alive.
        let kernels = unsafe { raw::call(Sysno::futex, arguments) };
        let ours = futex(&word, operation, value as u32, time, None, 0);
        assert_eq!(ours, kernels.map(|count| count as c_long));
    }
    // SAFETY: takes nothing.
    assert!(unsafe { libc::syscall(libc::SYS_gettid) } > 0);
}
