//! Barriers, and what is to happen once.

use super::parties::{MOMENT, Party, Shared, green, on_workers};
use greenstd_runtime::thread;
use std::cell::Cell;
use std::panic;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

unsafe extern "C-unwind" {
    fn pthread_once(control: *mut i32, routine: extern "C-unwind" fn()) -> i32;
}

#[test]
fn all_come_to_a_barrier_before_any_goes_on_and_one_is_told() {
    green(|| {
        const PARTIES: u32 = 10;
        const ROUNDS: usize = 50;
        // SAFETY: zero is a value of its type, and it is made before it is used.
        let barrier = unsafe {
            let barrier = Shared::new(std::mem::zeroed());
            assert_eq!(libc::pthread_barrier_init(barrier.get(), ptr::null(), PARTIES), 0);
            barrier
        };
        let (came, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let parties: Vec<Party> = (0..PARTIES)
            .map(|number| {
                let (came, told) = (came.clone(), told.clone());
                Party::spawn(number % 3 != 0, move || {
                    for round in 1..=ROUNDS {
                        came.fetch_add(1, Ordering::SeqCst);
                        // SAFETY: a barrier that is never freed.
                        match unsafe { libc::pthread_barrier_wait(barrier.get()) } {
                            0 => {}
                            libc::PTHREAD_BARRIER_SERIAL_THREAD => {
                                told.fetch_add(1, Ordering::SeqCst);
                            }
                            error => panic!("{error}"),
                        }
                        assert!(came.load(Ordering::SeqCst) >= round * PARTIES as usize);
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
        assert_eq!(told.load(Ordering::SeqCst), ROUNDS);
    });
}

#[test]
fn others_wait_while_one_runs_what_is_to_happen_once() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    extern "C-unwind" fn slowly() {
        std::thread::sleep(MOMENT);
        RUNS.fetch_add(1, Ordering::SeqCst);
    }
    green(|| {
        let before = RUNS.load(Ordering::SeqCst);
        let control = Shared::new(libc::PTHREAD_ONCE_INIT);
        let parties: Vec<Party> = (0..20)
            .map(|number| {
                Party::spawn(number % 5 != 0, move || {
                    // SAFETY: a control word that is never freed.
                    assert_eq!(unsafe { pthread_once(control.get(), slowly) }, 0);
                    assert_eq!(RUNS.load(Ordering::SeqCst), before + 1);
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
    });
}

#[test]
fn a_routine_that_unwinds_has_not_run() {
    thread_local! {
        static FAILS: Cell<bool> = const { Cell::new(true) };
    }
    extern "C-unwind" fn once_more() {
        if FAILS.replace(false) {
            panic::resume_unwind(Box::new("on purpose"));
        }
    }
    on_workers(1, || {
        let control = Shared::new(libc::PTHREAD_ONCE_INIT);
        // SAFETY: a control word that is never freed.
        let call = move || unsafe { pthread_once(control.get(), once_more) };
        assert!(panic::catch_unwind(call).is_err());
        assert!(!FAILS.get());
        assert_eq!(call(), 0);
        assert_eq!(call(), 0);
    });
}

#[test]
fn std_meets_at_its_own_barrier_and_does_once_what_is_to_be() {
    green(|| {
        let barrier = Arc::new(std::sync::Barrier::new(6));
        let once = Arc::new(std::sync::OnceLock::new());
        let leaders = Arc::new(AtomicUsize::new(0));
        let parties: Vec<Party> = (0..6)
            .map(|number| {
                let (barrier, once, leaders) = (barrier.clone(), once.clone(), leaders.clone());
                Party::spawn(number % 2 == 0, move || {
                    for _ in 0..20 {
                        leaders
                            .fetch_add(usize::from(barrier.wait().is_leader()), Ordering::SeqCst);
                    }
                    let value = once.get_or_init(|| {
                        std::thread::sleep(Duration::from_millis(5));
                        7
                    });
                    assert_eq!(*value, 7);
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
        assert_eq!(leaders.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn a_yield_lets_others_run_and_a_kill_does_not_keep_it_from_it() {
    on_workers(1, || {
        let word = Arc::new(AtomicU32::new(0));
        let its = word.clone();
        let spinner = thread::spawn(move || {
            while its.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            thread::park();
        });
        std::thread::yield_now();
        spinner.thread().kill().unwrap();
        std::thread::yield_now();
        word.store(1, Ordering::SeqCst);
        assert!(spinner.join().is_err());
    });
}
