//! Laws of the checks of locks.
//!
//! The checks are those of the process, so what each test finds is told apart by the lines of this
//! file on which its locks are taken.
#![cfg(debug_assertions)]

#[allow(dead_code, unused_macros, reason = "of the flavours, only the watchdog is used")]
#[path = "../common/flavour.rs"]
mod flavour;

use greenstd::sync::{Condvar, LockChecks, LockReport, LockUse, Mutex, ReentrantMutex, RwLock};
use greenstd::time::Duration;
use greenstd::{channel, thread};
use std::ops::Range;
use std::sync::Mutex as StdMutex;

/// Everything that was found until now.
static FOUND: StdMutex<Vec<LockReport>> = StdMutex::new(Vec::new());

const MOMENT: Duration = Duration::from_millis(1);

/// What was found about locks that were last taken in `lines`.
fn found(lines: &Range<u32>) -> Vec<LockReport> {
    let mut found = FOUND.lock().unwrap();
    found.extend(LockChecks::take_reports());
    let is_here = |it: &LockUse| it.site().file() == file!() && lines.contains(&it.site().line());
    let concerns = |report: &LockReport| match report {
        LockReport::Order { wanted, .. } | LockReport::Again { wanted, .. } => is_here(wanted),
        LockReport::HeldAcrossWait { held, .. } => is_here(held),
        _ => false,
    };
    found.iter().filter(|report| concerns(report)).cloned().collect()
}

fn lines(start: u32, end: u32) -> Range<u32> {
    assert!(LockChecks::new().install());
    start..end
}

/// Reports are told once for each pair of places, so each law has one flavour here; what holds on
/// the threads of either kind is one law that runs on both.
fn on_both_kinds_of_thread(body: fn()) {
    let _watchdog = flavour::Watchdog::new();
    assert!(LockChecks::new().install());
    greenstd::runtime::Builder::new().workers(1).build().unwrap().run(body);
    std::thread::spawn(body).join().unwrap();
}

#[test]
fn two_orders_are_reported_once_with_all_four_places() {
    let here = lines(line!(), line!() + 22);
    fn both() {
        let (one, other) = (Mutex::new(()), Mutex::new(()));
        for _ in 0..3 {
            let _one = one.lock().unwrap();
            let _other = other.lock().unwrap();
        }
        for _ in 0..3 {
            let _other = other.lock().unwrap();
            let _one = one.lock().unwrap();
        }
    }
    on_both_kinds_of_thread(both);
    let reports = found(&here);
    let [LockReport::Order { held, wanted, before }] = &reports[..] else { panic!("{reports:?}") };
    let start = here.start;
    assert_eq!((held.site().line(), wanted.site().line()), (start + 8, start + 9));
    assert_eq!(before.len(), 1);
    assert_eq!((before[0].0.site().line(), before[0].1.site().line()), (start + 4, start + 5));
    assert_eq!((before[0].0.lock(), before[0].1.lock()), (wanted.lock(), held.lock()));
    let text = reports[0].to_string();
    for line in [4, 5, 8, 9] {
        assert!(text.contains(&format!("{}:{}", file!(), start + line)), "{text}");
    }
}

#[test]
fn a_circle_of_three_is_found() {
    let here = lines(line!(), line!() + 14);
    on_both_kinds_of_thread(|| {
        let locks = [const { RwLock::new(()) }; 3];
        for (first, second) in [(0, 1), (1, 2), (2, 0)] {
            let _first = locks[first].write().unwrap();
            let _second = locks[second].read().unwrap();
        }
    });
    let reports = found(&here);
    // The places are the same for all, so there is one report.
    let [LockReport::Order { wanted, before, .. }] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!(before.len(), 2, "{reports:?}");
    assert_eq!(wanted.call(), "RwLock::read");
}

#[test]
fn one_order_is_no_finding() {
    let here = lines(line!(), line!() + 20);
    on_both_kinds_of_thread(|| {
        let (outer, inner) = (ReentrantMutex::new(()), Mutex::new(()));
        for _ in 0..3 {
            let _outer = outer.lock();
            let _again = outer.lock();
            let _inner = inner.lock().unwrap();
        }
        // Asked for by `try_lock`, which cannot wait, so that no order is broken.
        let _inner = inner.lock().unwrap();
        let _outer = outer.try_lock().unwrap();
    });
    assert_eq!(found(&here), []);
}

