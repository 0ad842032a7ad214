//! What a turn does, and when it returns.

use crate::flavour::Watchdog;
use crate::host::{driven, is_readable};
use greenstd::runtime::{Builder, ThreadLocals};
use greenstd::sync::Event;
use greenstd::thread;
use greenstd::time::timeout;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_turn_runs_all_that_can_run_in_the_order_of_their_spawns() {
    let runtime = driven();
    let order = Rc::new(RefCell::new(Vec::new()));
    for number in 0..1000 {
        let order = order.clone();
        runtime.spawn_local(move || {
            order.borrow_mut().push(number);
            thread::yield_now();
            order.borrow_mut().push(1000 + number);
        });
    }
    assert!(order.borrow().is_empty(), "nobody runs outside of turns");
    // The budget ends a turn on a slow machine.
    while runtime.turn(Some(Duration::ZERO)).is_runnable() {}
    assert_eq!(*order.borrow(), (0..2000).collect::<Vec<_>>());
    assert!(!runtime.turn(Some(Duration::ZERO)).has_run());
}

#[test]
fn a_turn_without_work_waits_for_so_long_and_not_longer() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let start = Instant::now();
    let turn = runtime.turn(Some(Duration::ZERO));
    assert!(!turn.has_run() && !turn.is_runnable());
    let turn = runtime.turn(Some(SHORT));
    assert!(!turn.has_run() && !turn.is_runnable());
    assert!(start.elapsed() >= SHORT);
    // Neither does one whose green threads wait for longer.
    let sleeper = runtime.spawn(|| thread::sleep(LONG));
    assert!(runtime.turn(None).has_run());
    assert!(!runtime.turn(Some(SHORT)).has_run());
    assert!(!sleeper.is_finished());
}

#[test]
fn a_turn_that_may_wait_ends_with_the_first_who_runs() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    for (time, max_wait) in [(SHORT, None), (SHORT, Some(LONG)), (Duration::from_micros(300), None)]
    {
        let start = Instant::now();
        let sleeper = runtime.spawn(move || thread::sleep(time));
        assert!(runtime.turn(max_wait).has_run());
        assert!(!sleeper.is_finished());
        assert!(runtime.turn(max_wait).has_run());
        assert!(sleeper.is_finished());
        assert!(start.elapsed() >= time, "a sleep ended early");
    }
}

#[test]
fn the_budget_ends_a_turn_and_loses_nobody() {
    let _watchdog = Watchdog::new();
    for budget in [Duration::ZERO, Duration::from_millis(1)] {
        let runtime = driven();
        runtime.set_budget(budget);
        let is_over = Arc::new(AtomicBool::new(false));
        let ran: Vec<Arc<AtomicUsize>> = (0..300).map(|_| Arc::default()).collect();
        let spinners: Vec<_> = ran
            .iter()
            .map(|count| {
                let (is_over, count) = (is_over.clone(), count.clone());
                runtime.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        count.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            let turn = runtime.turn(Some(Duration::ZERO));
            assert!(turn.has_run() && turn.is_runnable());
            assert!(is_readable(&runtime, Duration::ZERO), "the rest is told of");
            assert!(runtime.next_deadline().is_some_and(|deadline| deadline <= Instant::now()));
        }
        assert!(ran.iter().all(|count| count.load(Ordering::Relaxed) > 0), "somebody starved");
        is_over.store(true, Ordering::Relaxed);
        while runtime.turn(Some(Duration::ZERO)).is_runnable() {}
        assert!(spinners.iter().all(|spinner| spinner.is_finished()));
        assert!(!is_readable(&runtime, SHORT));
    }
}

#[test]
fn timers_and_sockets_are_served_while_others_never_wait() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let is_over = Arc::new(AtomicBool::new(false));
    let spins = is_over.clone();
    let spinner = runtime.spawn(move || {
        while !spins.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    });
    runtime.run_until(move || {
        let (mut here, mut there) = greenstd::os::unix::net::UnixStream::pair().unwrap();
        let peer = std::thread::spawn(move || {
            use std::io::Write;
            std::thread::sleep(SHORT);
            there.write_all(b"x").unwrap();
        });
        thread::sleep(Duration::from_millis(5));
        let mut byte = [0];
        std::io::Read::read_exact(&mut here, &mut byte).unwrap();
        peer.join().unwrap();
    });
    is_over.store(true, Ordering::Relaxed);
    runtime.run_until(move || spinner.join().unwrap());
}

