//! Barriers.

use crate::fixture::{everywhere, is_ended_from_outside, killed, settle};
use greenstd::sync::Barrier;
use greenstd::{thread, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! { parity
    fn nobody_passes_before_all_have_come_and_one_of_them_leads() {
        let barrier = Arc::new(sync::Barrier::new(6));
        let arrived = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let (barrier, arrived) = (barrier.clone(), arrived.clone());
                thread::spawn(move || {
                    let mut led = 0;
                    for generation in 1..=50 {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        led += u32::from(barrier.wait().is_leader());
                        assert!(arrived.load(Ordering::SeqCst) >= 6 * generation);
                    }
                    led
                })
            })
            .collect();
        let led: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(led, 50);
    }

    fn one_for_nobody_or_one_never_blocks() {
        for size in [0, 1] {
            let barrier = sync::Barrier::new(size);
            assert!(barrier.wait().is_leader());
            assert!(barrier.wait().is_leader());
        }
    }

    fn it_prints_as_in_std() {
        let barrier = sync::Barrier::new(1);
        assert_eq!(format!("{barrier:?}"), "Barrier { .. }");
        assert_eq!(format!("{:?}", barrier.wait()), "BarrierWaitResult { is_leader: true }");
    }
}

/// C27
#[test]
fn a_wait_at_it_is_ended_from_outside() {
    static BARRIER: Barrier = Barrier::new(2);
    is_ended_from_outside(|| {
        BARRIER.wait();
    });
}

/// C38
#[test]
fn one_who_gave_up_has_not_arrived() {
    everywhere(|| {
        let barrier = Arc::new(Barrier::new(2));
        let late = time::timeout(Duration::from_millis(1), || barrier.wait().is_leader());
        assert_eq!(late, Err(time::TimedOut));
        let passed = Arc::new(AtomicUsize::new(0));
        let other = (barrier.clone(), passed.clone());
        let first = thread::spawn(move || {
            other.0.wait();
            other.1.fetch_add(1, Ordering::SeqCst);
        });
        settle();
        assert_eq!(passed.load(Ordering::SeqCst), 0, "one is missing");
        barrier.wait();
        first.join().unwrap();
    });
}

/// C38
#[test]
fn one_who_was_killed_has_not_arrived() {
    static BARRIER: Barrier = Barrier::new(3);
    killed(1, || {
        BARRIER.wait();
    });
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| BARRIER.wait().is_leader())).collect();
    let led = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(led.filter(|led| *led).count(), 1);
}

/// C43
#[test]
fn it_gathers_threads_of_either_kind() {
    static BARRIER: Barrier = Barrier::new(4);
    let green: Vec<_> = (0..2).map(|_| thread::spawn(|| BARRIER.wait().is_leader())).collect();
    let os = std::thread::spawn(|| BARRIER.wait().is_leader());
    let mut led = u32::from(BARRIER.wait().is_leader());
    led += u32::from(os.join().unwrap());
    led += green.into_iter().map(|thread| u32::from(thread.join().unwrap())).sum::<u32>();
    assert_eq!(led, 1);
}