#[test]
fn reentrant_mutex_is_named_where_it_was_taken() {
    let here = lines(line!(), line!() + 18);
    on_both_kinds_of_thread(|| {
        let (one, other) = (ReentrantMutex::new(()), ReentrantMutex::new(()));
        {
            let _one = one.lock();
            let _again = one.lock();
            let _other = other.lock();
        }
        let _other = other.lock();
        let _one = one.lock();
    });
    let reports = found(&here);
    let [LockReport::Order { held, wanted, .. }] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((held.site().line(), wanted.site().line()), (here.start + 8, here.start + 9));
}

#[test]
fn a_lock_that_is_asked_for_by_its_holder_is_reported() {
    let here = lines(line!(), line!() + 16);
    let _watchdog = flavour::Watchdog::new();
    greenstd::runtime::Builder::new().workers(1).build().unwrap().run(|| {
        let again = thread::spawn(|| {
            let mutex = Mutex::new(());
            let _first = mutex.lock().unwrap();
            let _second = mutex.lock().unwrap();
        });
        thread::sleep(MOMENT);
        again.thread().kill().unwrap();
        assert!(again.join().unwrap_err().is::<thread::Killed>());
    });
    let reports = found(&here);
    assert!(matches!(&reports[..], [LockReport::Again { .. }]), "{reports:?}");
}

#[test]
fn readers_may_ask_again() {
    let here = lines(line!(), line!() + 10);
    on_both_kinds_of_thread(|| {
        let lock = RwLock::new(());
        let _first = lock.read().unwrap();
        let _second = lock.read().unwrap();
    });
    assert_eq!(found(&here), []);
}

#[test]
fn a_lock_held_across_a_sleep_is_reported_with_both_names() {
    let here = lines(line!(), line!() + 14);
    let _watchdog = flavour::Watchdog::new();
    greenstd::runtime::Builder::new().workers(1).build().unwrap().run(|| {
        let mutex = Mutex::new(());
        for _ in 0..3 {
            let _held = mutex.lock().unwrap();
            thread::sleep(MOMENT);
        }
    });
    let reports = found(&here);
    let [LockReport::HeldAcrossWait { held, waits_in }] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!((held.site().line(), *waits_in), (here.start + 5, Some("thread::sleep")));
}

#[test]
fn what_was_given_up_before_the_wait_is_no_finding() {
    let here = lines(line!(), line!() + 30);
    on_both_kinds_of_thread(|| {
        let (mutex, condvar, lock) = (Mutex::new(()), Condvar::new(), RwLock::new(()));
        drop(mutex.lock().unwrap());
        drop(lock.write().unwrap());
        drop(mutex.try_lock().unwrap());
        thread::sleep(MOMENT);
        // The condition's own mutex.
        let guard = mutex.lock().unwrap();
        let (guard, _) = condvar.wait_timeout(guard, MOMENT).unwrap();
        drop(guard);
        let (sender, receiver) = channel::bounded::<()>(0);
        drop(sender);
        assert!(receiver.recv().is_err());
        // A wait for a lock is none either: that is what orders are for.
        let outer = Mutex::new(());
        thread::scope(|scope| {
            let guard = mutex.lock().unwrap();
            scope.spawn(|| {
                let _outer = outer.lock().unwrap();
                let _inner = mutex.lock().unwrap();
            });
            thread::yield_now();
            drop(guard);
        });
    });
    assert_eq!(found(&here), []);
}

#[test]
fn who_unwinds_holds_nothing_any_more() {
    let here = lines(line!(), line!() + 22);
    let _watchdog = flavour::Watchdog::new();
    greenstd::runtime::Builder::new().workers(1).build().unwrap().run(|| {
        static LOCK: Mutex<()> = Mutex::new(());
        let _ = std::panic::catch_unwind(|| {
            let _guard = LOCK.lock().unwrap();
            std::panic::resume_unwind(Box::new(()));
        });
        thread::sleep(MOMENT);
        let guard = LOCK.lock().unwrap_err();
        let waits = thread::spawn(|| drop(LOCK.lock()));
        thread::yield_now();
        waits.thread().kill().unwrap();
        while !waits.is_finished() {
            thread::yield_now();
        }
        drop(guard);
        assert!(waits.join().is_err());
        thread::sleep(MOMENT);
    });
    assert_eq!(found(&here), []);
}
