//! `sleep` and `sleep_until`: never early, and no longer than need be.

use greenstd::thread as green;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! { parity
    fn a_sleep_is_never_early() {
        let sleepers: Vec<_> = (0..100_u64)
            .map(|number| {
                thread::spawn(move || {
                    for micros in [0, 1, 999, 1000, number * 37, 2500 - number] {
                        let wanted = Duration::from_micros(micros);
                        let start = Instant::now();
                        thread::sleep(wanted);
                        assert!(start.elapsed() >= wanted);
                    }
                })
            })
            .collect();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    }

    fn sleepers_wake_in_the_order_of_their_deadlines() {
        let turn = Arc::new(AtomicUsize::new(0));
        let sleepers: Vec<_> = [3_u64, 1, 4, 0, 2]
            .into_iter()
            .map(|place| {
                let turn = turn.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20 + 40 * place));
                    assert_eq!(turn.fetch_add(1, Ordering::SeqCst), place as usize);
                })
            })
            .collect();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    }
}

laws! {
    fn sleep_until_is_never_early_and_over_at_once_in_the_past() {
        for micros in [0, 1, 500, 1000, 3333] {
            let deadline = Instant::now() + Duration::from_micros(micros);
            thread::sleep_until(deadline);
            assert!(Instant::now() >= deadline);
        }
        let start = Instant::now();
        thread::sleep_until(start - Duration::from_millis(1));
        thread::sleep_until(start);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    fn short_sleeps_are_precise() {
        let mut late: Vec<Duration> = (0..100)
            .map(|_| {
                let start = Instant::now();
                thread::sleep(Duration::from_micros(100));
                start.elapsed() - Duration::from_micros(100)
            })
            .collect();
        late.sort_unstable();
        // A timer of whole milliseconds would be late by one nearly always.
        assert!(late[25] < Duration::from_micros(900), "{:?}", late[25]);
    }
}

laws! { green
    fn a_loop_of_sleeps_of_nothing_lets_others_run() {
        for pause in [Duration::ZERO, Duration::from_nanos(1)] {
            let flag = Arc::new(AtomicBool::new(false));
            let inner = flag.clone();
            green::spawn(move || inner.store(true, Ordering::SeqCst));
            while !flag.load(Ordering::SeqCst) {
                green::sleep(pause);
            }
            let (inner, may_end) = (flag.clone(), Arc::new(AtomicBool::new(false)));
            let end = may_end.clone();
            let setter = green::spawn(move || {
                while !end.load(Ordering::SeqCst) {
                    green::park_timeout(pause);
                }
                inner.store(false, Ordering::SeqCst);
            });
            may_end.store(true, Ordering::SeqCst);
            while flag.load(Ordering::SeqCst) {
                green::park_timeout(pause);
            }
            setter.join().unwrap();
        }
    }

    fn many_sleepers_do_not_wait_for_one_another() {
        let start = Instant::now();
        let sleepers: Vec<_> = (0..1000)
            .map(|_| green::spawn(|| green::sleep(Duration::from_millis(50))))
            .collect();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(25), "they slept one after another");
    }
}