#[test]
fn a_host_may_heed_deadlines_alone() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    assert_eq!(runtime.next_deadline(), None);
    let start = Instant::now();
    let sleeper = runtime.spawn(|| thread::sleep(SHORT));
    runtime.turn(Some(Duration::ZERO));
    while !sleeper.is_finished() {
        let deadline = runtime.next_deadline().expect("somebody sleeps");
        assert!(deadline <= start + LONG);
        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        runtime.turn(Some(Duration::ZERO));
    }
    assert!(start.elapsed() >= SHORT);
}

#[test]
fn run_until_returns_what_its_closure_does_and_leaves_the_others() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let event = Arc::new(Event::new());
    let waits = event.clone();
    let (value, other) = runtime.run_until(move || {
        let shared = Rc::new(20);
        let local = shared.clone();
        let child = thread::spawn_local(move || *local + 1);
        (*shared + child.join().unwrap(), thread::spawn(move || waits.wait()))
    });
    assert_eq!(value, 41);
    assert!(!other.is_finished());
    event.set();
    assert!(runtime.turn(None).has_run());
    assert!(other.is_finished());
}

#[test]
fn run_until_passes_a_panic_on_and_the_runtime_stays() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let run = std::panic::AssertUnwindSafe(|| {
        runtime.run_until(|| std::panic::resume_unwind(Box::new("on purpose")))
    });
    let payload = std::panic::catch_unwind(run).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(runtime.run_until(|| 7), 7);
}

#[test]
fn a_timeout_scope_ends_a_turn_that_waits_and_what_it_runs_goes_on() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let start = Instant::now();
    assert!(timeout(SHORT, || runtime.turn(None)).is_err());
    assert!(start.elapsed() >= SHORT);
    assert!(timeout(SHORT, || runtime.turn(Some(LONG))).is_err());
    // One that does not wait is not ended.
    assert!(timeout(Duration::ZERO, || runtime.turn(Some(Duration::ZERO))).is_ok());
    let event = Arc::new(Event::new());
    let has_ended = Rc::new(Cell::new(false));
    let (waits, ends) = (event.clone(), has_ended.clone());
    let run = || {
        runtime.run_until(move || {
            waits.wait();
            ends.set(true);
        });
    };
    assert!(timeout(SHORT, run).is_err());
    event.set();
    while !has_ended.get() {
        runtime.turn(None);
    }
}

#[test]
fn a_timeout_scope_ends_run_until_while_others_never_wait() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let spinner = runtime.spawn(|| {
        loop {
            thread::yield_now();
        }
    });
    assert!(timeout(SHORT, || runtime.run_until(thread::park)).is_err());
    spinner.kill().unwrap();
    drop(runtime);
    assert!(spinner.is_finished());
}

#[test]
fn green_threads_share_the_thread_locals_of_their_driver_unless_they_have_their_own() {
    thread_local! {
        static MARK: Cell<u32> = const { Cell::new(0) };
    }
    let _watchdog = Watchdog::new();
    MARK.set(7);
    let runtime = driven();
    let driver = std::thread::current().id();
    let seen = runtime.run_until(move || (MARK.replace(8), std::thread::current().id() == driver));
    assert_eq!(seen, (7, true));
    assert_eq!(MARK.get(), 8);
    if !ThreadLocals::Own.is_supported() {
        return;
    }
    let runtime = Builder::new().thread_locals(ThreadLocals::Own).build_driven().unwrap();
    let own = runtime.spawn(|| {
        let before = MARK.replace(9);
        thread::sleep(Duration::from_millis(1));
        thread::yield_now();
        (before, MARK.get())
    });
    let (before, after) = runtime.run_until(move || own.join().unwrap());
    assert_eq!((before, after), (0, 9));
    assert_eq!(MARK.get(), 8);
}

#[test]
fn a_watchdog_that_was_asked_for_watches_turns_only() {
    let _watchdog = Watchdog::new();
    let monitor = greenstd::runtime::Monitor::new().threshold(Duration::from_millis(40));
    let runtime = Builder::new().monitor(monitor.without_backtraces()).build_driven().unwrap();
    let stalls = |seen: usize| {
        let start = Instant::now();
        let count = || greenstd_stalls(&runtime);
        while count() < seen && start.elapsed() < crate::host::PATIENCE {
            runtime.turn(Some(Duration::from_millis(1)));
        }
        count()
    };
    runtime.run_until(|| ());
    // The host's own time is its own.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(stalls(0), 0);
    runtime.run_until(|| std::thread::sleep(Duration::from_millis(200)));
    assert_eq!(stalls(1), 1);
}

/// As a green thread of the runtime sees it.
fn greenstd_stalls(runtime: &greenstd::runtime::DrivenRuntime) -> usize {
    runtime.run_until(|| greenstd::runtime::monitor_statistics().unwrap().stalls as usize)
}
