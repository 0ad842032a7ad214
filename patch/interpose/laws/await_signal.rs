//! Signals of unmodified code. Each test has signals of its own.

use super::{WHILE, hooked, kill_in_hook};
use crate::gate;
use crate::handler::{bit, to_set};
use crate::raw;
use crate::sleep::to_timespec;
use greenstd_runtime::thread;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type InfoHandler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

fn act(signal: i32, handler: usize, flags: i32) -> libc::sigaction {
    // SAFETY: plain old structs of C.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (action.sa_sigaction, action.sa_flags) = (handler, flags);
        let mut former = MaybeUninit::uninit();
        assert_eq!(libc::sigaction(signal, &raw const action, former.as_mut_ptr()), 0);
        former.assume_init()
    }
}

fn raise(signal: i32) {
    // SAFETY: no pointers. To the process, as another one would.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Blocks signals in this thread, and in those that it starts.
fn block(signal: i32) {
    // SAFETY: a set of ours.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &to_set(bit(signal)), ptr::null_mut()) };
}

/// What a handler has seen.
static SEEN: AtomicI32 = AtomicI32::new(0);
static CODE: AtomicI32 = AtomicI32::new(0);

extern "C" fn with_info(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel's.
    CODE.store(unsafe { (*info).si_code }, Ordering::Relaxed);
    SEEN.store(signal, Ordering::Relaxed);
}

#[test]
fn a_handler_is_called_with_all_that_it_asked_for_and_told_as_it_was_set() {
    let signal = libc::SIGRTMIN() + 1;
    let handler = with_info as InfoHandler as usize;
    act(signal, handler, libc::SA_SIGINFO | libc::SA_RESTART);
    // SAFETY: no pointers.
    unsafe { libc::raise(signal) };
    assert_eq!(
        (SEEN.load(Ordering::Relaxed), CODE.load(Ordering::Relaxed)),
        (signal, libc::SI_TKILL)
    );
    let former = act(signal, libc::SIG_IGN, 0);
    assert_eq!(former.sa_sigaction, handler);
    let asked = libc::SA_SIGINFO | libc::SA_RESTART;
    assert_eq!(former.sa_flags & asked, asked);
    assert_eq!(
        act(signal, handler, libc::SA_SIGINFO | libc::SA_RESETHAND).sa_sigaction,
        libc::SIG_IGN
    );
    // SAFETY: no pointers. To this very thread, so that it is over afterwards.
    unsafe { libc::raise(signal) };
    assert_eq!(act(signal, libc::SIG_DFL, 0).sa_sigaction, libc::SIG_DFL);
    // SAFETY: no pointers, as the kernel is asked about none.
    assert_eq!(unsafe { libc::sigaction(libc::SIGKILL, &act_of(handler), ptr::null_mut()) }, -1);
    assert_eq!(raw::errno(), libc::EINVAL);
}

fn act_of(handler: usize) -> libc::sigaction {
    // SAFETY: a plain old struct of C.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Of those, calls that would have parked a green thread, in the middle of whatever it does.
static PARKING: AtomicUsize = AtomicUsize::new(0);

extern "C" fn sleeps(_: i32) {
    PARKING.fetch_add(usize::from(gate::is_cooperative()), Ordering::Relaxed);
    // SAFETY: no pointers.
    unsafe { libc::usleep(1) };
    CALLS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_handler_that_blocks_parks_nobody() {
    let signal = libc::SIGRTMIN() + 2;
    let handler = sleeps as extern "C" fn(i32) as usize;
    // SAFETY: a handler that is there for good.
    assert_eq!(unsafe { libc::signal(signal, handler) }, libc::SIG_DFL);
    hooked().run(move || {
        for _ in 0..20 {
            assert!(gate::is_cooperative());
            // On this very thread.
            // SAFETY: no pointers.
            unsafe { libc::raise(signal) };
        }
        assert_eq!((CALLS.load(Ordering::Relaxed), PARKING.load(Ordering::Relaxed)), (20, 0));
        assert!(gate::is_cooperative());
    });
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::signal(signal, libc::SIG_IGN) }, handler);
}

#[test]
fn siginterrupt_and_the_older_ways_set_the_flags_that_they_stand_for() {
    unsafe extern "C" {
        fn siginterrupt(signal: i32, flag: i32) -> i32;
        fn sysv_signal(signal: i32, handler: usize) -> usize;
        fn sigset(signal: i32, handler: usize) -> usize;
    }
    let signal = libc::SIGRTMIN() + 3;
    let handler = sleeps as extern "C" fn(i32) as usize;
    let flags = || {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: room of ours.
        unsafe {
            libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
            action.assume_init().sa_flags
        }
    };
    // SAFETY: handlers that are there for good.
    unsafe {
        libc::signal(signal, handler);
        assert_eq!(flags() & libc::SA_RESTART, libc::SA_RESTART);
        assert_eq!(siginterrupt(signal, 1), 0);
        assert_eq!(flags() & libc::SA_RESTART, 0);
        libc::signal(signal, handler);
        assert_eq!(flags() & libc::SA_RESTART, 0);
        siginterrupt(signal, 0);
        assert_eq!(sysv_signal(signal, handler), handler);
        assert_eq!(flags() & libc::SA_RESETHAND, libc::SA_RESETHAND);
        // To hold it is to block it; that is told by the next.
        assert_eq!(sigset(signal, 2), handler);
        assert_eq!(sigset(signal, libc::SIG_DFL), 2);
        assert_eq!(sigset(signal, libc::SIG_DFL), libc::SIG_DFL);
    }
}

#[test]
fn a_blocked_signal_is_waited_for_and_taken_once() {
    let signal = libc::SIGRTMIN() + 4;
    // Others threads of the test program do not block it: to them it is nothing.
    act(signal, libc::SIG_IGN, 0);
    block(signal);
    let runtime = hooked();
    // A pending signal that is ignored would be lost: it is waited for as one that is not.
    runtime.run(move || {
        block(signal);
        let set = to_set(bit(signal));
        let time = to_timespec(WHILE);
        let start = Instant::now();
        // SAFETY: a set and a time of ours.
        let outcome = unsafe { libc::sigtimedwait(&raw const set, ptr::null_mut(), &time) };
        assert_eq!((outcome, raw::errno()), (-1, libc::EAGAIN));
        assert!(start.elapsed() >= WHILE);
        act(signal, libc::SIG_DFL, 0);
        let sender = thread::spawn(move || {
            thread::sleep(WHILE);
            // To this very thread, as others do not block it.
            // SAFETY: no pointers.
            unsafe { libc::raise(signal) };
        });
        let mut taken = 0;
        // SAFETY: a set of ours, and room.
        assert_eq!(unsafe { libc::sigwait(&raw const set, &raw mut taken) }, 0);
        assert_eq!(taken, signal);
        sender.join().unwrap();
        kill_in_hook(thread::spawn(move || {
            let mut info = MaybeUninit::uninit();
            // SAFETY: a set of ours, and room.
            let outcome = unsafe { libc::sigwaitinfo(&raw const set, info.as_mut_ptr()) };
            assert_eq!((outcome, raw::errno()), (-1, libc::ECANCELED));
            thread::park();
        }));
    });
}

extern "C" fn nothing(_: i32) {}

#[test]
fn pauses_and_suspensions_end_when_a_handler_has_run() {
    let signal = libc::SIGRTMIN() + 5;
    act(signal, nothing as extern "C" fn(i32) as usize, 0);
    hooked().run(move || {
        let done = std::sync::Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..100)
            .map(|number| {
                let done = done.clone();
                thread::spawn(move || {
                    // SAFETY: no pointers, and a set of ours.
                    let outcome = unsafe {
                        match number % 2 {
                            0 => libc::pause(),
                            _ => libc::sigsuspend(&to_set(0)),
                        }
                    };
                    assert_eq!((outcome, raw::errno()), (-1, libc::EINTR));
                    done.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        thread::sleep(WHILE);
        let deadline = Instant::now() + Duration::from_secs(10);
        raise(signal);
        for waiter in waiters {
            waiter.join().unwrap();
            assert!(Instant::now() < deadline);
        }
    });
}

#[test]
fn outside_of_green_threads_signals_are_the_kernels() {
    let signal = libc::SIGRTMIN() + 6;
    block(signal);
    let set = to_set(bit(signal));
    // SAFETY: sets and times of ours.
    unsafe {
        libc::raise(signal);
        let time = to_timespec(WHILE);
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        assert_eq!(libc::sigtimedwait(&raw const set, info.as_mut_ptr(), &time), signal);
        assert_eq!(info.assume_init().si_code, libc::SI_USER);
        assert_eq!(libc::sigtimedwait(&raw const set, ptr::null_mut(), &time), -1);
        assert_eq!(raw::errno(), libc::EAGAIN);
    }
}
